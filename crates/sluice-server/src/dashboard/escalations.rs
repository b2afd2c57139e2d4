//! Where the factory asks a person: what failed, what was tried, and the form for the answer.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sluice_factory::EscalationState;
use sluice_factory::view::EscalationView;

use crate::dashboard::form::Form;
use crate::dashboard::frame::{Frame, Notice, page, refused};
use crate::dashboard::session::Visit;
use crate::dashboard::words::{When, plain, short};
use crate::param::{PathOf, id};
use crate::problem::ApiError;
use crate::query::LARGEST_PAGE;
use crate::state::{App, finish};

#[derive(Template)]
#[template(path = "escalations.html")]
struct InboxPage {
    frame: Frame,
    items: Vec<Item>,
    all: bool,
    next: Option<String>,
}

struct Item {
    id: String,
    project: String,
    gate: String,
    state: String,
    summary: String,
    when: When,
}

/// Which are listed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    all: bool,
    cursor: Option<String>,
}

/// `GET /escalations`.
pub(crate) async fn escalations(
    State(app): State<App>,
    visit: Visit,
    Query(which): Query<Which>,
) -> Result<Response, ApiError> {
    let state = (!which.all).then_some(EscalationState::Open);
    let cursor = which.cursor.as_deref();
    let found = app
        .factory
        .escalation_list(state, cursor, LARGEST_PAGE)
        .await?;
    let now = Timestamp::now();
    let items = found.items.into_iter();
    let items = items.filter(|one| visit.actor.may_see(&one.project));
    let shown = InboxPage {
        frame: Frame::new(&visit, "escalations", "Questions"),
        items: items
            .map(|one| Item {
                summary: plain(text(&one.question, "summary")),
                when: When::of(&one.created_at, now),
                id: one.id,
                project: one.project,
                gate: one.gate,
                state: one.state,
            })
            .collect(),
        all: which.all,
        next: found.next_cursor,
    };
    page(StatusCode::OK, &shown)
}

#[derive(Template)]
#[template(path = "escalation.html")]
struct EscalationPage {
    frame: Frame,
    id: String,
    project: String,
    gate: String,
    state: String,
    summary: String,
    command: Option<String>,
    when: When,
    findings: Vec<Found>,
    attempts: Vec<Tried>,
    fields: Vec<FieldOf>,
    answer: Option<Answered>,
    guidance: String,
}

struct Found {
    check: String,
    place: String,
    message: String,
}

struct Tried {
    n: u64,
    strategy: String,
    failing: String,
    failure: String,
    note: String,
    files: Vec<(String, String)>,
}

struct FieldOf {
    name: String,
    prompt: String,
    choices: Vec<String>,
    required: bool,
}

struct Answered {
    action: String,
    guidance: String,
    by: String,
}

/// `GET /escalations/{escalation}`.
pub(crate) async fn escalation(
    State(app): State<App>,
    visit: Visit,
    PathOf(name): PathOf<String>,
) -> Result<Response, ApiError> {
    let found = app
        .factory
        .escalation_fetch(id("escalation", &name)?)
        .await?;
    let frame = Frame::new(&visit, "escalations", "Question");
    show(frame, found, "")
}

/// `POST /escalations/{escalation}`.
pub(crate) async fn answer(
    State(app): State<App>,
    visit: Visit,
    PathOf(name): PathOf<String>,
    form: Form,
) -> Result<Response, ApiError> {
    let escalation = id("escalation", &name)?;
    let carried = {
        let (app, actor, form) = (App::clone(&app), visit.actor.clone(), form.clone());
        finish(async move {
            let fields: BTreeMap<String, Value> = form
                .below("field.")
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect();
            let (action, guidance) = (form.get("action"), form.get("guidance"));
            app.factory
                .escalation_answer(escalation, action, guidance, fields, &actor)
                .await
        })
    };
    match carried.await {
        Ok(run) => {
            let to = format!("/projects/{}/gates/{}?done=answered", run.project, run.gate);
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => {
            let found = app.factory.escalation_fetch(escalation).await?;
            let frame = Frame::new(&visit, "escalations", "Question");
            let frame = frame.with(Some(Notice::refused(&error)));
            refused(show(frame, found, form.get("guidance")), error)
        }
    }
}

fn show(frame: Frame, view: EscalationView, guidance: &str) -> Result<Response, ApiError> {
    let question = &view.question;
    let shown = EscalationPage {
        frame,
        summary: plain(text(question, "summary")),
        command: question
            .get("smallest_command")
            .and_then(Value::as_str)
            .map(plain),
        when: When::of(&view.created_at, Timestamp::now()),
        findings: list(question, "findings").iter().map(found).collect(),
        attempts: list(question, "attempts").iter().map(tried).collect(),
        fields: list(question, "fields").iter().map(field).collect(),
        answer: view.answer.as_ref().map(|answer| Answered {
            action: plain(text(answer, "action")),
            guidance: plain(text(answer, "guidance")),
            by: plain(view.answered_by.as_deref().unwrap_or_default()),
        }),
        guidance: guidance.to_owned(),
        id: view.id,
        project: view.project,
        gate: view.gate,
        state: view.state,
    };
    page(StatusCode::OK, &shown)
}

fn found(one: &Value) -> Found {
    let finding = one.get("finding").unwrap_or(&Value::Null);
    let line = finding.get("line").and_then(Value::as_u64);
    let path = plain(text(finding, "path"));
    Found {
        check: plain(text(one, "check")),
        place: match line {
            Some(line) => format!("{path}:{line}"),
            None => path,
        },
        message: plain(text(finding, "message")),
    }
}

fn tried(one: &Value) -> Tried {
    let failing: Vec<&str> = list(one, "failing")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let files = one
        .get("diff")
        .map(|diff| list(diff, "files"))
        .unwrap_or_default();
    Tried {
        n: one
            .get("attempt")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
        strategy: plain(text(one, "strategy")),
        failing: plain(&failing.join(", ")),
        failure: short(text(one, "failure")).to_owned(),
        note: plain(text(one, "note")),
        files: files
            .iter()
            .map(|file| (plain(text(file, "path")), plain(text(file, "patch"))))
            .collect(),
    }
}

fn field(one: &Value) -> FieldOf {
    let choices = list(one, "choices").iter().filter_map(Value::as_str);
    FieldOf {
        name: text(one, "name").to_owned(),
        prompt: plain(text(one, "prompt")),
        choices: choices.map(str::to_owned).collect(),
        required: one
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
