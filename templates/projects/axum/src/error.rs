//! What clients see of an error. What they cannot mend goes to the log and not to them.

use std::any::Any;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An error, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Error {
    #[serde(skip)]
    status: StatusCode,
    #[serde(rename = "error")]
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issues: Vec<Issue>,
}

/// What is wrong with a part of the input.
#[derive(Debug, Serialize)]
struct Issue {
    path: String,
    message: String,
}

impl Error {
    fn new(status: StatusCode, message: impl Into<String>) -> Error {
        Error {
            status,
            message: message.into(),
            issues: Vec::new(),
        }
    }

    /// Input that can be read but is not valid.
    pub(crate) fn invalid(path: &str, message: impl Into<String>) -> Error {
        let issue = Issue {
            path: path.to_owned(),
            message: message.into(),
        };
        Error {
            issues: vec![issue],
            ..Error::new(StatusCode::UNPROCESSABLE_ENTITY, "The input is not valid")
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

/// The body of a request, whose faults are answered as every error is.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Input(value)),
            Err(JsonRejection::JsonDataError(error)) => Err(Error::invalid("", error.body_text())),
            Err(other) => Err(Error::new(other.status(), other.body_text())),
        }
    }
}

/// Answers what no route took.
pub(crate) async fn not_found(method: Method, uri: Uri) -> Error {
    let message = format!("{method} {} does not exist", uri.path());
    Error::new(StatusCode::NOT_FOUND, message)
}

/// Answers a method that a route does not take; the header `Allow` says which it takes.
pub(crate) async fn not_allowed(method: Method, uri: Uri) -> Error {
    let message = format!("{} does not take {method}", uri.path());
    Error::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// Answers after a panic, which the log has already: Rust writes it to standard error.
pub(crate) fn failed(_fault: Box<dyn Any + Send>) -> Response {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong").into_response()
}
