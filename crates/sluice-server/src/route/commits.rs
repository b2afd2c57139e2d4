//! History: commits, differences, branches.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sluice_factory::view::{BranchView, CommitView, DiffView, Page};
use utoipa::IntoParams;

use crate::answer::{page_of, tagged_json};
use crate::param::PathOf;
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf, filled};
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
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
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
}

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
    Ok(Json(app.factory.diff(&project, from, to).await?))
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
