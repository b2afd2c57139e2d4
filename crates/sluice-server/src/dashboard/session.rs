//! Signing in with a token, and the cookie that says who has.

use askama::Template;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, http::request::Parts};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use sluice_factory::{Actor, SESSION};
use url::form_urlencoded;

use crate::auth::Caller;
use crate::dashboard::form::Form;
use crate::dashboard::frame::{Frame, Notice, page, refused};
use crate::limit;
use crate::problem::{ApiError, Kind};
use crate::scope;
use crate::state::App;

const COOKIE: &str = "sluice_session";

/// Who looks at a page.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) actor: Actor,
    /// What forms send along, so that no other page can send them.
    pub(crate) csrf: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    to: String,
}

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Target {
    #[serde(default)]
    to: String,
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Visit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visit, ApiError> {
        parts.extensions.get::<Visit>().cloned().ok_or_else(ended)
    }
}

/// Lets a request through to a page only from who is signed in; others are asked to.
pub(crate) async fn signed_in(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let secret = cookie(request.headers()).map(str::to_owned);
    let actor = match &secret {
        Some(secret) => app.factory.session_actor(secret).await?,
        None => None,
    };
    let (Some(actor), Some(secret)) = (actor, secret) else {
        if cookie(request.headers()).is_some() {
            limit::anonymous(&app, request.extensions())?;
        }
        if request.method() != Method::GET || request.headers().contains_key("hx-request") {
            return Err(ended());
        }
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let to: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        return Ok(Redirect::to(&format!("/sign-in?to={to}")).into_response());
    };
    let caller = Caller(actor.clone());
    limit::caller(&app, &caller)?;
    scope::allow(&app, &actor, request.uri().path()).await?;
    let csrf = hex::encode(Sha256::digest(format!("csrf\0{secret}")));
    let visit = Visit {
        actor,
        csrf,
        secret,
    };
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(visit);
    Ok(next.run(request).await)
}

fn ended() -> ApiError {
    ApiError::new(
        Kind::Unauthorized,
        "you are not signed in any more; sign in again and repeat it",
    )
}

/// `GET /sign-in`.
pub(crate) async fn form(Query(target): Query<Target>) -> Result<Response, ApiError> {
    let frame = Frame {
        title: "Sign in".to_owned(),
        ..Frame::default()
    };
    let to = local(&target.to).to_owned();
    page(StatusCode::OK, &SignInPage { frame, to })
}

/// `POST /sign-in`.
pub(crate) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let to = local(form.get("to")).to_owned();
    let opened = match app.factory.session_open(form.get("token")).await {
        Ok(Some(session)) => Ok(session),
        Ok(None) => Err(ApiError::new(
            Kind::Unauthorized,
            "the token is unknown, expired or revoked",
        )),
        Err(refusal) => Err(ApiError::from(refusal)),
    };
    match opened {
        Ok(session) => {
            let mut response = Redirect::to(&to).into_response();
            set_cookie(&mut response, &headers, &session, SESSION.as_secs());
            Ok(response)
        }
        Err(error) => {
            let frame = Frame {
                title: "Sign in".to_owned(),
                notice: Some(Notice::refused(&error)),
                ..Frame::default()
            };
            refused(page(StatusCode::OK, &SignInPage { frame, to }), error)
        }
    }
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    _: Form,
) -> Result<Response, ApiError> {
    app.factory.session_close(&visit.secret).await?;
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&mut response, &headers, "", 0);
    Ok(response)
}

/// A path of our own; anything else leads to the start.
fn local(to: &str) -> &str {
    let is_path = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\r', '\n']);
    match is_path {
        true => to,
        false => "/",
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .filter(|secret| !secret.is_empty())
}

fn set_cookie(response: &mut Response, request: &HeaderMap, value: &str, seconds: u64) {
    // Behind a proxy with TLS the browser says so itself.
    let is_tls = request
        .get(header::ORIGIN)
        .is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if is_tls { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}
