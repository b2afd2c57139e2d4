//! A project: its flight through the gates, what happened, what is noted.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use sluice_factory::EntryFilter;
use sluice_factory::view::{EventView, GateView, JournalView, ProjectView};

use crate::dashboard::frame::{Frame, page};
use crate::dashboard::proof::host;
use crate::dashboard::session::Visit;
use crate::dashboard::stream::newest;
use crate::dashboard::words::{Look, When, gate_look, plain, short};
use crate::param::PathOf;
use crate::problem::ApiError;
use crate::state::App;

/// Events on the page.
const EVENTS: usize = 30;
/// How far back they are looked for.
const LOOKED_AT: i64 = 2000;

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    frame: Frame,
    name: String,
    kind: String,
    template: String,
    main: Option<String>,
    created: When,
    after: i64,
    flight: Vec<Leg>,
    events: Vec<Happened>,
    entries: Vec<Entry>,
    host: String,
}

/// The part of the page that changes.
#[derive(Template)]
#[template(path = "flight.html")]
struct Flight {
    name: String,
    flight: Vec<Leg>,
}

/// A gate in the flight.
pub(crate) struct Leg {
    pub(crate) gate: String,
    pub(crate) name: String,
    pub(crate) look: Look,
    pub(crate) attempt: Option<u16>,
    pub(crate) text: String,
    pub(crate) by: String,
}

/// An event in words.
struct Happened {
    kind: String,
    gate: Option<String>,
    what: String,
    when: When,
}

struct Entry {
    kind: String,
    gate: Option<String>,
    text: String,
    state: String,
    author: String,
    answer: Option<String>,
    when: When,
}

/// `GET /projects/{project}`.
pub(crate) async fn project(
    State(app): State<App>,
    visit: Visit,
    PathOf(project): PathOf<String>,
    headers: axum::http::HeaderMap,
) -> Result<Response, ApiError> {
    let after = newest(&app);
    let now = Timestamp::now();
    let view: ProjectView = app.factory.project_fetch(&project).await?;
    let gates = app.factory.gate_list(&project).await?;
    let events = last_events(&app, &project, after).await?;
    let journal = app
        .factory
        .journal_list(&project, EntryFilter::default(), None, 20)
        .await?;
    let shown = ProjectPage {
        frame: Frame::new(&visit, "projects", view.name.clone()),
        main: view.main.as_deref().map(|oid| short(oid).to_owned()),
        created: When::of(&view.created_at, now),
        name: view.name,
        kind: view.kind,
        template: view.template,
        host: host(&headers),
        after,
        flight: gates.into_iter().map(leg).collect(),
        events: events
            .into_iter()
            .map(|event| happened(event, now))
            .collect(),
        entries: journal
            .items
            .into_iter()
            .map(|one| entry(one, now))
            .collect(),
    };
    page(StatusCode::OK, &shown)
}

/// `GET /projects/{project}/flight`.
pub(crate) async fn flight(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
) -> Result<Response, ApiError> {
    let gates = app.factory.gate_list(&project).await?;
    let flight = gates.into_iter().map(leg).collect();
    page(
        StatusCode::OK,
        &Flight {
            name: project,
            flight,
        },
    )
}

/// The newest events of a project, newest first.
async fn last_events(app: &App, project: &str, newest: i64) -> Result<Vec<EventView>, ApiError> {
    let mut all = Vec::new();
    let mut after = (newest - LOOKED_AT).max(0);
    loop {
        let events = app.factory.event_list(after, Some(project), 500).await?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        all.extend(events);
    }
    all.reverse();
    all.truncate(EVENTS);
    Ok(all)
}

fn leg(view: GateView) -> Leg {
    Leg {
        look: gate_look(&view.state),
        by: view.approved_by.join(", "),
        text: view.waits_for_text,
        gate: view.gate,
        name: view.name,
        attempt: view.attempt,
    }
}

fn happened(event: EventView, now: Timestamp) -> Happened {
    let text = |key: &str| {
        event
            .body
            .get(key)
            .and_then(|value| value.as_str())
            .map(plain)
    };
    let number = |key: &str| event.body.get(key).and_then(serde_json::Value::as_u64);
    let mut what = Vec::new();
    if let Some(attempt) = number("attempt") {
        what.push(format!("attempt {attempt}"));
    }
    for key in ["check", "verdict", "state", "path", "action", "decision"] {
        what.extend(text(key));
    }
    if let Some(by) = text("by") {
        what.push(format!("by {by}"));
    }
    Happened {
        gate: text("gate"),
        what: what.join(" · "),
        when: When::of(&event.at, now),
        kind: event.kind.replace(['.', '_'], " "),
    }
}

fn entry(one: JournalView, now: Timestamp) -> Entry {
    Entry {
        text: plain(&one.text),
        author: plain(&one.author),
        answer: one.answer.as_deref().map(plain),
        when: When::of(&one.created_at, now),
        kind: one.kind,
        gate: one.gate,
        state: one.state,
    }
}
