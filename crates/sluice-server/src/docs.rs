//! The page of the OpenAPI document, from files that the program carries; and a page for each type of problem.

pub(crate) mod problems;

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::Config;

use crate::problem::{ApiError, Kind};

/// Nothing from elsewhere; the page sets styles of its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'none'; \
                      frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::new(["/api/v1/openapi.json"]).persist_authorization(false)));

/// `GET /docs`.
pub(crate) async fn index() -> Result<Response, ApiError> {
    file("index.html")
}

/// `GET /docs/{*file}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, ApiError> {
    file(&name)
}

fn file(name: &str) -> Result<Response, ApiError> {
    let name = if name.is_empty() { "index.html" } else { name };
    let found = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).map_err(|error| {
        ApiError::new(Kind::Internal, "the page cannot be shown").caused_by(error.to_string())
    })?;
    let found = found
        .ok_or_else(|| ApiError::new(Kind::NotFound, format!("file {name:?} does not exist")))?;
    let mut bytes = found.bytes.into_owned();
    if name == "index.html" {
        // The page is at `/docs` as well as `/docs/`; its files are always below `/docs/`.
        let page =
            String::from_utf8_lossy(&bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1);
        bytes = page.into_bytes();
    }
    let kind = HeaderValue::from_str(&found.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, kind),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, bytes).into_response())
}
