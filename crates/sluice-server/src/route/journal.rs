//! The journal of a project.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sluice_factory::view::{JournalView, Page};
use sluice_factory::{EntryFilter, EntryKind, EntryState, JournalChange};
use sluice_gates::Gate;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::body::JsonBody;
use crate::param::{PathOf, id};
use crate::problem::{ApiError, Kind};
use crate::query::{Paging, QueryOf, filled};
use crate::schema;
use crate::state::{App, finish};

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JournalQuery {
    /// `note`, `risk`, `blocker`, `question`, `decision` or `deliverable`.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    kind: Option<EntryKind>,
    /// `open`, `answered` or `closed`.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    state: Option<EntryState>,
    /// Only about this gate.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    gate: Option<Gate>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// An entry to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEntry {
    /// `note`, `risk`, `blocker`, `question`, `decision` or `deliverable`.
    kind: String,
    /// What it says.
    text: String,
    /// The gate that it is about, `g0` to `g9`; all when left out.
    #[serde(default)]
    gate: Option<String>,
}

/// A change of an entry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryChange {
    /// Which entry.
    id: String,
    /// What it says from now on.
    #[serde(default)]
    text: Option<String>,
    /// `open` or `closed`.
    #[serde(default)]
    state: Option<String>,
    /// The answer to a question; the entry is `answered` by it.
    #[serde(default)]
    answer: Option<String>,
    /// The version that was looked at; another one is refused.
    #[serde(default)]
    version: Option<i64>,
}

fn word<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| {
        ApiError::new(Kind::Invalid, error.to_string()).with("field", field)
    })
}

/// The journal, oldest entry first. What is not closed reaches the agents of its gate.
#[utoipa::path(get, path = "/projects/{project}/journal", tag = "journal",
    params(("project" = String, Path, description = "The project's name"), JournalQuery),
    responses((status = 200, body = schema::Page<schema::JournalEntry>)))]
pub(crate) async fn journal_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<JournalQuery>,
) -> Result<Json<Page<JournalView>>, ApiError> {
    let paging = Paging {
        cursor: query.cursor,
        limit: query.limit,
    };
    let filter = EntryFilter {
        kind: query.kind,
        state: query.state,
        gate: query.gate,
    };
    let page = app
        .factory
        .journal_list(&project, filter, paging.cursor.as_deref(), paging.size()?)
        .await?;
    Ok(Json(page))
}

/// Makes an entry (operator).
#[utoipa::path(post, path = "/projects/{project}/journal", tag = "journal",
    params(("project" = String, Path, description = "The project's name")),
    request_body = NewEntry,
    responses((status = 201, body = schema::JournalEntry)))]
pub(crate) async fn journal_create(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    JsonBody(new): JsonBody<NewEntry>,
) -> Result<(StatusCode, Json<JournalView>), ApiError> {
    let kind: EntryKind = word("kind", &new.kind)?;
    let gate: Option<Gate> = new
        .gate
        .as_deref()
        .map(|gate| word("gate", gate))
        .transpose()?;
    let made = finish(async move {
        app.factory
            .journal_create(&project, kind, &new.text, gate, &caller.0)
            .await
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Changes, answers, closes or reopens an entry (operator; a person answers).
#[utoipa::path(patch, path = "/projects/{project}/journal", tag = "journal",
    params(("project" = String, Path, description = "The project's name")),
    request_body = EntryChange,
    responses((status = 200, body = schema::JournalEntry),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "It has its answer, or was changed meanwhile")))]
pub(crate) async fn journal_change(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    JsonBody(change): JsonBody<EntryChange>,
) -> Result<Json<JournalView>, ApiError> {
    let entry = id("journal entry", &change.id)?;
    let state = change.state.as_deref();
    let change = JournalChange {
        state: state.map(|state| word("state", state)).transpose()?,
        text: change.text,
        answer: change.answer,
        version: change.version,
    };
    let changed = finish(async move {
        app.factory
            .journal_change(&project, entry, change, &caller.0)
            .await
    });
    Ok(Json(changed.await?))
}
