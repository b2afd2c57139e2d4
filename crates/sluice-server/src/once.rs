//! Requests under an `Idempotency-Key`: done once, however often they are sent.

use std::panic::AssertUnwindSafe;

use axum::body::{Body, HttpBody as _};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sluice_factory::{KeptAnswer, KeyOutcome, KeyedRequest, MAX_REPLY_BYTES};
use tracing::Instrument as _;

use crate::auth::Caller;
use crate::body::read;
use crate::problem::{ApiError, Failed, Kind};
use crate::state::App;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const MAX_KEY: usize = 255;
/// The largest body that is kept, in bytes.
const MAX_KEPT: u64 = 1 << 20;
/// The headers that are kept.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Marks an answer whose body is shown once and never kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownOnce;

/// Does a `POST` under a key once; without one, as often as it is sent.
///
/// The work goes on when the client goes away in the middle of it, so that the answer is there when it comes back.
pub(crate) async fn once(
    State(app): State<App>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let key = match key(request.headers())? {
        Some(key) if request.method() == Method::POST => key,
        _ => return Ok(next.run(request).await),
    };
    let (parts, body) = request.into_parts();
    let bytes = read(&parts.headers, body, MAX_REPLY_BYTES).await?;
    // The router has taken the base off the request's own.
    let path = match parts.extensions.get::<OriginalUri>() {
        Some(OriginalUri(uri)) => uri.path(),
        None => parts.uri.path(),
    };
    let keyed = KeyedRequest {
        principal: caller.principal(),
        route: format!("POST {path}"),
        key,
        request: digest(&parts.headers, parts.uri.query(), &bytes),
        owner: app.owner.clone(),
    };
    let request = Request::from_parts(parts, Body::from(bytes));
    // From here on it does not matter whether the client is still there.
    let work = async move { answer(&app, keyed, request, next).await };
    tokio::spawn(work.in_current_span())
        .await
        .unwrap_or_else(|ended| {
            Err(ApiError::new(Kind::Internal, "the daemon failed at this").caused_by(ended))
        })
}

/// Does the work if nobody has, and is, at it under this key.
async fn answer(
    app: &App,
    keyed: KeyedRequest,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let outcome = app
        .factory
        .store()
        .key_claim(&keyed, Timestamp::now())
        .await;
    let claim = match outcome.map_err(fault)? {
        KeyOutcome::Claimed(claim) => claim,
        KeyOutcome::Done(kept) => return replayed(kept),
        KeyOutcome::InFlight => {
            let detail =
                "a request under this key is being answered; send it again when it is done";
            return Err(ApiError::new(Kind::Conflict, detail)
                .with("code", "key_in_flight")
                .header(header::RETRY_AFTER, HeaderValue::from_static("1")));
        }
        KeyOutcome::Mismatch => {
            let detail = "another request was sent under this key; a new request needs a new key";
            return Err(ApiError::new(Kind::Invalid, detail).with("field", "Idempotency-Key"));
        }
    };
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => Ok(keep(app, &keyed, &claim, response).await),
        Err(panic) => {
            release(app, &keyed, &claim).await;
            std::panic::resume_unwind(panic)
        }
    }
}

/// The key of a request: visible ASCII, not too long.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(KEY).iter();
    let (first, second) = (given.next(), given.next());
    let Some(first) = first else {
        return Ok(None);
    };
    let text = first.to_str().unwrap_or_default().trim();
    let is_key = (1..=MAX_KEY).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if second.is_some() || !is_key {
        let detail =
            format!("`Idempotency-Key` is one text of 1 to {MAX_KEY} printable ASCII characters");
        return Err(ApiError::new(Kind::BadRequest, detail));
    }
    Ok(Some(text.to_owned()))
}

/// A digest of what a request says besides method and path.
fn digest(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> String {
    let mut hasher = Sha256::new();
    for name in [header::CONTENT_TYPE, header::IF_MATCH] {
        for value in headers.get_all(name) {
            hasher.update(value.as_bytes());
            hasher.update(b"\n");
        }
        hasher.update(b"\n");
    }
    hasher.update(query.unwrap_or_default().as_bytes());
    hasher.update(b"\n");
    hasher.update(body);
    hex::encode(hasher.finalize())
}

/// Keeps an answer for whoever sends the request again. A fault of the daemon is no answer, nor is one that is
/// too large to be kept: the key is free again.
async fn keep(app: &App, keyed: &KeyedRequest, claim: &str, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    let size = body.size_hint().exact();
    if parts.status.is_server_error()
        || passing.contains(&parts.status)
        || size.is_none_or(|size| size > MAX_KEPT)
    {
        release(app, keyed, claim).await;
        return Response::from_parts(parts, body);
    }
    let shown_once = parts.extensions.remove::<ShownOnce>().is_some();
    let (body, kept) = match parts.extensions.get::<Failed>() {
        Some(Failed(error)) => (body, error.body("").to_string().into_bytes()),
        None => {
            // Whole in memory already, so this waits for nothing and cannot fail.
            let bytes = body.collect().await.map(|body| body.to_bytes());
            let bytes = bytes.unwrap_or_default();
            (Body::from(bytes.clone()), bytes.to_vec())
        }
    };
    let headers = HEADERS.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: (!shown_once).then_some(kept),
    };
    let kept = app.factory.store().key_finish(keyed, claim, answer).await;
    if let Err(error) = kept {
        tracing::warn!(error = %error, "an answer could not be kept under its key");
    }
    Response::from_parts(parts, body)
}

async fn release(app: &App, keyed: &KeyedRequest, claim: &str) {
    if let Err(error) = app.factory.store().key_release(keyed, claim).await {
        tracing::warn!(error = %error, "a key could not be given back");
    }
}

/// The answer that was given before.
fn replayed(kept: KeptAnswer) -> Result<Response, ApiError> {
    const YES: HeaderValue = HeaderValue::from_static("true");
    let status = StatusCode::from_u16(kept.status).map_err(|error| {
        ApiError::new(Kind::Internal, "the daemon failed at this").caused_by(error)
    })?;
    let Some(body) = kept.body else {
        let place = kept.headers.iter().find(|(name, _)| name == "location");
        let place = place.map_or("", |(_, place)| place.as_str());
        let detail = format!(
            "it was done under this key ({place}), and what it answered is shown once; revoke it, and ask under a new key"
        );
        return Err(ApiError::new(Kind::Conflict, detail)
            .with("code", "shown_once")
            .header(REPLAYED, YES));
    };
    if status.is_client_error() {
        return Err(refused(status, &body).header(REPLAYED, YES));
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in &kept.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, YES);
    Ok(response)
}

/// A refusal as it was, for this request's id.
fn refused(status: StatusCode, body: &[u8]) -> ApiError {
    const MADE: [&str; 5] = ["type", "title", "status", "detail", "instance"];
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = body["detail"].as_str().unwrap_or_default();
    let mut error = ApiError::new(Kind::of(status), detail);
    for (name, value) in body.as_object().into_iter().flatten() {
        if !MADE.contains(&name.as_str()) {
            error = error.with(name, value.clone());
        }
    }
    error
}

fn fault(error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError::new(Kind::Internal, "the daemon could not do this now").caused_by(error)
}
