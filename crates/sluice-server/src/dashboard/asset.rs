//! Styles and scripts, from files that the program carries.

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use rust_embed::RustEmbed;

use crate::answer::tagged;
use crate::problem::{ApiError, Kind};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// `GET /assets/{*file}`.
pub(crate) async fn asset(
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let file = Assets::get(&name)
        .ok_or_else(|| ApiError::new(Kind::NotFound, format!("file {name:?} does not exist")))?;
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
    let tag = hex::encode(&file.metadata.sha256_hash()[..16]);
    let entity = ([(header::CONTENT_TYPE, kind)], file.data.into_owned());
    Ok(tagged(&headers, &tag, entity.into_response()))
}
