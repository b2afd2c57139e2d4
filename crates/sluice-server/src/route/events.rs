//! What happens, live.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Caller;
use crate::param::PathOf;
use crate::problem::ApiError;
use crate::query::{QueryOf, filled};
use crate::state::App;
use crate::stream::{Follow, answer, resume_after};

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
