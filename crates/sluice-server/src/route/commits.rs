//! History: commits, lines, differences, branches, tags.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sluice_factory::view::{BlameView, BranchView, CommitView, DiffView, Page, TagView};
use utoipa::IntoParams;

use crate::answer::{page_of, tagged_json};
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::query::{Paging, QueryOf, filled, size};
use crate::schema;
use crate::state::App;

/// Which page of which history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// A branch, tag, full ref or commit id; `work` when left out.
    #[serde(default, rename = "ref", deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    reference: Option<String>,
    /// Only commits that changed this file or folder. A page may then hold fewer entries than were asked for, or
    /// none, and still name a next one.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    path: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// Which lines of which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BlameQuery {
    /// A branch, tag, full ref or commit id; `work` when left out.
    #[serde(default, rename = "ref", deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    reference: Option<String>,
    /// `next_cursor` of the page before: the number of a line.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    cursor: Option<u64>,
    /// How many lines at most; 1000 when left out, never more than 10000.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// Between which versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// The older one; `main` when left out.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    from: Option<String>,
    /// The newer one; `work` when left out.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    to: Option<String>,
    /// `next_cursor` of the page before; `from` and `to` are then taken from it.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many files at most; 1000 when left out, never more than that.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// The files of a difference's page.
const DIFF_PAGE: u64 = 1000;
/// The lines of a file's page.
const LINES_PAGE: u64 = 1000;
const LARGEST_LINES_PAGE: u64 = 10_000;

#[derive(Serialize)]
struct Commit {
    #[serde(flatten)]
    commit: CommitView,
    diff: DiffView,
}

/// The history of a version, newest first.
#[utoipa::path(get, path = "/projects/{project}/commits", tag = "history",
    params(("project" = String, Path, description = "The project's name"), HistoryQuery),
    responses((status = 200, body = schema::Page<schema::Commit>)))]
pub(crate) async fn commit_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<HistoryQuery>,
) -> Result<Json<Page<CommitView>>, ApiError> {
    let paging = Paging {
        cursor: query.cursor,
        limit: query.limit,
    };
    let limit = usize::try_from(paging.size()?).unwrap_or(usize::MAX);
    let page = app
        .factory
        .commit_list(
            &project,
            query.reference.as_deref(),
            query.path.as_deref(),
            paging.cursor.as_deref(),
            limit,
        )
        .await?;
    Ok(Json(page))
}

/// One commit with what it changed.
#[utoipa::path(get, path = "/projects/{project}/commits/{oid}", tag = "history",
    params(("project" = String, Path, description = "The project's name"),
        ("oid" = String, Path, description = "The commit's id")),
    responses((status = 200, body = schema::CommitWithDiff, headers(("ETag" = String, description = "The commit's id"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn commit_fetch(
    State(app): State<App>,
    PathOf((project, oid)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (commit, diff) = app.factory.commit_fetch(&project, &oid).await?;
    let tag = commit.oid.clone();
    Ok(tagged_json(&headers, &tag, Commit { commit, diff }))
}

/// What differs between two versions.
#[utoipa::path(get, path = "/projects/{project}/diff", tag = "history",
    params(("project" = String, Path, description = "The project's name"), DiffQuery),
    responses((status = 200, body = schema::Diff)))]
pub(crate) async fn diff(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<DiffQuery>,
) -> Result<Json<DiffView>, ApiError> {
    let from = query.from.as_deref().unwrap_or("main");
    let to = query.to.as_deref().unwrap_or("work");
    let limit = size(query.limit, DIFF_PAGE, DIFF_PAGE)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let diff = app
        .factory
        .diff(&project, from, to, query.cursor.as_deref(), limit)
        .await?;
    Ok(Json(diff))
}

/// Whom the lines of a file come from: commit, and attempt and agent where it is one's.
#[utoipa::path(get, path = "/projects/{project}/blame/{*path}", tag = "history",
    params(("project" = String, Path, description = "The project's name"),
        ("path" = String, Path, description = "The file's path"), BlameQuery),
    responses((status = 200, body = schema::Blame)))]
pub(crate) async fn blame(
    State(app): State<App>,
    PathOf((project, path)): PathOf<(String, String)>,
    QueryOf(query): QueryOf<BlameQuery>,
) -> Result<Json<BlameView>, ApiError> {
    let limit = size(query.limit, LINES_PAGE, LARGEST_LINES_PAGE)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let first = match query.cursor {
        Some(0) => {
            let detail = "the cursor is not one that was given out";
            return Err(ApiError::new(Kind::Invalid, detail).with("field", "cursor"));
        }
        Some(first) => usize::try_from(first).unwrap_or(usize::MAX),
        None => 1,
    };
    let blame = app
        .factory
        .blame(&project, &path, query.reference.as_deref(), first, limit)
        .await?;
    Ok(Json(blame))
}

/// The branches.
#[utoipa::path(get, path = "/projects/{project}/branches", tag = "history",
    params(("project" = String, Path, description = "The project's name"), Paging),
    responses((status = 200, body = schema::Page<schema::Branch>)))]
pub(crate) async fn branch_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<BranchView>>, ApiError> {
    let branches = app.factory.branch_list(&project).await?;
    let page = page_of(branches, &paging, |branch| branch.name.clone())?;
    Ok(Json(page))
}

/// The tags, with the commits that they lead to.
#[utoipa::path(get, path = "/projects/{project}/tags", tag = "history",
    params(("project" = String, Path, description = "The project's name"), Paging),
    responses((status = 200, body = schema::Page<schema::Tag>)))]
pub(crate) async fn tag_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<TagView>>, ApiError> {
    let tags = app.factory.tag_list(&project).await?;
    let page = page_of(tags, &paging, |tag| tag.name.clone())?;
    Ok(Json(page))
}
