//! Gates: how they stand.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use sluice_factory::view::{GateView, Page};

use crate::answer::{page_of, versioned_json};
use crate::param::{PathOf, gate};
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf};
use crate::schema;
use crate::state::App;

/// The ten gates of a project.
#[utoipa::path(get, path = "/projects/{project}/gates", tag = "gates",
    params(("project" = String, Path, description = "The project's name"), Paging),
    responses((status = 200, body = schema::Page<schema::Gate>)))]
pub(crate) async fn gate_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<GateView>>, ApiError> {
    let gates = app.factory.gate_list(&project).await?;
    Ok(Json(page_of(gates, &paging, |gate| gate.gate.clone())?))
}

/// One gate: state, attempt, subject, proofs, what it waits for.
#[utoipa::path(get, path = "/projects/{project}/gates/{gate}", tag = "gates",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`")),
    responses((status = 200, body = schema::Gate, headers(("ETag" = String, description = "Changes with the gate"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn gate_fetch(
    State(app): State<App>,
    PathOf((project, name)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let view = app.factory.gate_fetch(&project, gate(&name)?).await?;
    Ok(versioned_json(&headers, &view))
}
