//! What happened: live, and the decisions for people who look back.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use sluice_factory::view::{EventView, Page};
use utoipa::IntoParams;

use crate::auth::Caller;
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::query::{Paging, QueryOf, filled};
use crate::schema;
use crate::state::App;
use crate::stream::{Follow, answer, resume_after};

/// What stands in the audit: decisions, and changes of what is decided on or by whom.
const AUDITED: [&str; 9] = [
    "project.created",
    "project.deleted",
    "file.edited",
    "gate.started",
    "gate.decided",
    "gate.ruled",
    "escalation.answered",
    "token.created",
    "token.revoked",
];
/// Events read from the store at once.
const BATCH: u64 = 500;

/// Where a stream begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Only events after this one; all when left out. `Last-Event-ID` outranks it.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<i64>)]
    after: Option<i64>,
}

/// Everything that happens, as server-sent events.
#[utoipa::path(get, path = "/events", tag = "events",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "`id` is the sequence, `event` the kind, `data` an Event as JSON")))]
pub(crate) async fn event_stream(
    State(app): State<App>,
    caller: Caller,
    QueryOf(query): QueryOf<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = resume_after(&headers, query.after)?;
    answer(&app, &caller, Follow::new(&app, None, after).stream())
}

/// What happens in a project, as server-sent events.
#[utoipa::path(get, path = "/projects/{project}/events", tag = "events",
    params(("project" = String, Path, description = "The project's name"), StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "`id` is the sequence, `event` the kind, `data` an Event as JSON")))]
pub(crate) async fn event_stream_of_project(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = resume_after(&headers, query.after)?;
    app.factory.project_fetch(&project).await?;
    answer(
        &app,
        &caller,
        Follow::new(&app, Some(project), after).stream(),
    )
}

/// Every decision, oldest first.
#[utoipa::path(get, path = "/audit", tag = "events", params(Paging),
    responses((status = 200, body = schema::Page<schema::Event>)))]
pub(crate) async fn audit_list(
    State(app): State<App>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<EventView>>, ApiError> {
    let size = usize::try_from(paging.size()?).unwrap_or(usize::MAX);
    let mut after = match paging.cursor.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => {
            let detail = "the cursor is not one that was given out";
            return Err(ApiError::new(Kind::Invalid, detail).with("field", "cursor"));
        }
    };
    let mut items: Vec<EventView> = Vec::new();
    loop {
        let events = app.factory.event_list(after, None, BATCH).await?;
        let Some(last) = events.last() else {
            break;
        };
        after = last.seq;
        let audited = |event: &EventView| AUDITED.contains(&event.kind.as_str());
        items.extend(events.into_iter().filter(audited));
        if items.len() > size {
            break;
        }
    }
    let more = items.len() > size;
    items.truncate(size);
    let next_cursor = items
        .last()
        .filter(|_| more)
        .map(|event| event.seq.to_string());
    Ok(Json(Page { items, next_cursor }))
}
