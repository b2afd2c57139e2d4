//! The service: the whole application without a socket, so that tests can ask it directly.

pub mod config;
mod error;
mod greetings;
mod health;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

/// How many bytes the body of a request may have.
const MOST: usize = 100 << 10;

/// Puts the application together.
pub fn app() -> Router {
    let routes = Router::new()
        .route("/health", get(health::health))
        .route("/api/greetings", post(greetings::greet));
    finish(routes)
}

/// What holds for every route.
fn finish(routes: Router) -> Router {
    let header =
        |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    routes
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::not_allowed)
        .layer(DefaultBodyLimit::max(MOST))
        .layer(CatchPanicLayer::custom(error::failed))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(X_FRAME_OPTIONS, "DENY"))
        .layer(TraceLayer::new_for_http())
}

#[cfg(test)]
mod tests;
