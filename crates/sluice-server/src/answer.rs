//! Answers: pages, entity tags, and what a client has already.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sluice_factory::view::Page;

use crate::problem::{ApiError, Kind};
use crate::query::Paging;

/// Cuts a page out of a list that is whole in memory; `key` is unique and names an entry's place.
pub(crate) fn page_of<T>(
    items: Vec<T>,
    paging: &Paging,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, ApiError> {
    let size = usize::try_from(paging.size()?).unwrap_or(usize::MAX);
    cut(items, paging.cursor.as_deref(), size, key)
}

/// As [`page_of`], with a page size of its own.
pub(crate) fn cut<T>(
    items: Vec<T>,
    cursor: Option<&str>,
    size: usize,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, ApiError> {
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let at = items.iter().position(|item| key(item) == cursor);
            at.ok_or_else(|| {
                let detail = "the cursor is not one that was given out, or its entry is gone";
                ApiError::new(Kind::Invalid, detail).with("field", "cursor")
            })? + 1
        }
    };
    let more = items.len() > start + size;
    let items: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let next_cursor = items.last().filter(|_| more).map(key);
    Ok(Page { items, next_cursor })
}

/// A strong entity tag in its quotes.
pub(crate) fn etag(value: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{value}\""))
        .expect("object ids, digests and numbers are visible ASCII")
}

/// Answers with an entity under its tag, or 304 when the client has it.
pub(crate) fn tagged(request: &HeaderMap, tag: &str, entity: impl IntoResponse) -> Response {
    let fresh = entity_tags(request, &header::IF_NONE_MATCH)
        .iter()
        .any(|given| given == "*" || given.trim_start_matches("W/").trim_matches('"') == tag);
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        entity.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag(tag));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    response
}

/// JSON under its tag.
pub(crate) fn tagged_json<T: Serialize>(request: &HeaderMap, tag: &str, value: T) -> Response {
    tagged(request, tag, Json(value))
}

/// A view under a tag that changes whenever it does.
pub(crate) fn versioned_json<T: Serialize>(request: &HeaderMap, value: &T) -> Response {
    let bytes = serde_json::to_vec(value).expect("views can be written as JSON");
    let tag = hex::encode(&Sha256::digest(&bytes)[..16]);
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )];
    tagged(request, &tag, (kind, bytes))
}

/// The entity tags of a header, as they are written.
pub(crate) fn entity_tags(headers: &HeaderMap, name: &header::HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

/// 201 with where the new thing is.
pub(crate) fn created<T: Serialize>(location: &str, value: T) -> Response {
    let mut response = (StatusCode::CREATED, Json(value)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
