//! What was proved and what went wrong, as bare lists.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_gates::Gate;
use utoipa::{IntoParams, ToSchema};

use crate::problem::{ApiError, Kind};
use crate::query::{LARGEST_PAGE, QueryOf, filled};
use crate::state::App;

/// The most entries of a bare list.
const MOST: usize = 1000;

/// Whose proofs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct OldProofQuery {
    /// The gate, as `guestbook:g5`; with `projectId` also `g5`, `G5_PENDING` or `gate-g5-pending`.
    gate_id: String,
    /// The project.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    project_id: Option<String>,
}

/// A proof.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldProof {
    /// SHA-256 of the envelope; `GET /api/v1/proofs/{id}` has it.
    id: String,
    project_id: String,
    gate: String,
    /// The in-toto predicate type.
    proof_type: String,
    /// Its path in the commit of the gate's chain.
    file_path: String,
    file_hash: String,
    created_by: String,
}

/// Whose errors.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct OldErrorQuery {
    /// The project.
    project_id: String,
    /// `true` for those that are resolved, `false` for the others; both when left out.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<bool>)]
    resolved: Option<bool>,
}

/// An entry of the error history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldError {
    id: String,
    project_id: String,
    gate: String,
    /// The check that reported it.
    error_type: String,
    error_message: String,
    file: Option<String>,
    line: Option<u64>,
    resolved: bool,
    resolved_at: Option<String>,
    created_at: String,
}

/// `GET /api/v1/projects/{project}/gates/{gate}/proofs`, as a bare list.
#[utoipa::path(get, path = "/api/proof-artifacts", tag = "layercake", params(OldProofQuery),
    responses((status = 200, body = Vec<OldProof>)))]
pub(crate) async fn proof_artifacts(
    State(app): State<App>,
    QueryOf(query): QueryOf<OldProofQuery>,
) -> Result<Json<Vec<OldProof>>, ApiError> {
    let (project, gate) = match query.gate_id.split_once(':') {
        Some((project, gate)) => (project, gate),
        None => {
            let project = query.project_id.as_deref().ok_or_else(|| {
                let detail = "name the project too: `gateId=PROJECT:g5`, or `projectId=PROJECT`";
                ApiError::new(Kind::Invalid, detail).with("field", "gateId")
            })?;
            (project, query.gate_id.as_str())
        }
    };
    let gate = old_gate(gate).ok_or_else(|| {
        let detail = format!("{gate:?} is no gate; gates are g0 to g9");
        ApiError::new(Kind::Invalid, detail).with("field", "gateId")
    })?;
    let proofs = app.factory.proof_list(project, gate).await?;
    let proofs = proofs.into_iter().take(MOST).map(|proof| OldProof {
        file_hash: proof.digest.clone(),
        id: proof.digest,
        project_id: project.to_owned(),
        gate: proof.gate,
        proof_type: proof.predicate_type,
        file_path: proof.path,
        created_by: "sluice".to_owned(),
    });
    Ok(Json(proofs.collect()))
}

/// `g5` of `G5_PENDING`, `gate-g5-pending` and `g5`.
fn old_gate(text: &str) -> Option<Gate> {
    let text = text.to_ascii_lowercase();
    let name = text.strip_prefix("gate-").unwrap_or(&text);
    name.split(['-', '_']).next()?.parse().ok()
}

/// `GET /api/v1/projects/{project}/findings`, as a bare list of at most 1,000.
#[utoipa::path(get, path = "/api/error-history", tag = "layercake", params(OldErrorQuery),
    responses((status = 200, body = Vec<OldError>)))]
pub(crate) async fn error_history(
    State(app): State<App>,
    QueryOf(query): QueryOf<OldErrorQuery>,
) -> Result<Json<Vec<OldError>>, ApiError> {
    let project = query.project_id;
    let mut entries = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = app
            .factory
            .finding_list(
                &project,
                None,
                query.resolved,
                cursor.as_deref(),
                LARGEST_PAGE,
            )
            .await?;
        for one in page.items {
            let text = |member: &str| one.finding[member].as_str().map(str::to_owned);
            entries.push(OldError {
                project_id: project.clone(),
                error_message: text("message").unwrap_or_default(),
                file: text("path"),
                line: one.finding.get("line").and_then(Value::as_u64),
                resolved: one.resolved_at.is_some(),
                id: one.id,
                gate: one.gate,
                error_type: one.check,
                resolved_at: one.resolved_at,
                created_at: one.seen_at,
            });
        }
        cursor = page.next_cursor;
        if cursor.is_none() || entries.len() >= MOST {
            return Ok(Json(entries));
        }
    }
}
