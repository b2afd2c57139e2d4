//! Trees and files: raw bytes under the blob's id as entity tag.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sluice_factory::view::{EntryView, FileWritten, Page};
use sluice_factory::{Precondition, Refusal, path_reason};
use utoipa::IntoParams;

use crate::answer::{cut, entity_tags, etag, tagged, tagged_json};
use crate::auth::Caller;
use crate::body::FileBytes;
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::query::{QueryOf, filled, size};
use crate::route::edits::held;
use crate::schema;
use crate::state::{App, finish};

/// The entries of a tree's page: a client that shows a tree wants all of an ordinary one.
const TREE_PAGE: u64 = 1000;
const LARGEST_TREE_PAGE: u64 = 10_000;

/// Which page of which tree.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TreeQuery {
    /// A branch, tag, full ref or commit id; `work` when left out.
    #[serde(default, rename = "ref", deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    reference: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 1000 when left out, never more than 10000.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefQuery {
    /// A branch, tag, full ref or commit id; `work` when left out.
    #[serde(default, rename = "ref", deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    reference: Option<String>,
}

#[derive(Serialize)]
struct Tree {
    tree: String,
    #[serde(flatten)]
    page: Page<EntryView>,
}

/// The files of a version, by path.
#[utoipa::path(get, path = "/projects/{project}/tree", tag = "files",
    params(("project" = String, Path, description = "The project's name"), TreeQuery),
    responses((status = 200, body = schema::Tree, headers(("ETag" = String, description = "The tree's id"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn tree_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<TreeQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let limit = size(query.limit, TREE_PAGE, LARGEST_TREE_PAGE)?;
    let reference = query.reference.as_deref();
    let (tree, entries) = app.factory.tree_list(&project, reference).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = cut(entries, query.cursor.as_deref(), limit, |entry| {
        entry.path.clone()
    })?;
    let tag = tree.clone();
    Ok(tagged_json(&headers, &tag, Tree { tree, page }))
}

/// A file's bytes.
#[utoipa::path(get, path = "/projects/{project}/files/{*path}", tag = "files",
    params(("project" = String, Path, description = "The project's name"),
        ("path" = String, Path, description = "The file's path, with its slashes"), RefQuery,
        ("If-None-Match" = Option<String>, Header, description = "ETags that the client has")),
    responses((status = 200, body = schema::Bytes, content_type = "application/octet-stream",
            headers(("ETag" = String, description = "The blob's id"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn file_read(
    State(app): State<App>,
    PathOf((project, path)): PathOf<(String, String)>,
    QueryOf(query): QueryOf<RefQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let reference = query.reference.as_deref();
    let found = app.factory.file_read(&project, &path, reference).await;
    let file = found.map_err(|refusal| refused(refusal, &path))?;
    // What an agent wrote is never shown as a page of ours.
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    )];
    Ok(tagged(&headers, &file.oid, (kind, file.bytes)))
}

/// Writes a file as a commit on `work`; while a run is open, the edit is held (operator).
#[utoipa::path(put, path = "/projects/{project}/files/{*path}", tag = "files",
    params(("project" = String, Path, description = "The project's name"),
        ("path" = String, Path, description = "The file's path, with its slashes"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the file as it was read"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: the file must not exist")),
    request_body(content = schema::Bytes, content_type = "application/octet-stream"),
    responses((status = 200, body = schema::FileWritten, description = "It is edited"),
        (status = 201, body = schema::FileWritten, description = "It is made"),
        (status = 202, body = schema::FileWritten, description = "It is held until the open run ends",
            headers(("Location" = String, description = "The edit that is held"))),
        (status = 412, body = schema::Problem, content_type = "application/problem+json", description = "It was changed meanwhile"),
        (status = 413, body = schema::Problem, content_type = "application/problem+json", description = "It is too large"),
        (status = 422, body = schema::Problem, content_type = "application/problem+json", description = "The path is refused; `reason` says why"),
        (status = 428, body = schema::Problem, content_type = "application/problem+json", description = "Neither If-Match nor If-None-Match")))]
pub(crate) async fn file_write(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, path)): PathOf<(String, String)>,
    headers: HeaderMap,
    FileBytes(bytes): FileBytes,
) -> Result<Response, ApiError> {
    let precondition = precondition(&headers)?;
    let status = match precondition {
        Precondition::Absent => StatusCode::CREATED,
        Precondition::Matches(_) | Precondition::Present => StatusCode::OK,
    };
    let name = project.clone();
    let written = finish(async move {
        let written = app
            .factory
            .file_write(&project, &path, bytes.into(), precondition, &caller.0)
            .await;
        Ok(written.map_err(|refusal| refused(refusal, &path)))
    })
    .await??;
    Ok(written_answer(&name, status, written))
}

/// Deletes a file as a commit on `work`; while a run is open, the deletion is held (operator).
#[utoipa::path(delete, path = "/projects/{project}/files/{*path}", tag = "files",
    params(("project" = String, Path, description = "The project's name"),
        ("path" = String, Path, description = "The file's path, with its slashes"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the file as it was read, or `*`")),
    responses((status = 204, description = "It is deleted"),
        (status = 202, body = schema::FileWritten, description = "The deletion is held until the open run ends",
            headers(("Location" = String, description = "The edit that is held"))),
        (status = 412, body = schema::Problem, content_type = "application/problem+json", description = "It was changed meanwhile"),
        (status = 422, body = schema::Problem, content_type = "application/problem+json", description = "The path is refused; `reason` says why"),
        (status = 428, body = schema::Problem, content_type = "application/problem+json", description = "No If-Match")))]
pub(crate) async fn file_delete(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, path)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let precondition = precondition(&headers)?;
    let name = project.clone();
    let deleted = finish(async move {
        let deleted = app
            .factory
            .file_delete(&project, &path, precondition, &caller.0)
            .await;
        Ok(deleted.map_err(|refusal| refused(refusal, &path)))
    })
    .await??;
    Ok(match deleted.held {
        Some(n) => held(&name, n, deleted),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn written_answer(project: &str, status: StatusCode, written: FileWritten) -> Response {
    let tag = written.oid.as_deref().map(etag);
    let mut response = match written.held {
        Some(n) => held(project, n, written),
        None => (status, Json(written)).into_response(),
    };
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// What must hold before a file is changed; a client that does not say is told to.
fn precondition(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let matches = entity_tags(headers, &header::IF_MATCH);
    let none = entity_tags(headers, &header::IF_NONE_MATCH);
    match (matches.as_slice(), none.as_slice()) {
        ([], []) => Err(ApiError::new(
            Kind::PreconditionRequired,
            "send `If-Match` with the file's ETag, or `If-None-Match: *` for a new file",
        )),
        ([], [any]) if any == "*" => Ok(Precondition::Absent),
        ([any], []) if any == "*" => Ok(Precondition::Present),
        // Weak tags match nothing here: what is edited must be exactly what was read.
        (tags, []) => Ok(Precondition::Matches(
            tags.iter()
                .filter(|tag| !tag.starts_with("W/"))
                .map(|tag| tag.trim_matches('"').to_owned())
                .collect(),
        )),
        ([], _) => Err(ApiError::new(
            Kind::BadRequest,
            "`If-None-Match` can only be `*` here",
        )),
        _ => Err(ApiError::new(
            Kind::BadRequest,
            "send either `If-Match` or `If-None-Match`",
        )),
    }
}

/// Says in a word of the contract why a path is refused.
fn refused(refusal: Refusal, path: &str) -> ApiError {
    let about_path = matches!(&refusal, Refusal::Invalid { field: "path", .. });
    let error = ApiError::from(refusal);
    match path_reason(path) {
        Some(reason) if about_path => error.with("reason", reason),
        _ => error,
    }
}
