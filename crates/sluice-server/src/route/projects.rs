//! Projects.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use sluice_factory::Role;
use sluice_factory::view::{Page, ProjectView};
use utoipa::ToSchema;

use crate::answer::{created, versioned_json};
use crate::auth::Caller;
use crate::body::JsonBody;
use crate::param::PathOf;
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf};
use crate::schema;
use crate::scope;
use crate::state::{App, finish};

/// A project to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProject {
    /// `[a-z0-9][a-z0-9-]{0,62}`.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    name: String,
    /// `blank`, or another one of `/templates`.
    #[serde(default = "blank")]
    #[schema(default = "blank")]
    template: String,
    /// `web`, `service`, `library` or `ai`.
    kind: String,
}

fn blank() -> String {
    "blank".to_owned()
}

/// The projects, by name.
#[utoipa::path(get, path = "/projects", tag = "projects", params(Paging),
    responses((status = 200, body = schema::Page<schema::Project>)))]
pub(crate) async fn project_list(
    State(app): State<App>,
    caller: Caller,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<ProjectView>>, ApiError> {
    let cursor = paging.cursor.as_deref();
    let mut page = app.factory.project_list(cursor, paging.size()?).await?;
    page.items.retain(|project| caller.0.may_see(&project.name));
    Ok(Json(page))
}

/// Makes a project (operator).
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = NewProject,
    responses((status = 201, body = schema::Project), (status = 409, body = schema::Problem,
        content_type = "application/problem+json", description = "The name is taken")))]
pub(crate) async fn project_create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(new): JsonBody<NewProject>,
) -> Result<Response, ApiError> {
    caller.need(Role::Operator)?;
    scope::visible(&caller.0, &new.name)?;
    let view = finish(async move {
        let NewProject {
            name,
            template,
            kind,
        } = new;
        app.factory
            .project_create(&name, &template, &kind, &caller.0)
            .await
    })
    .await?;
    Ok(created(&format!("/api/v1/projects/{}", view.name), view))
}

/// One project.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects",
    params(("project" = String, Path, description = "The project's name")),
    responses((status = 200, body = schema::Project, headers(("ETag" = String, description = "Changes with the project"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn project_fetch(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let view = app.factory.project_fetch(&project).await?;
    Ok(versioned_json(&headers, &view))
}

/// Deletes a project (admin): its git data is moved aside in the data directory.
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects",
    params(("project" = String, Path, description = "The project's name")),
    responses((status = 204, description = "It is deleted")))]
pub(crate) async fn project_delete(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Admin)?;
    finish(async move { app.factory.project_delete(&project, &caller.0).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
