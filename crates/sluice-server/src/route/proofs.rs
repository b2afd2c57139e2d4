//! Proofs: signed envelopes, byte for byte as git holds them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use sluice_factory::view::{Page, ProofView};

use crate::answer::{page_of, tagged};
use crate::param::{PathOf, gate};
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf};
use crate::schema;
use crate::state::App;

/// The proofs of a gate, oldest first.
#[utoipa::path(get, path = "/projects/{project}/gates/{gate}/proofs", tag = "proofs",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`"), Paging),
    responses((status = 200, body = schema::Page<schema::Proof>)))]
pub(crate) async fn proof_list(
    State(app): State<App>,
    PathOf((project, name)): PathOf<(String, String)>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<ProofView>>, ApiError> {
    let proofs = app.factory.proof_list(&project, gate(&name)?).await?;
    Ok(Json(page_of(proofs, &paging, |proof| {
        proof.digest.clone()
    })?))
}

/// A signed envelope (DSSE) as it is stored in git.
#[utoipa::path(get, path = "/proofs/{digest}", tag = "proofs",
    params(("digest" = String, Path, description = "SHA-256 of the envelope, in hex")),
    responses((status = 200, body = schema::Envelope, headers(("ETag" = String, description = "The digest"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn proof_fetch(
    State(app): State<App>,
    PathOf(digest): PathOf<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let envelope = app.factory.proof_fetch(&digest).await?;
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )];
    Ok(tagged(&headers, &digest, (kind, envelope)))
}
