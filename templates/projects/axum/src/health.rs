//! Says that the process answers.

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde_json::json;

/// Look at what the service depends on here, once it depends on something.
pub(crate) async fn health() -> impl IntoResponse {
    (
        [(CACHE_CONTROL, "no-store")],
        Json(json!({ "status": "ok" })),
    )
}
