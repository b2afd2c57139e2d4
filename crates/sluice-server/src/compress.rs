//! Compression of texts, for clients that take it. Never of streams, which it would hold back, nor of files and
//! packs, whose bytes are what they are.

use axum::body::Body;
use axum::http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use tower_http::compression::predicate::{And, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel, Predicate};

/// Smaller answers would not become smaller, in bytes.
const LEAST: u16 = 1024;

/// What of an answer is compressed.
type Rule = And<SizeAbove, fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool>;

/// Compresses texts with Brotli or gzip, as the client likes.
pub(crate) fn compression() -> CompressionLayer<Rule> {
    let rule: fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool = is_text;
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(LEAST).and(rule))
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence != "text/event-stream"
        && (essence.starts_with("text/")
            || essence.ends_with("json")
            || essence.ends_with("javascript")
            || essence.ends_with("+xml"))
}

/// A compressed answer has other bytes than the plain one, so its tag no longer is a strong one.
pub(crate) async fn weaken(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && !tag.starts_with("W/")
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{tag}"))
    {
        headers.insert(header::ETAG, weak);
    }
    response
}
