//! Who asks: bearer tokens and what their roles may do.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sluice_factory::{Actor, Credential, Role};

use crate::limit;
use crate::meters;
use crate::oidc::{Doubt, Refused, is_jwt};
use crate::problem::{ApiError, Kind};
use crate::scope;
use crate::state::App;

/// What is asked for where a token is not good.
const BEARER: &str = r#"Bearer realm="sluice", error="invalid_token""#;
const BASIC: &str = r#"Basic realm="sluice", charset="UTF-8""#;

/// The one whose token came with the request.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

impl Caller {
    /// Who it is, for what is counted and kept by caller: the token, so that two of one person are two.
    pub(crate) fn principal(&self) -> String {
        match self.0.token {
            Some(token) => token.to_string(),
            None => format!("{}:{}", self.0.kind, self.0.name),
        }
    }

    /// Refuses who has a lower role.
    pub(crate) fn need(&self, role: Role) -> Result<(), ApiError> {
        if self.0.role >= role {
            return Ok(());
        }
        let detail = format!("the role {role} is needed; yours is {}", self.0.role);
        Err(ApiError::new(Kind::Forbidden, detail).with("code", "role"))
    }
}

/// Lets a request through to its route only with a valid token.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let actor = match bearer(request.headers()) {
        Ok(secret) => known(&app, secret, BEARER).await,
        Err(missing) => Err(missing),
    };
    let actor = unless_too_often(&app, &request, actor)?;
    scope::allow(&app, &actor, request.uri().path()).await?;
    request.extensions_mut().insert(Caller(actor));
    Ok(next.run(request).await)
}

/// As [`authenticate`] for git clients, which send a token as the password of whatever user: git asks the person,
/// or a credential helper, when it sees the challenge.
pub(crate) async fn authenticate_git(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let given = basic(request.headers());
    let given = given.or_else(|| Some(bearer(request.headers()).ok()?.to_owned()));
    let actor = match given {
        Some(secret) => known(&app, &secret, BASIC).await,
        None => Err(refused(
            "give a token as the password; the user's name is not looked at",
            BASIC,
        )),
    };
    let actor = unless_too_often(&app, &request, actor)?;
    scope::allow(&app, &actor, request.uri().path()).await?;
    request.extensions_mut().insert(Caller(actor));
    Ok(next.run(request).await)
}

/// Whose a secret is: a token of ours, or one that the issuer signed.
async fn known(app: &App, secret: &str, challenge: &'static str) -> Result<Actor, ApiError> {
    if let Some(oidc) = app.oidc.as_ref().filter(|_| is_jwt(secret)) {
        let person = oidc.person(&app.factory, secret).await;
        return person.map_err(|why| {
            meters::refused("issuer");
            unknown_person(why, challenge)
        });
    }
    // Any secret is looked up by its hash: one that is unknown takes as long as one that is known.
    let refusal = match app.factory.authenticate(secret).await? {
        Credential::Valid(actor) => return Ok(actor),
        Credential::Expired => expired("the token has expired", challenge),
        Credential::Unknown => refused("the token is unknown or revoked", challenge),
    };
    meters::refused("token");
    Err(refusal)
}

fn unknown_person(why: Refused, challenge: &'static str) -> ApiError {
    match why {
        Refused::Doubt(doubt @ Doubt::Expired) => expired(&doubt.told(), challenge),
        Refused::Doubt(doubt) => refused(&doubt.told(), challenge),
        Refused::NoRole(detail) => ApiError::new(Kind::Forbidden, detail).with("code", "no_role"),
        Refused::NoKeys => {
            let detail = "the issuer does not answer, so its tokens cannot be looked at; try again in a moment";
            ApiError::new(Kind::Unavailable, detail)
                .with("code", "issuer_unavailable")
                .header(header::RETRY_AFTER, HeaderValue::from(5))
        }
        Refused::Other(error) => error,
    }
}

fn expired(detail: &str, challenge: &'static str) -> ApiError {
    refused(detail, challenge).with("code", "token_expired")
}

/// The caller; one who is refused too often is told to wait.
fn unless_too_often(
    app: &App,
    request: &Request,
    actor: Result<Actor, ApiError>,
) -> Result<Actor, ApiError> {
    if actor.is_err() {
        limit::anonymous(app, request.extensions())?;
    }
    actor
}

/// The password of RFC 7617.
fn basic(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, coded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(BASE64.decode(coded.trim()).ok()?).ok()?;
    let (_, password) = plain.split_once(':')?;
    (!password.is_empty()).then(|| password.to_owned())
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing = || {
        refused(
            "send `Authorization: Bearer TOKEN`",
            r#"Bearer realm="sluice""#,
        )
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(missing());
    };
    let (scheme, secret) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || secret.trim().is_empty() {
        return Err(missing());
    }
    Ok(secret.trim())
}

fn refused(detail: &str, challenge: &'static str) -> ApiError {
    let challenge = HeaderValue::from_static(challenge);
    ApiError::new(Kind::Unauthorized, detail).header(header::WWW_AUTHENTICATE, challenge)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, ApiError> {
        // A route outside the authenticated part that asks for its caller is answered like one without a token.
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| refused("a token is needed", r#"Bearer realm="sluice""#))
    }
}
