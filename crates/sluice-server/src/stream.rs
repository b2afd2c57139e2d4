//! Server-sent events: read from the store at the client's pace, so that a slow one holds up nobody.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::stream::{self, StreamExt as _};
use sluice_factory::view::EventView;
use sluice_factory::{EventSeq, Factory};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use crate::problem::{ApiError, Kind};
use crate::state::App;

/// A comment goes out this often when nothing else does.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon a client should connect again.
const RETRY: Duration = Duration::from_secs(2);
/// Another daemon on the same database does not wake us: look again this often.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A stream ends after this time, and its client comes back with its token, which may have been revoked.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Events read from the store at once.
const BATCH: u64 = 200;

/// Where a stream goes on: after the last event that the client has seen.
pub(crate) fn resume_after(headers: &HeaderMap, query: Option<i64>) -> Result<i64, ApiError> {
    let Some(last) = headers.get("last-event-id") else {
        return Ok(query.unwrap_or(0).max(0));
    };
    let seq = last.to_str().ok().map(str::trim);
    if seq == Some("") {
        return Ok(0);
    }
    seq.and_then(|seq| seq.parse().ok())
        .filter(|seq| *seq >= 0)
        .ok_or_else(|| ApiError::new(Kind::BadRequest, "`Last-Event-ID` is a number"))
}

/// Answers with a stream that ends at the shutdown.
pub(crate) fn answer<S>(app: &App, events: S) -> Result<Response, ApiError>
where
    S: Stream<Item = Event> + Send + 'static,
{
    let permit = Arc::clone(&app.streams)
        .try_acquire_owned()
        .map_err(|_| ApiError::new(Kind::Unavailable, "too many event streams are open"))?;
    let opening = Event::default().retry(RETRY).comment("open");
    let shutdown = app.shutdown.clone();
    let events = stream::once(async { opening })
        .chain(events)
        .take_until(shutdown.cancelled_owned())
        .take_until(Box::pin(tokio::time::sleep(LONGEST)))
        .map(Ok::<_, Infallible>);
    let held = Held {
        inner: events.boxed(),
        _permit: permit,
    };
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(held).keep_alive(heartbeat).into_response())
}

/// A stream that gives its permit back when it ends or is dropped.
struct Held<S> {
    inner: S,
    _permit: OwnedSemaphorePermit,
}

impl<S: Stream + Unpin> Stream for Held<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.inner.poll_next_unpin(context)
    }
}

/// Follows what happens, of one project or of all.
pub(crate) struct Follow {
    factory: Arc<Factory>,
    project: Option<String>,
    after: i64,
    waiting: VecDeque<EventView>,
    news: watch::Receiver<EventSeq>,
    shutdown: CancellationToken,
}

impl Follow {
    pub(crate) fn new(app: &App, project: Option<String>, after: i64) -> Follow {
        Follow {
            factory: Arc::clone(&app.factory),
            project,
            after,
            waiting: VecDeque::new(),
            news: app.factory.store().events_watch(),
            shutdown: app.shutdown.clone(),
        }
    }

    /// The next event; `None` at the shutdown.
    pub(crate) async fn next(&mut self) -> Option<EventView> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.after = event.seq;
                return Some(event);
            }
            // Marked as seen before the store is asked: what is committed in between wakes us again.
            self.news.borrow_and_update();
            let project = self.project.as_deref();
            match self.factory.event_list(self.after, project, BATCH).await {
                Ok(events) => self.waiting = events.into(),
                Err(refusal) => {
                    let causes = ApiError::from(refusal).causes();
                    tracing::warn!(
                        error = causes,
                        "an event stream cannot read; it tries again"
                    );
                }
            }
            if self.waiting.is_empty() && !self.sleep().await {
                return None;
            }
        }
    }

    /// Sleeps until something may have happened; `false` at the shutdown.
    pub(crate) async fn sleep(&mut self) -> bool {
        tokio::select! {
            () = self.shutdown.cancelled() => false,
            changed = self.news.changed() => changed.is_ok(),
            () = tokio::time::sleep(LOOK_AGAIN) => true,
        }
    }

    /// The events as a stream for a client.
    pub(crate) fn stream(self) -> impl Stream<Item = Event> + Send {
        stream::unfold(self, |mut follow| async move {
            let event = follow.next().await?;
            Some((shown(&event), follow))
        })
    }
}

fn shown(event: &EventView) -> Event {
    let id = event.seq.to_string();
    message(&id, &event.kind, event)
}

/// One message of a stream.
pub(crate) fn message(id: &str, kind: &str, data: &impl serde::Serialize) -> Event {
    Event::default()
        .id(id)
        .event(kind)
        .json_data(data)
        .expect("views can be written as JSON")
}
