//! Checks alone, on any version.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sluice_factory::view::CheckView;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::MaybeJson;
use crate::param::{PathOf, id};
use crate::problem::ApiError;
use crate::schema;
use crate::state::{App, finish};

/// Checks to be run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCheck {
    /// A branch, tag, full ref or commit id; `work` when left out.
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    /// Only these of `install`, `build`, `test`, `lint`, `audit`; all when left out or empty.
    #[serde(default)]
    only: Option<Vec<String>>,
}

/// Asks for checks (operator); they run when their turn comes.
#[utoipa::path(post, path = "/projects/{project}/checks", tag = "checks",
    params(("project" = String, Path, description = "The project's name")),
    request_body(content = Option<NewCheck>),
    responses((status = 202, body = schema::Check)))]
pub(crate) async fn check_create(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    MaybeJson(NewCheck { reference, only }): MaybeJson<NewCheck>,
) -> Result<Response, ApiError> {
    let check = finish(async move {
        let only = only.unwrap_or_default();
        app.factory
            .check_create(&project, reference.as_deref(), only, &caller.0)
            .await
    })
    .await?;
    let location = HeaderValue::from_str(&format!("/api/v1/checks/{}", check.id));
    let mut response = (StatusCode::ACCEPTED, Json(check)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Checks with their report.
#[utoipa::path(get, path = "/checks/{id}", tag = "checks",
    params(("id" = String, Path, description = "The id of the checks")),
    responses((status = 200, body = schema::Check)))]
pub(crate) async fn check_fetch(
    State(app): State<App>,
    PathOf(text): PathOf<String>,
) -> Result<Json<CheckView>, ApiError> {
    let id = id("check", &text)?;
    Ok(Json(app.factory.check_fetch(id).await?))
}
