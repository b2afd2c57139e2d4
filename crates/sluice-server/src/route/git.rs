//! Clone and fetch over git's smart HTTP, read only: `git clone http://HOST/git/PROJECT.git`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde::Deserialize;

use crate::body::UploadPackRequest;
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::query::QueryOf;
use crate::state::App;

const READ_ONLY: &str = "this repository is read only over HTTP: edit files through the API, in the workspace, \
                         or hand in a reply; what passes its gates moves `main`";

/// Which service of git is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    service: Option<String>,
}

/// `GET /git/{repository}/info/refs`.
pub(crate) async fn refs(
    State(app): State<App>,
    PathOf(repository): PathOf<String>,
    QueryOf(query): QueryOf<Service>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    match query.service.as_deref() {
        Some("git-upload-pack") => {}
        Some("git-receive-pack") => return Err(ApiError::new(Kind::Forbidden, READ_ONLY)),
        _ => return Err(plain_refused()),
    }
    let told = app
        .factory
        .clone_advertise(project(&repository), protocol(&headers))
        .await?;
    Ok(typed("application/x-git-upload-pack-advertisement", told))
}

/// `POST /git/{repository}/git-upload-pack`.
pub(crate) async fn upload_pack(
    State(app): State<App>,
    PathOf(repository): PathOf<String>,
    headers: HeaderMap,
    UploadPackRequest(request): UploadPackRequest,
) -> Result<Response, ApiError> {
    let permit = Arc::clone(&app.clones)
        .acquire_owned()
        .await
        .map_err(|closed| {
            ApiError::new(Kind::Unavailable, "no clone can be served now").caused_by(closed)
        })?;
    let pieces = app
        .factory
        .clone_answer(project(&repository), protocol(&headers), request)
        .await?;
    let answer = stream::unfold((pieces, permit), |(mut pieces, permit)| async move {
        let piece = pieces.recv().await?;
        Some((
            Ok::<_, std::io::Error>(Bytes::from(piece)),
            (pieces, permit),
        ))
    });
    Ok(typed(
        "application/x-git-upload-pack-result",
        Body::from_stream(answer),
    ))
}

/// A push, which nobody may.
pub(crate) async fn receive_pack() -> ApiError {
    ApiError::new(Kind::Forbidden, READ_ONLY)
}

/// A file of a repository as the dumb protocol reads it.
pub(crate) async fn plain_file() -> ApiError {
    plain_refused()
}

fn plain_refused() -> ApiError {
    let detail = "git's smart protocol alone is spoken here: `git clone` of the address without any path behind it";
    ApiError::new(Kind::NotFound, detail)
}

/// `adder.git` is the project `adder`; so is `adder`.
fn project(repository: &str) -> &str {
    repository.strip_suffix(".git").unwrap_or(repository)
}

fn protocol(headers: &HeaderMap) -> Option<&str> {
    headers.get("git-protocol")?.to_str().ok()
}

fn typed(kind: &'static str, body: impl Into<Body>) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    (kind, body.into()).into_response()
}
