//! What stands in a path: projects, gates, ids.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use sluice_gates::Gate;

use crate::problem::{ApiError, Kind};

/// The parameters of a path.
pub(crate) struct PathOf<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathOf<T>, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(path)| PathOf(path)).map_err(|_| {
            let detail = "the path is not valid UTF-8, or has a word where a number belongs";
            ApiError::new(Kind::BadRequest, detail)
        })
    }
}

/// A gate's name in a path; one that is none does not exist.
pub(crate) fn gate(name: &str) -> Result<Gate, ApiError> {
    name.parse().map_err(|_| {
        ApiError::new(
            Kind::NotFound,
            format!("gate {name:?} does not exist; gates are g0 to g9"),
        )
    })
}

/// An id in a path; a text that is none names nothing.
pub(crate) fn id<T: FromStr>(what: &str, text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|_| ApiError::new(Kind::NotFound, format!("{what} {text:?} does not exist")))
}
