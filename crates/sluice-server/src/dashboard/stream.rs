//! Tells a page that something happened, so that it asks for its parts again.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use serde::Deserialize;

use crate::auth::Caller;
use crate::param::PathOf;
use crate::problem::ApiError;
use crate::query::QueryOf;
use crate::state::App;
use crate::stream::{Follow, answer, resume_after};

/// How new the page is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    after: i64,
}

/// The number of the newest event: what a page that is made now is to be told after.
pub(crate) fn newest(app: &App) -> i64 {
    app.factory.store().events_watch().borrow().0
}

/// `GET /projects/{project}/stream`: the number of each thing that happens, under the one name `change`. What
/// happened is asked for with the page's own requests, so that a page shows nothing that a reload would not.
pub(crate) async fn changes(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    QueryOf(After { after }): QueryOf<After>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.factory.project_fetch(&project).await?;
    let after = resume_after(&headers, Some(after))?;
    let told = Follow::new(&app, Some(project), after).told(|event| {
        let id = event.seq.to_string();
        Event::default().event("change").data(&id).id(id)
    });
    answer(&app, &caller, told)
}
