//! What people do at a gate: each is bound to what the page showed them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::{Value, json};
use sluice_factory::view::RunView;
use sluice_factory::{Asked, Decide, Gate};

use crate::dashboard::form::Form;
use crate::dashboard::frame::{Frame, Notice, refused};
use crate::dashboard::session::Visit;
use crate::param::{self, PathOf};
use crate::problem::{ApiError, Kind};
use crate::state::{App, finish};

/// The sentence above the page that follows.
pub(crate) fn told(done: &str) -> Option<Notice> {
    let text = match done {
        "start" | "ask" => "It is started.",
        "approve" => "Your approval is recorded, and stands in the proof.",
        "reject" => "Your rejection is recorded; its reason goes with the work.",
        "allow" | "refuse" => "Your ruling is recorded.",
        "cancel" => "The run is cancelled.",
        "answered" => "Your answer is recorded; the work goes on with it.",
        _ => return None,
    };
    Some(Notice::good(text))
}

/// `POST /projects/{project}/gates/{gate}/{action}`.
pub(crate) async fn decide(
    State(app): State<App>,
    visit: Visit,
    PathOf((project, name, action)): PathOf<(String, String, String)>,
    form: Form,
) -> Result<Response, ApiError> {
    let gate = param::gate(&name)?;
    let done = told(&action).is_some() && action != "answered";
    if !done {
        let detail = format!("{action:?} is nothing that can be done at a gate");
        return Err(ApiError::new(Kind::NotFound, detail));
    }
    let carried = {
        let (app, visit) = (App::clone(&app), visit.clone());
        let (project, action, form) = (project.clone(), action.clone(), form.clone());
        finish(async move { carry_out(&app, &visit, &project, gate, &action, &form).await })
    };
    match carried.await {
        Ok(_) => {
            let to = format!("/projects/{project}/gates/{gate}?done={action}");
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => {
            let title = format!("{} of {project}", name.to_uppercase());
            let frame = Frame::new(&visit, "projects", title).with(Some(Notice::refused(&error)));
            refused(super::show(&app, frame, &project, gate, None).await, error)
        }
    }
}

async fn carry_out(
    app: &App,
    visit: &Visit,
    project: &str,
    gate: Gate,
    action: &str,
    form: &Form,
) -> Asked<RunView> {
    let (factory, actor) = (&app.factory, &visit.actor);
    let comment = form.get("comment").to_owned();
    match action {
        "start" => factory.gate_start(project, gate, actor).await,
        "ask" => factory.gate_ask(project, gate, actor).await,
        "approve" => {
            factory
                .gate_approve(project, gate, decision(form, None), actor)
                .await
        }
        "reject" => {
            let to = form.get("to").parse().ok();
            factory
                .gate_reject(project, gate, decision(form, to), actor)
                .await
        }
        "allow" => factory.gate_rule(project, gate, true, comment, actor).await,
        "refuse" => {
            factory
                .gate_rule(project, gate, false, comment, actor)
                .await
        }
        _ => factory.gate_cancel(project, gate, comment, actor).await,
    }
}

fn decision(form: &Form, to: Option<Gate>) -> Decide {
    let fields = form.below("field.");
    let fields: BTreeMap<String, Value> = fields
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    Decide {
        subject_digest: form.get("subject_digest").to_owned(),
        comment: form.get("comment").to_owned(),
        fields,
        to,
    }
}
