//! Checks alone, on any version, and their logs.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sluice_factory::view::CheckView;
use sluice_factory::{CheckId, Factory};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::MaybeJson;
use crate::param::{PathOf, id};
use crate::problem::ApiError;
use crate::schema;
use crate::state::{App, finish};
use crate::stream::{Follow, answer, message, resume_after};

/// A longer line of a log is sent in pieces, in bytes.
const LONGEST_LINE: usize = 16 << 10;

/// Checks to be run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCheck {
    /// A branch, tag, full ref or commit id; `work` when left out.
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    /// Only these of `install`, `build`, `test`, `lint`, `audit`; all when left out or empty.
    #[serde(default)]
    only: Option<Vec<String>>,
}

/// Asks for checks (operator); they run when their turn comes.
#[utoipa::path(post, path = "/projects/{project}/checks", tag = "checks",
    params(("project" = String, Path, description = "The project's name")),
    request_body(content = Option<NewCheck>),
    responses((status = 202, body = schema::Check)))]
pub(crate) async fn check_create(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    MaybeJson(NewCheck { reference, only }): MaybeJson<NewCheck>,
) -> Result<Response, ApiError> {
    let check = finish(async move {
        let only = only.unwrap_or_default();
        app.factory
            .check_create(&project, reference.as_deref(), only, &caller.0)
            .await
    })
    .await?;
    let location = HeaderValue::from_str(&format!("/api/v1/checks/{}", check.id));
    let mut response = (StatusCode::ACCEPTED, Json(check)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Checks with their report.
#[utoipa::path(get, path = "/checks/{id}", tag = "checks",
    params(("id" = String, Path, description = "The id of the checks")),
    responses((status = 200, body = schema::Check)))]
pub(crate) async fn check_fetch(
    State(app): State<App>,
    PathOf(text): PathOf<String>,
) -> Result<Json<CheckView>, ApiError> {
    let id = id("check", &text)?;
    Ok(Json(app.factory.check_fetch(id).await?))
}

/// The logs of checks, line by line, as server-sent events; ends with an event `end`.
#[utoipa::path(get, path = "/checks/{id}/log", tag = "checks",
    params(("id" = String, Path, description = "The id of the checks"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last line that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "`event: log` with `{check, line}`, at last `event: end` with `{state, verdict, fault}`")))]
pub(crate) async fn check_log(
    State(app): State<App>,
    PathOf(text): PathOf<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = id("check", &text)?;
    let after = resume_after(&headers, None)?;
    let check = app.factory.check_fetch(id).await?;
    let news = Follow::new(&app, Some(check.project), 0);
    answer(&app, lines(Arc::clone(&app.factory), id, after, news))
}

/// Where a reader of logs is.
enum At {
    /// Waits for the checks to end.
    Waiting(Follow),
    /// Reads a log, with those that come after it.
    Reading {
        check: Box<CheckView>,
        log: Log,
        next: VecDeque<(String, String)>,
    },
    /// Has told the end.
    Told,
}

/// A log and how much of it was read.
#[derive(Default)]
struct Log {
    name: String,
    bytes: Vec<u8>,
    read: usize,
}

impl Log {
    /// The next line, or the next piece of a long one.
    fn line(&mut self) -> Option<String> {
        let rest = self
            .bytes
            .get(self.read..)
            .filter(|rest| !rest.is_empty())?;
        let window = &rest[..rest.len().min(LONGEST_LINE)];
        let end = window.iter().position(|byte| *byte == b'\n');
        let piece = &window[..end.map_or(window.len(), |end| end + 1)];
        self.read += piece.len();
        let text = String::from_utf8_lossy(piece);
        Some(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}

/// A reader of the logs of checks.
struct Reader {
    factory: Arc<Factory>,
    id: CheckId,
    after: i64,
    seq: i64,
    at: At,
}

fn lines(
    factory: Arc<Factory>,
    id: CheckId,
    after: i64,
    news: Follow,
) -> impl Stream<Item = Event> + Send {
    let reader = Reader {
        factory,
        id,
        after,
        seq: 0,
        at: At::Waiting(news),
    };
    stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((event, reader))
    })
}

impl Reader {
    /// The next event that the client has not seen.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let (kind, data) = self.step().await?;
            let Some(data) = data else {
                continue;
            };
            self.seq += 1;
            if self.seq > self.after {
                return Some(message(&self.seq.to_string(), kind, &data));
            }
        }
    }

    /// Goes one step on; `None` at the end, no data when there is nothing to tell.
    async fn step(&mut self) -> Option<(&'static str, Option<Value>)> {
        match &mut self.at {
            At::Waiting(news) => {
                let check = self.factory.check_fetch(self.id).await.ok()?;
                if !["done", "failed"].contains(&check.state.as_str()) {
                    return news.sleep().await.then_some(("wait", None));
                }
                let checks = check.report.iter().flat_map(|report| &report.checks);
                let next = checks
                    .map(|one| (one.name.clone(), one.log.sha256.clone()))
                    .collect();
                self.at = At::Reading {
                    check: Box::new(check),
                    log: Log::default(),
                    next,
                };
                Some(("read", None))
            }
            At::Reading { check, log, next } => {
                if let Some(line) = log.line() {
                    return Some(("log", Some(json!({ "check": log.name, "line": line }))));
                }
                if let Some((name, sha256)) = next.pop_front() {
                    let factory = Arc::clone(&self.factory);
                    let bytes = tokio::task::spawn_blocking(move || factory.log_read(&sha256));
                    // A log that is gone has no lines; the report still names it.
                    let bytes = bytes.await.ok().flatten().unwrap_or_default();
                    *log = Log {
                        name,
                        bytes,
                        read: 0,
                    };
                    return Some(("read", None));
                }
                let verdict = check.report.as_ref().map(|report| report.verdict);
                let end = json!({ "state": check.state, "verdict": verdict, "fault": check.fault });
                self.at = At::Told;
                Some(("end", Some(end)))
            }
            At::Told => None,
        }
    }
}
