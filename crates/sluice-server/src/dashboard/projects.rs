//! The start: every project's flight through the gates, those first that wait for a person; and a new project.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use serde::Deserialize;
use sluice_factory::view::ProjectView;
use sluice_factory::{Gate, Role, TemplateHead};

use crate::dashboard::form::Form;
use crate::dashboard::frame::{Frame, Notice, page, refused};
use crate::dashboard::session::Visit;
use crate::dashboard::words::{Look, When, gate_look, word};
use crate::problem::ApiError;
use crate::query::LARGEST_PAGE;
use crate::scope;
use crate::state::{App, finish};

/// The states in which a project waits for a person.
const ASKING: [&str; 4] = ["awaiting_approval", "escalated", "held", "reopened"];
/// The kinds of project, and what each is in words.
const KINDS: [(&str, &str); 4] = [
    ("web", "Web: something with pages"),
    ("service", "Service: something that answers requests"),
    ("library", "Library: something that others build on"),
    ("ai", "AI: something around a model"),
];

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    frame: Frame,
    cards: Vec<Card>,
    search: String,
    only: String,
    asking: usize,
    next: Option<String>,
}

/// A project among others.
struct Card {
    name: String,
    kind: String,
    template: String,
    created: When,
    gate: Option<String>,
    look: Option<Look>,
    is_asking: bool,
    flight: Vec<Stop>,
}

/// A gate in a small picture of the flight.
struct Stop {
    gate: String,
    tone: &'static str,
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    search: String,
    #[serde(default)]
    only: String,
    cursor: Option<String>,
}

/// `GET /`.
pub(crate) async fn projects(
    State(app): State<App>,
    visit: Visit,
    Query(search): Query<Search>,
) -> Result<Response, ApiError> {
    let cursor = search.cursor.as_deref();
    let found = app.factory.project_list(cursor, LARGEST_PAGE).await?;
    let wanted = search.search.to_lowercase();
    let now = Timestamp::now();
    let mut cards: Vec<Card> = found
        .items
        .into_iter()
        .filter(|project| visit.actor.may_see(&project.name) && project.name.contains(&wanted))
        .map(|project| card(project, now))
        .collect();
    let asking = cards.iter().filter(|card| card.is_asking).count();
    if search.only == "waiting" {
        cards.retain(|card| card.is_asking);
    }
    cards.sort_by(|one, other| (!one.is_asking, &one.name).cmp(&(!other.is_asking, &other.name)));
    let shown = ProjectsPage {
        frame: Frame::new(&visit, "projects", "Projects"),
        cards,
        asking,
        search: search.search,
        only: search.only,
        next: found.next_cursor,
    };
    page(StatusCode::OK, &shown)
}

fn card(project: ProjectView, now: Timestamp) -> Card {
    let state = project.state.as_deref().unwrap_or_default();
    let current = project.current_gate.as_deref();
    let at = Gate::ALL
        .into_iter()
        .position(|gate| Some(gate.as_str()) == current);
    let flight = Gate::ALL.into_iter().enumerate().map(|(n, gate)| Stop {
        gate: gate.as_str().to_owned(),
        tone: match at {
            Some(at) if n == at => gate_look(state).tone,
            Some(at) if n > at => "quiet",
            _ => "good",
        },
    });
    Card {
        flight: flight.collect(),
        look: current.map(|_| gate_look(state)),
        is_asking: ASKING.contains(&state),
        created: When::of(&project.created_at, now),
        gate: project.current_gate,
        name: project.name,
        kind: project.kind,
        template: project.template,
    }
}

#[derive(Template)]
#[template(path = "new.html")]
struct NewPage {
    frame: Frame,
    templates: Vec<TemplateCard>,
    kinds: [(&'static str, &'static str); 4],
    name: String,
    template: String,
    kind: String,
}

/// A template to choose.
struct TemplateCard {
    name: String,
    title: String,
    description: String,
    languages: String,
    builds: String,
}

/// `GET /new`.
pub(crate) async fn form(State(app): State<App>, visit: Visit) -> Result<Response, ApiError> {
    let frame = Frame::new(&visit, "new", "New project");
    new_page(&app, frame, &Form::default()).await
}

/// `POST /new`.
pub(crate) async fn create(
    State(app): State<App>,
    visit: Visit,
    form: Form,
) -> Result<Response, ApiError> {
    let caller = crate::auth::Caller(visit.actor.clone());
    let [name, template, kind] =
        ["name", "template", "kind"].map(|field| form.get(field).to_owned());
    let made = async {
        caller.need(Role::Operator)?;
        scope::visible(&visit.actor, &name)?;
        let (app, actor) = (App::clone(&app), visit.actor.clone());
        let work = async move {
            app.factory
                .project_create(&name, &template, &kind, &actor)
                .await
        };
        finish(work).await
    };
    match made.await {
        Ok(made) => Ok(Redirect::to(&format!("/projects/{}", made.name)).into_response()),
        Err(error) => {
            let frame =
                Frame::new(&visit, "new", "New project").with(Some(Notice::refused(&error)));
            refused(new_page(&app, frame, &form).await, error)
        }
    }
}

async fn new_page(app: &App, frame: Frame, form: &Form) -> Result<Response, ApiError> {
    let templates = app.factory.template_list().await?;
    let chosen = |field: &str, usual: &str| match form.get(field) {
        "" => usual.to_owned(),
        chosen => chosen.to_owned(),
    };
    let shown = NewPage {
        frame,
        templates: templates.into_iter().map(template_card).collect(),
        kinds: KINDS,
        name: form.get("name").to_owned(),
        template: chosen("template", "blank"),
        kind: chosen("kind", "service"),
    };
    page(StatusCode::OK, &shown)
}

fn template_card(head: TemplateHead) -> TemplateCard {
    let kinds: Vec<String> = head.kinds.iter().map(word).collect();
    TemplateCard {
        languages: match head.languages.join(", ") {
            none if none.is_empty() => kinds.join(", "),
            languages => format!("{languages} · {}", kinds.join(", ")),
        },
        name: head.name,
        title: head.title,
        description: head.description,
        builds: head.builds,
    }
}
