//! Replies read, nothing written.

use axum::Json;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::body::Markdown;
use crate::problem::{ApiError, Kind};
use crate::query::QueryOf;
use crate::schema;

/// What to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ParseQuery {
    /// Add the content of each file.
    #[serde(default)]
    contents: bool,
}

/// Says which files a reply holds.
#[utoipa::path(post, path = "/parse", tag = "replies", params(ParseQuery),
    request_body(content = String, content_type = "text/markdown"),
    responses((status = 200, body = schema::Reply),
        (status = 413, body = schema::Problem, content_type = "application/problem+json", description = "It is too large"),
        (status = 415, body = schema::Problem, content_type = "application/problem+json", description = "It is not text/markdown")))]
pub(crate) async fn parse(
    QueryOf(query): QueryOf<ParseQuery>,
    Markdown(text): Markdown,
) -> Result<Json<Value>, ApiError> {
    // A large reply takes a while; the runtime's own threads have others to answer.
    let parsed =
        tokio::task::spawn_blocking(move || sluice_factory::parse_json(&text, query.contents));
    let parsed = parsed.await.map_err(|ended| {
        ApiError::new(Kind::Internal, "the reply could not be read").caused_by(ended)
    })?;
    Ok(Json(parsed))
}
