//! Errors as problems of RFC 9457: one type, mapped to a status in one place.

pub(crate) mod codes;

use std::error::Error;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use sluice_factory::Refusal;

/// What kind of problem it is; its word stands in `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    Misdirected,
    Invalid,
    PreconditionRequired,
    RateLimited,
    Internal,
    NotImplemented,
    Unavailable,
}

impl Kind {
    pub(crate) const ALL: [Kind; 17] = [
        Kind::BadRequest,
        Kind::Unauthorized,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::Timeout,
        Kind::Conflict,
        Kind::PreconditionFailed,
        Kind::TooLarge,
        Kind::UnsupportedMediaType,
        Kind::Misdirected,
        Kind::Invalid,
        Kind::PreconditionRequired,
        Kind::RateLimited,
        Kind::Internal,
        Kind::NotImplemented,
        Kind::Unavailable,
    ];

    /// Status, the word in `type`, the title, and what to do about it.
    pub(crate) fn told(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Kind::BadRequest => (
                S::BAD_REQUEST,
                "bad-request",
                "The request cannot be read",
                "A parameter, a header or the body is not well formed; `detail` says which.",
            ),
            Kind::Unauthorized => (
                S::UNAUTHORIZED,
                "unauthorized",
                "A valid token is needed",
                "Send `Authorization: Bearer TOKEN` with a token that is neither expired nor revoked.",
            ),
            Kind::Forbidden => (
                S::FORBIDDEN,
                "forbidden",
                "The token does not allow this",
                "`code` says why.",
            ),
            Kind::NotFound => (
                S::NOT_FOUND,
                "not-found",
                "It does not exist",
                "Nothing has this name or id, or there is no such route.",
            ),
            Kind::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The route has no such method",
                "The header `Allow` names the methods that it has.",
            ),
            Kind::Timeout => (
                S::REQUEST_TIMEOUT,
                "timeout",
                "The request took too long",
                "The request was not read or answered in time; send it again.",
            ),
            Kind::Conflict => (
                S::CONFLICT,
                "conflict",
                "It does not fit how things stand",
                "`code` says why. Look at how things stand and decide again.",
            ),
            Kind::PreconditionFailed => (
                S::PRECONDITION_FAILED,
                "precondition-failed",
                "It was changed meanwhile",
                "`If-Match` or `If-None-Match` does not hold. Read the file again and repeat the change on what it is now.",
            ),
            Kind::TooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
                "`detail` names the limit.",
            ),
            Kind::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The content type is not accepted here",
                "`detail` names the content type that is.",
            ),
            Kind::Misdirected => (
                S::MISDIRECTED_REQUEST,
                "misdirected",
                "The daemon does not answer for this host",
                "Use a loopback name or the listen address, or add the name to `server.allowed_hosts`.",
            ),
            Kind::Invalid => (
                S::UNPROCESSABLE_ENTITY,
                "invalid",
                "The request says something that cannot be",
                "`field` names what is wrong. A path that is refused has its `reason`.",
            ),
            Kind::PreconditionRequired => (
                S::PRECONDITION_REQUIRED,
                "precondition-required",
                "A precondition is needed",
                "Send `If-Match` with the file's ETag, or `If-None-Match: *` for a file that must not exist.",
            ),
            Kind::RateLimited => (
                S::TOO_MANY_REQUESTS,
                "rate-limited",
                "Too many requests",
                "The header `Retry-After` says after how many seconds to go on. `server.rate_per_second` and its neighbours set the limits.",
            ),
            Kind::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "The daemon failed",
                "The cause is in the daemon's log under the request id in `instance`.",
            ),
            Kind::NotImplemented => (
                S::NOT_IMPLEMENTED,
                "not-implemented",
                "The daemon cannot do this yet",
                "The route is reserved for a later version.",
            ),
            Kind::Unavailable => (
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "The daemon cannot do this now",
                "Send the request again a little later.",
            ),
        }
    }

    /// The kind of a status that was not made by us.
    pub(crate) fn of(status: StatusCode) -> Kind {
        let known = Kind::ALL.into_iter().find(|kind| kind.told().0 == status);
        known.unwrap_or(if status.is_server_error() {
            Kind::Internal
        } else {
            Kind::BadRequest
        })
    }
}

/// Why a request is not answered as asked. What is public is for the client; the source only for the log.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Told>);

#[derive(Debug)]
struct Told {
    kind: Kind,
    detail: String,
    members: Map<String, Value>,
    headers: HeaderMap,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> ApiError {
        ApiError(Box::new(Told {
            kind,
            detail: detail.into(),
            members: Map::new(),
            headers: HeaderMap::new(),
            source: None,
        }))
    }

    /// Adds a member to the problem.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> ApiError {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.0.headers.insert(name, value);
        self
    }

    /// Adds what only the log shows.
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> ApiError {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.kind.told().0
    }

    /// Status, the word in `type`, the title, and what to do about it.
    pub(crate) fn told(&self) -> (StatusCode, &'static str, &'static str, &'static str) {
        self.0.kind.told()
    }

    /// What is wrong, in words.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The causes, outermost first, for the log.
    pub(crate) fn causes(&self) -> Option<String> {
        let mut text = self.0.source.as_ref()?.to_string();
        let mut next = self.0.source.as_ref().and_then(|error| error.source());
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        Some(text)
    }

    /// The problem's JSON.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        let (status, word, title, _) = self.0.kind.told();
        let mut body = json!({
            "type": format!("/problems/{word}"),
            "title": title,
            "status": status.as_u16(),
            "detail": self.0.detail,
            "instance": format!("urn:request:{request_id}"),
        });
        if let Some(map) = body.as_object_mut() {
            map.extend(self.0.members.clone());
        }
        body
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let text = refusal.to_string();
        match refusal {
            Refusal::NotFound { .. } => ApiError::new(Kind::NotFound, text),
            Refusal::Invalid { field, .. } => {
                ApiError::new(Kind::Invalid, text).with("field", field)
            }
            Refusal::Conflict { code, .. } => {
                ApiError::new(Kind::Conflict, text).with("code", code)
            }
            Refusal::Forbidden { code, .. } => {
                ApiError::new(Kind::Forbidden, text).with("code", code)
            }
            Refusal::PreconditionFailed { .. } => ApiError::new(Kind::PreconditionFailed, text),
            Refusal::Machinery(error) => ApiError::new(Kind::Internal, text).caused_by(error),
        }
    }
}

/// An error on its way to the edge, which knows the request id, logs it and writes the body.
#[derive(Clone)]
pub(crate) struct Failed(pub(crate) Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}
