//! Replies from outside, for the gate that waits for one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sluice_factory::view::RunView;

use crate::auth::Caller;
use crate::body::Markdown;
use crate::param::PathOf;
use crate::problem::ApiError;
use crate::schema;
use crate::state::{App, finish};

/// Hands in an agent's reply (operator); starts the gate that is ready.
#[utoipa::path(post, path = "/projects/{project}/replies", tag = "replies",
    params(("project" = String, Path, description = "The project's name")),
    request_body(content = String, content_type = "text/markdown"),
    responses((status = 202, body = schema::Run),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "No gate waits for a reply"),
        (status = 413, body = schema::Problem, content_type = "application/problem+json", description = "It is too large"),
        (status = 415, body = schema::Problem, content_type = "application/problem+json", description = "It is not text/markdown")))]
pub(crate) async fn reply_put(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    Markdown(text): Markdown,
) -> Result<(StatusCode, Json<RunView>), ApiError> {
    let run =
        finish(async move { app.factory.reply_put(&project, &text, &caller.0).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}
