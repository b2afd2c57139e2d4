//! The edge around every route: request ids, the host check, limits of time, headers, and problems.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use tracing::Instrument as _;
use tracing::field::Empty;
use uuid::Uuid;

use crate::dashboard::Shown;
use crate::meters;
use crate::problem::{ApiError, Failed, Kind};
use crate::state::App;
use crate::trace_parent::TraceParent;

/// The longest that a request may take until its answer begins; streams go on after that.
const LONGEST: Duration = Duration::from_secs(60);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers one request, whatever happens inside.
pub(crate) async fn edge(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // What the router has for it, of which there are only so many; a path could be anything.
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        id = %id,
        http.request.method = %method,
        url.path = path,
        http.route = route,
        trace.id = Empty,
        http.response.status_code = Empty
    );
    let parent = TraceParent::of(request.headers());
    if let Some(parent) = &parent {
        span.record("trace.id", parent.trace_id());
        if let Some(follow) = &app.options.follow {
            follow.apply(&span, parent);
        }
    }
    let start = Instant::now();
    app.counts.in_flight.fetch_add(1, Ordering::Relaxed);
    let _counted = InFlight(&app);
    let result = match app.hosts.check(request.uri(), request.headers()) {
        Ok(()) => guarded(next.run(request)).instrument(span.clone()).await,
        Err(refused) => Err(refused),
    };
    let response = result.unwrap_or_else(axum::response::IntoResponse::into_response);
    let _entered = span.enter();
    let mut response = render(response, &id);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    harden(headers);
    let status = response.status().as_u16();
    app.counts.answers[usize::from(status / 100).min(5)].fetch_add(1, Ordering::Relaxed);
    meters::answered(method.as_str(), &route, status, start.elapsed());
    span.record("http.response.status_code", status);
    tracing::debug!(status, ms = start.elapsed().as_millis() as u64, "answered");
    response
}

/// Counts a request down, also when the client goes away in the middle of it.
struct InFlight<'a>(&'a App);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.counts.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a handler; it may neither panic through nor take for ever.
async fn guarded(work: impl Future<Output = Response>) -> Result<Response, ApiError> {
    let work = AssertUnwindSafe(work).catch_unwind();
    match tokio::time::timeout(LONGEST, work).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panic)) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned());
            Err(ApiError::new(Kind::Internal, "the daemon failed at this")
                .caused_by(text.unwrap_or_else(|| "a handler panicked".to_owned())))
        }
        Err(_) => Err(ApiError::new(
            Kind::Timeout,
            format!("there was no answer in {} s", LONGEST.as_secs()),
        )),
    }
}

/// The client's own id when it is harmless in a log, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| (1..=64).contains(&id.len()))
        .filter(|id| {
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        })
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Logs a failure once and writes it as a problem; refusals that the framework made become problems too.
fn render(response: Response, id: &str) -> Response {
    let status = response.status();
    let failed = response.extensions().get::<Failed>().cloned();
    let is_shown = response.extensions().get::<Shown>().is_some();
    let error = match failed {
        Some(Failed(error)) => error,
        None if !is_shown && (status.is_client_error() || status.is_server_error()) => {
            Arc::new(ApiError::new(Kind::of(status), detail(status)))
        }
        None => return response,
    };
    if let Some(causes) = error.causes() {
        tracing::error!(
            request.id = id,
            status = status.as_u16(),
            error = causes,
            "a request failed"
        );
    }
    if is_shown {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    for (name, value) in error.headers() {
        parts.headers.insert(name.clone(), value.clone());
    }
    Response::from_parts(parts, Body::from(error.body(id).to_string()))
}

/// What a status that the framework gave means here.
fn detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is no such route",
        StatusCode::METHOD_NOT_ALLOWED => "the header `Allow` names the methods of this route",
        status => Kind::of(status).told().2,
    }
}

/// Headers that hold for every answer; a handler that needs another value has set it already.
fn harden(headers: &mut HeaderMap) {
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}
