//! The audit log: who decided and changed what.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use sluice_factory::AuditFilter;
use sluice_factory::view::{AuditView, Page};
use utoipa::IntoParams;

use crate::problem::ApiError;
use crate::query::{Paging, QueryOf, filled};
use crate::schema;
use crate::state::App;

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Of this project only.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    project: Option<String>,
    /// Of this kind only, such as `gate.decided`.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    kind: Option<String>,
    /// Of this person or program only.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    who: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// Every decision and change of the configuration, oldest first. Each row holds the hash of the one before; decisions
/// in git are signed with the hash of their own row.
#[utoipa::path(get, path = "/audit", tag = "events", params(AuditQuery),
    responses((status = 200, body = schema::Page<schema::AuditRow>)))]
pub(crate) async fn audit_list(
    State(app): State<App>,
    QueryOf(query): QueryOf<AuditQuery>,
) -> Result<Json<Page<AuditView>>, ApiError> {
    let paging = Paging {
        cursor: query.cursor,
        limit: query.limit,
    };
    let filter = AuditFilter {
        project: query.project,
        kind: query.kind,
        who: query.who,
    };
    let page = app
        .factory
        .audit_list(&filter, paging.cursor.as_deref(), paging.size()?)
        .await?;
    Ok(Json(page))
}
