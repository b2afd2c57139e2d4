//! Attempts of a gate's newest run.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures::stream;
use sluice_factory::view::{AttemptSummary, AttemptView, Page};
use sluice_factory::{LivePlace, Refusal};

use crate::answer::page_of;
use crate::auth::Caller;
use crate::param::{PathOf, gate, id};
use crate::problem::{ApiError, Kind};
use crate::query::{Paging, QueryOf};
use crate::schema;
use crate::state::App;
use crate::stream::{answer, message};

/// A gate that was not started has no attempts; to look at it is no conflict.
const NOT_STARTED: &str = "not_started";

/// The attempts, oldest first.
#[utoipa::path(get, path = "/projects/{project}/gates/{gate}/attempts", tag = "attempts",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`"), Paging),
    responses((status = 200, body = schema::Page<schema::AttemptSummary>)))]
pub(crate) async fn attempt_list(
    State(app): State<App>,
    PathOf((project, name)): PathOf<(String, String)>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<AttemptSummary>>, ApiError> {
    let attempts = match app.factory.attempt_list(&project, gate(&name)?).await {
        Err(Refusal::Conflict { code, .. }) if code == NOT_STARTED => Vec::new(),
        attempts => attempts?,
    };
    let page = page_of(attempts, &paging, |attempt| attempt.attempt.to_string())?;
    Ok(Json(page))
}

/// One attempt: reply, files with receipts, findings, diff, commit.
#[utoipa::path(get, path = "/projects/{project}/gates/{gate}/attempts/{n}", tag = "attempts",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`"),
        ("n" = u16, Path, description = "0 is the first")),
    responses((status = 200, body = schema::Attempt)))]
pub(crate) async fn attempt_fetch(
    State(app): State<App>,
    PathOf((project, name, number)): PathOf<(String, String, String)>,
) -> Result<Json<AttemptView>, ApiError> {
    let (gate, n) = (gate(&name)?, id("attempt", &number)?);
    match app.factory.attempt_fetch(&project, gate, n).await {
        Err(Refusal::Conflict { code, .. }) if code == NOT_STARTED => Err(ApiError::new(
            Kind::NotFound,
            format!("attempt {n} of {gate} does not exist"),
        )),
        attempt => Ok(Json(attempt?)),
    }
}

/// What the gate's agent is writing, as server-sent events while it writes.
///
/// A stream shows one reply after the other: `reply-opened`, the events of `sluice parse --stream`, `reply-closed`.
#[utoipa::path(get, path = "/projects/{project}/gates/{gate}/live", tag = "attempts",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "`id` is the place in the reply, `event` the kind, `data` JSON")))]
pub(crate) async fn attempt_live(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, name)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let gate = gate(&name)?;
    let seen = match headers.get("last-event-id").map(|id| id.to_str()) {
        None | Some(Ok("")) => None,
        Some(id) => {
            let place: Option<LivePlace> = id.ok().and_then(|id| id.trim().parse().ok());
            Some(place.ok_or_else(|| {
                let detail = "`Last-Event-ID` is the `id` of an event of this stream";
                ApiError::new(Kind::BadRequest, detail)
            })?)
        }
    };
    app.factory.project_fetch(&project).await?;
    let live = app.factory.live(&project, gate, seen);
    let events = stream::unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((message(&event.id, &event.kind, &event.data), live))
    });
    answer(&app, &caller, events)
}
