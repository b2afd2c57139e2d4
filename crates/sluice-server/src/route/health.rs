//! Whether the daemon is there, whether it can work, and what it offers.

use axum::extract::State;
use axum::http::{HeaderName, header};

use crate::problem::{ApiError, Kind};
use crate::state::App;

/// The daemon is there.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain", description = "`ok`")))]
pub(crate) async fn healthz() -> &'static str {
    "ok"
}

/// The daemon can work: its database answers.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain",
        description = "`ok`; with an OpenID Connect issuer a second line says whether it answers"),
        (status = 503, body = crate::schema::Problem, content_type = "application/problem+json", description = "It cannot")))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<String, ApiError> {
    if app.shutdown.is_cancelled() {
        return Err(ApiError::new(Kind::Unavailable, "the daemon is stopping"));
    }
    let ping = app.factory.store().ping().await;
    ping.map_err(|error| {
        ApiError::new(Kind::Unavailable, "the database does not answer").caused_by(error)
    })?;
    // Tokens of the daemon's own are good without it, so its silence is told and is no failure.
    let issuer = app
        .oidc
        .as_ref()
        .map(|oidc| format!("\noidc: {}", oidc.told()));
    Ok(format!("ok{}", issuer.unwrap_or_default()))
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "health",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn openapi(State(app): State<App>) -> ([(HeaderName, &'static str); 1], String) {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, app.document.clone())
}
