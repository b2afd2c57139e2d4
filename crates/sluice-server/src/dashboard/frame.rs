//! What stands around every page, and the answer that a page becomes.

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sluice_factory::Role;

use crate::dashboard::session::Visit;
use crate::problem::{ApiError, Failed, Kind};

/// Nothing from elsewhere, and no script or style that stands in a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// The body of an answer is a page already, also where it tells of a refusal; the edge leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown;

/// What stands around a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    pub(crate) title: String,
    /// The entry of the menu that the page belongs to.
    pub(crate) here: &'static str,
    /// Who is signed in; nobody on the page for that.
    pub(crate) visit: Option<Visit>,
    /// What came of what was just asked.
    pub(crate) notice: Option<Notice>,
}

/// A sentence above a page.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    /// `good` or `bad`.
    pub(crate) tone: &'static str,
    pub(crate) text: String,
}

impl Notice {
    pub(crate) fn good(text: impl Into<String>) -> Notice {
        Notice {
            tone: "good",
            text: text.into(),
        }
    }

    /// Why something was not done.
    pub(crate) fn refused(error: &ApiError) -> Notice {
        Notice {
            tone: "bad",
            text: error.detail().to_owned(),
        }
    }
}

impl Frame {
    pub(crate) fn new(visit: &Visit, here: &'static str, title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            here,
            visit: Some(visit.clone()),
            notice: None,
        }
    }

    pub(crate) fn with(mut self, notice: Option<Notice>) -> Frame {
        self.notice = notice;
        self
    }

    /// The value that each form sends along.
    pub(crate) fn csrf(&self) -> &str {
        self.visit.as_ref().map_or("", |visit| &visit.csrf)
    }

    /// Whether the one who is signed in may do what takes a role.
    pub(crate) fn may(&self, role: &str) -> bool {
        let needed: Option<Role> = role.parse().ok();
        let visit = self.visit.as_ref();
        visit.is_some_and(|visit| needed.is_some_and(|needed| visit.actor.role >= needed))
    }
}

/// A page that tells of a refusal in its notice, as the answer to what was refused.
pub(crate) fn refused(
    shown: Result<Response, ApiError>,
    error: ApiError,
) -> Result<Response, ApiError> {
    let mut response = shown?;
    *response.status_mut() = error.status();
    response.extensions_mut().insert(Failed(Arc::new(error)));
    Ok(response)
}

/// A page as an answer.
pub(crate) fn page(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    let html = page.render().map_err(|error| {
        ApiError::new(Kind::Internal, "the page cannot be shown").caused_by(error.to_string())
    })?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ];
    let mut response = (status, headers, html).into_response();
    response.extensions_mut().insert(Shown);
    Ok(response)
}
