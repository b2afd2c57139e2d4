//! The error history.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use sluice_factory::view::{FindingView, Page};
use sluice_gates::Gate;
use utoipa::IntoParams;

use crate::param::PathOf;
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf, filled};
use crate::schema;
use crate::state::App;

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindingQuery {
    /// `true` for those that an attempt no longer showed, `false` for those still there.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<bool>)]
    resolved: Option<bool>,
    /// Only of this gate.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    gate: Option<Gate>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// What checks reported, and when each was resolved.
#[utoipa::path(get, path = "/projects/{project}/findings", tag = "findings",
    params(("project" = String, Path, description = "The project's name"), FindingQuery),
    responses((status = 200, body = schema::Page<schema::FindingEntry>)))]
pub(crate) async fn finding_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<FindingQuery>,
) -> Result<Json<Page<FindingView>>, ApiError> {
    let paging = Paging {
        cursor: query.cursor,
        limit: query.limit,
    };
    let page = app
        .factory
        .finding_list(
            &project,
            query.gate,
            query.resolved,
            paging.cursor.as_deref(),
            paging.size()?,
        )
        .await?;
    Ok(Json(page))
}
