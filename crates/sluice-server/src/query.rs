//! What stands behind the question mark.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use crate::problem::{ApiError, Kind};

/// The entries of a page when the client names no number.
const PAGE: u64 = 50;
/// The most entries of a page.
pub(crate) const LARGEST_PAGE: u64 = 200;

/// A typed query string; an unknown key is refused.
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<QueryOf<T>, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(query)| QueryOf(query))
            .map_err(|rejection| ApiError::new(Kind::BadRequest, rejection.body_text()))
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    pub(crate) limit: Option<u64>,
}

impl Paging {
    /// The page size.
    pub(crate) fn size(&self) -> Result<u64, ApiError> {
        size(self.limit, PAGE, LARGEST_PAGE)
    }
}

/// A page size that a client asked for, bounded.
pub(crate) fn size(limit: Option<u64>, usual: u64, largest: u64) -> Result<u64, ApiError> {
    match limit {
        Some(0) => Err(ApiError::new(Kind::BadRequest, "`limit` is at least 1")),
        Some(limit) => Ok(limit.min(largest)),
        None => Ok(usual),
    }
}

/// A value that may be left out or left empty.
pub(crate) fn filled<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    let text = Option::<String>::deserialize(deserializer)?;
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|error| D::Error::custom(format!("{text:?}: {error}"))),
    }
}
