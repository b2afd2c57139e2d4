//! What checks print, line by line while they run and afterwards.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use futures::{Stream, stream};
use serde_json::{Value, json};
use sluice_factory::{CheckId, Factory, Following, Gate};

use crate::auth::Caller;
use crate::param::{PathOf, gate, id};
use crate::problem::ApiError;
use crate::state::App;
use crate::stream::{Follow, answer, message, resume_after};

/// What checks print while they run, as server-sent events; ends with an event `end`.
///
/// Lines are numbered in the order in which they were printed, and the numbers stay: `Last-Event-ID` goes on behind
/// one. They are made fit to be shown; a report names the log with the bytes as they were printed.
#[utoipa::path(get, path = "/checks/{id}/log", tag = "checks",
    params(("id" = String, Path, description = "The id of the checks"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "`run` (also when they are run again), `queued` with `{check, ahead}`, `started` with `{check, command, ms}`, `log` with \
                       `{check, stream, ms, line}`, `finished` with `{check, verdict, cached, wall_ms, ms}`, `cut` \
                       where more was printed than is shown, at last `end` with `{state, verdict, fault}`")))]
pub(crate) async fn check_log(
    State(app): State<App>,
    caller: Caller,
    PathOf(text): PathOf<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = id("check", &text)?;
    let after = resume_after(&headers, None)?;
    let check = app.factory.check_fetch(id).await?;
    let news = Follow::new(&app, Some(check.project), 0);
    let following = app.factory.check_follow(id, after);
    answer(
        &app,
        &caller,
        frames(Reader::new(&app, Of::Check(id), following, news)),
    )
}

/// What the checks of a gate's newest run print, of all its attempts, as server-sent events; ends with an event `end`.
///
/// The events are those of `GET /checks/{id}/log`; `run` also says which attempt is checked.
#[utoipa::path(get, path = "/projects/{project}/gates/{gate}/log", tag = "attempts",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "See `GET /checks/{id}/log`; at last `end` with the run's `{state}`")))]
pub(crate) async fn gate_log(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, name)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let gate = gate(&name)?;
    let after = resume_after(&headers, None)?;
    let (run, following) = app.factory.gate_follow(&project, gate, after).await?;
    let news = Follow::new(&app, Some(project.clone()), 0);
    let of = Of::Gate { project, gate, run };
    answer(
        &app,
        &caller,
        frames(Reader::new(&app, of, following, news)),
    )
}

/// Whose checks print.
enum Of {
    Check(CheckId),
    Gate {
        project: String,
        gate: Gate,
        run: String,
    },
}

/// Reads a transcript to its end.
struct Reader {
    factory: Arc<Factory>,
    of: Of,
    following: Following,
    news: Follow,
    waiting: VecDeque<Event>,
    /// Has told the end.
    told: bool,
}

impl Reader {
    fn new(app: &App, of: Of, following: Following, news: Follow) -> Reader {
        Reader {
            factory: Arc::clone(&app.factory),
            of,
            following,
            news,
            waiting: VecDeque::new(),
            told: false,
        }
    }

    /// The next event that the client has not seen.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.told {
                return None;
            }
            // Asked before the transcript is read: nothing is written to it after the end.
            let end = self.end().await.ok()?;
            let frames = match (self.following.read().await, &self.of) {
                (Some(frames), _) => frames,
                (None, Of::Check(id)) if end.is_some() => {
                    self.factory.check_transcribe(*id).await.ok()?;
                    self.following.read().await.unwrap_or_default()
                }
                (None, _) => Vec::new(),
            };
            let events = frames
                .iter()
                .map(|frame| message(&frame.seq.to_string(), &frame.kind, &frame.data));
            self.waiting.extend(events);
            if !self.waiting.is_empty() {
                continue;
            }
            let Some(end) = end else {
                let goes_on = tokio::select! {
                    goes_on = self.news.sleep() => goes_on,
                    goes_on = self.following.written() => goes_on,
                };
                goes_on.then_some(())?;
                continue;
            };
            self.told = true;
            // A client that comes back after the end has seen it.
            if let Some(seq) = self.following.end() {
                self.waiting
                    .push_back(message(&seq.to_string(), "end", &end));
            }
        }
    }

    /// What to say at the end, once it has come.
    async fn end(&self) -> Result<Option<Value>, ApiError> {
        match &self.of {
            Of::Check(id) => {
                let check = self.factory.check_fetch(*id).await?;
                let verdict = check.report.as_ref().map(|report| report.verdict);
                let is_over = ["done", "failed"].contains(&check.state.as_str());
                let end = json!({ "state": check.state, "verdict": verdict, "fault": check.fault });
                Ok(is_over.then_some(end))
            }
            Of::Gate { project, gate, run } => {
                let state = self.factory.gate_ended(project, *gate, run).await?;
                Ok(state.map(|state| json!({ "state": state })))
            }
        }
    }
}

fn frames(reader: Reader) -> impl Stream<Item = Event> + Send {
    stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((event, reader))
    })
}
