//! What people send by a form: only from our own pages, and only from the browser that was shown the form.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::body::{MAX_JSON_BYTES, body_of};
use crate::dashboard::session::Visit;
use crate::problem::{ApiError, Kind};

/// The fields of a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// The value of a field, without spaces around it; empty when it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// The fields whose names begin so, without that, that were filled in.
    pub(crate) fn below<'a>(
        &'a self,
        start: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        let named = self.0.iter();
        named
            .filter_map(move |(name, value)| Some((name.strip_prefix(start)?, value.trim())))
            .filter(|(_, value)| !value.is_empty())
    }
}

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Form, ApiError> {
        from_here(request.headers())?;
        let visit = request.extensions().get::<Visit>().cloned();
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let detail = "a form is sent as application/x-www-form-urlencoded";
            return Err(ApiError::new(Kind::UnsupportedMediaType, detail));
        }
        let bytes = body_of(request, MAX_JSON_BYTES).await?;
        let form = Form(form_urlencoded::parse(&bytes).into_owned().collect());
        match visit {
            Some(visit) if !same(form.get("csrf"), &visit.csrf) => {
                let detail = "the form is not one that this sign-in was shown; open the page again";
                Err(ApiError::new(Kind::Forbidden, detail).with("code", "csrf"))
            }
            _ => Ok(form),
        }
    }
}

/// Compares in a time that says nothing about where two texts differ.
fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

/// Refuses what a page of another origin sends.
pub(crate) fn from_here(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_ours = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text("host")
        }
        // A program that is no browser has no cookie that it did not ask for.
        (None, None) => true,
    };
    if is_ours {
        return Ok(());
    }
    let detail = "a page of another site sent this; open the page here";
    Err(ApiError::new(Kind::Forbidden, detail).with("code", "csrf"))
}
