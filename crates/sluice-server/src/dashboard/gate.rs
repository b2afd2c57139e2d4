//! A gate: what is asked of whom, on which evidence, and what was tried.

mod attempt;
mod decide;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use sluice_factory::Gate;
use sluice_factory::view::{AttemptSummary, GateView, ReopenedView};

use crate::dashboard::frame::{Frame, page};
use crate::dashboard::session::Visit;
use crate::dashboard::stream::newest;
use crate::dashboard::words::{Look, When, attempt_look, gate_look, plain, short};
use crate::param::{self, PathOf};
use crate::problem::{ApiError, Kind};
use crate::state::App;

use attempt::Attempt;
pub(crate) use decide::decide;

/// A design is a page of somebody's: it may look as it likes, and do nothing.
const DESIGN_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; \
                             sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

#[derive(Template)]
#[template(path = "gate.html")]
struct GatePage {
    frame: Frame,
    project: String,
    after: i64,
    gate: String,
    name: String,
    purpose: String,
    state: String,
    look: Look,
    text: String,
    fault: Option<String>,
    held: Vec<String>,
    escalation: Option<String>,
    reopened: Option<String>,
    accepted_unknown: String,
    waivers: Vec<Waiver>,
    subject: Option<Subject>,
    fields: Vec<FieldOf>,
    approvals: String,
    /// Where a rejection may send the work: this gate, and those before it.
    back: Vec<String>,
    required: Vec<Required>,
    attempts: Vec<Row>,
    shown: Option<Attempt>,
}

/// What a decision is about.
struct Subject {
    commit: String,
    tree: String,
    digest: String,
    edits: usize,
}

struct Waiver {
    what: String,
    why: String,
    until: Option<String>,
    is_expired: bool,
}

/// Something to fill in; where there are choices, one of them.
struct FieldOf {
    name: String,
    prompt: String,
    required: bool,
    choices: Vec<Choice>,
}

struct Choice {
    path: String,
    /// Where it can be looked at, when it is a page.
    frame: Option<String>,
}

/// A proof that the gate demands, with those that are there.
struct Required {
    kind: String,
    proofs: Vec<(String, String)>,
}

/// An attempt in the timeline.
struct Row {
    n: u16,
    agent: String,
    model: Option<String>,
    strategy: String,
    look: Look,
    failing: String,
    when: When,
    is_shown: bool,
}

/// `GET /projects/{project}/gates/{gate}`: the newest attempt, or the one that `?attempt=` names.
pub(crate) async fn gate(
    State(app): State<App>,
    visit: Visit,
    PathOf((project, name)): PathOf<(String, String)>,
    axum::extract::Query(Wanted { attempt, done }): axum::extract::Query<Wanted>,
) -> Result<Response, ApiError> {
    let gate = param::gate(&name)?;
    let notice = done.as_deref().and_then(decide::told);
    let frame = Frame::new(
        &visit,
        "projects",
        format!("{} of {project}", name.to_uppercase()),
    );
    show(&app, frame.with(notice), &project, gate, attempt).await
}

/// Which attempt is looked at, and what was done just now.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Wanted {
    attempt: Option<u16>,
    done: Option<String>,
}

async fn show(
    app: &App,
    frame: Frame,
    project: &str,
    gate: Gate,
    wanted: Option<u16>,
) -> Result<Response, ApiError> {
    let after = newest(app);
    let now = Timestamp::now();
    let view = app.factory.gate_fetch(project, gate).await?;
    // A gate that was never started has none.
    let attempts = match view.run {
        Some(_) => app.factory.attempt_list(project, gate).await?,
        None => Vec::new(),
    };
    let n = wanted.or_else(|| attempts.last().map(|last| last.attempt));
    let shown = match n.filter(|_| !attempts.is_empty()) {
        Some(n) => {
            let whole = app.factory.attempt_fetch(project, gate, n).await?;
            Some(Attempt::of(whole, now))
        }
        None => None,
    };
    let mut rows: Vec<Row> = attempts.into_iter().map(|one| row(one, n, now)).collect();
    rows.reverse();
    let asked = GatePage {
        frame,
        after,
        project: project.to_owned(),
        look: gate_look(&view.state),
        subject: subject(&view),
        fields: fields(project, &view),
        back: Gate::ALL
            .into_iter()
            .take_while(|one| *one <= gate)
            .map(|one| one.as_str().to_owned())
            .collect(),
        required: required(&view),
        approvals: approvals(&view),
        accepted_unknown: view.accepted_unknown.join(", "),
        reopened: view.reopened.as_ref().map(reopened),
        waivers: view
            .waivers
            .into_iter()
            .map(|waiver| Waiver {
                what: plain(&waiver.what),
                why: plain(&waiver.why),
                until: waiver.until,
                is_expired: waiver.is_expired,
            })
            .collect(),
        gate: view.gate,
        name: view.name,
        purpose: view.purpose,
        state: view.state,
        text: plain(&view.waits_for_text),
        fault: view.fault.as_deref().map(plain),
        held: view.held.iter().map(|path| plain(path)).collect(),
        escalation: view.escalation,
        attempts: rows,
        shown,
    };
    page(StatusCode::OK, &asked)
}

fn subject(view: &GateView) -> Option<Subject> {
    let subject = view.subject.as_ref()?;
    Some(Subject {
        commit: short(&subject.commit).to_owned(),
        tree: short(&subject.tree).to_owned(),
        digest: view.subject_digest.clone()?,
        edits: view.edits_since.len(),
    })
}

fn fields(project: &str, view: &GateView) -> Vec<FieldOf> {
    let commit = view.subject.as_ref().map(|subject| subject.commit.as_str());
    let fields = view.fields.iter();
    fields
        .map(|field| FieldOf {
            name: field.field.name.clone(),
            prompt: field.field.prompt.clone(),
            required: field.field.required,
            choices: field
                .choices
                .iter()
                .map(|path| Choice {
                    frame: commit.filter(|_| path.ends_with(".html")).map(|commit| {
                        format!("/projects/{project}/frames/{commit}/{}", encoded(path))
                    }),
                    path: path.clone(),
                })
                .collect(),
        })
        .collect()
}

/// A path of a tree as a part of a URL.
pub(crate) fn encoded(path: &str) -> String {
    let parts = path.split('/');
    let parts: Vec<String> = parts
        .map(|part| {
            let coded: String = url::form_urlencoded::byte_serialize(part.as_bytes()).collect();
            coded.replace('+', "%20")
        })
        .collect();
    parts.join("/")
}

fn required(view: &GateView) -> Vec<Required> {
    let demanded = view.required_proofs.iter();
    let mut all: Vec<Required> = demanded
        .map(|kind| Required {
            kind: kind.clone(),
            proofs: Vec::new(),
        })
        .collect();
    for proof in &view.present_proofs {
        let shown = (short(&proof.digest).to_owned(), proof.digest.clone());
        match all.iter_mut().find(|one| one.kind == proof.predicate_type) {
            Some(one) => one.proofs.push(shown),
            None => all.push(Required {
                kind: proof.predicate_type.clone(),
                proofs: vec![shown],
            }),
        }
    }
    all
}

fn approvals(view: &GateView) -> String {
    let by = match view.approved_by.as_slice() {
        [] => "nobody yet".to_owned(),
        names => names
            .iter()
            .map(|name| plain(name))
            .collect::<Vec<_>>()
            .join(", "),
    };
    match view.approvals_required {
        1 => by,
        needed => format!("{by} ({} of {needed})", view.approved_by.len()),
    }
}

fn reopened(why: &ReopenedView) -> String {
    let gate = why.gate.as_deref().unwrap_or_default();
    match why.by.as_str() {
        "edit" => {
            let paths: Vec<String> = why.paths.iter().take(5).map(|path| plain(path)).collect();
            format!("people changed {} since it was approved", paths.join(", "))
        }
        "rejection" => format!("{gate} was rejected and the work sent back"),
        _ => format!("{gate} is to be passed before, or was passed anew since"),
    }
}

fn row(one: AttemptSummary, shown: Option<u16>, now: Timestamp) -> Row {
    Row {
        look: attempt_look(&one.state),
        agent: plain(one.agent.as_deref().unwrap_or("nobody yet")),
        model: one.model.as_deref().map(plain),
        failing: plain(&one.failing.join(", ")),
        when: When::of(&one.created_at, now),
        is_shown: Some(one.attempt) == shown,
        n: one.attempt,
        strategy: one.strategy,
    }
}

/// `GET /projects/{project}/frames/{commit}/{*path}`: a page of a project, where nothing in it can run.
pub(crate) async fn design(
    State(app): State<App>,
    PathOf((project, commit, path)): PathOf<(String, String, String)>,
) -> Result<Response, ApiError> {
    if !path.ends_with(".html") {
        return Err(ApiError::new(Kind::NotFound, "only pages are shown here"));
    }
    let file = app
        .factory
        .file_read(&project, &path, Some(&commit))
        .await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(DESIGN_POLICY),
        ),
    ];
    Ok((headers, file.bytes).into_response())
}
