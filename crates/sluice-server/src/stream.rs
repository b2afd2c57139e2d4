//! Server-sent events: read from the store at the client's pace, so that a slow one holds up nobody.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::stream::{self, BoxStream, StreamExt as _};
use serde_json::json;
use sluice_factory::view::EventView;
use sluice_factory::{EventSeq, Factory};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::auth::Caller;
use crate::limit::OpenStream;
use crate::meters;
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
/// Events that wait for a client, besides those in the buffers of its connection.
const AHEAD: usize = 16;

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

/// Answers a caller with a stream that ends at the shutdown.
///
/// A task of its own reads the events and is a few of them ahead; when the client does not take them it ends, and
/// whoever writes events never notices.
pub(crate) fn answer<S>(app: &App, caller: &Caller, events: S) -> Result<Response, ApiError>
where
    S: Stream<Item = Event> + Send + 'static,
{
    let most = app.options.limits.streams;
    let counted = app.streams_of.open(caller.principal(), most);
    let counted = counted.ok_or_else(|| {
        meters::limited("streams");
        let detail = format!("{most} event streams are open with this token; close one first");
        ApiError::new(Kind::RateLimited, detail)
            .header(header::RETRY_AFTER, HeaderValue::from(RETRY.as_secs()))
    })?;
    let permit = Arc::clone(&app.streams)
        .try_acquire_owned()
        .map_err(|_| ApiError::new(Kind::Unavailable, "too many event streams are open"))?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let closed = Arc::new(OnceLock::new());
    let pump = Pump {
        sender,
        closed: Arc::clone(&closed),
        shutdown: app.shutdown.clone(),
        stall: app.options.stall,
        _held: (counted, permit),
    };
    tokio::spawn(pump.run(events.boxed()));
    let opening = Event::default().retry(RETRY).comment("open");
    let rest = stream::unfold(Some((receiver, closed)), |state| async move {
        let (mut receiver, closed) = state?;
        match receiver.recv().await {
            Some(event) => Some((event, Some((receiver, closed)))),
            None => Some((closed.get()?.told(), None)),
        }
    });
    let events = stream::once(async { opening })
        .chain(rest)
        .map(Ok::<_, Infallible>);
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(events).keep_alive(heartbeat).into_response())
}

/// Why a stream ends that is not at its end.
#[derive(Debug, Clone, Copy)]
enum Closed {
    Slow,
    Shutdown,
    Renew,
}

impl Closed {
    fn reason(self) -> &'static str {
        match self {
            Closed::Slow => "slow",
            Closed::Shutdown => "shutdown",
            Closed::Renew => "renew",
        }
    }

    /// The last event. It has no id, so the client goes on after the last one that has.
    fn told(self) -> Event {
        let reason = self.reason();
        let message = match self {
            Closed::Slow => {
                "what was sent was not read for too long; come back with `Last-Event-ID` and read faster"
            }
            Closed::Shutdown => "the daemon stops; come back with `Last-Event-ID`",
            Closed::Renew => {
                "a stream lasts 15 minutes; come back with `Last-Event-ID`, your token is looked at again"
            }
        };
        Event::default()
            .event("closed")
            .json_data(json!({ "reason": reason, "message": message }))
            .expect("texts can be written as JSON")
    }
}

/// Brings events to one client.
struct Pump {
    sender: mpsc::Sender<Event>,
    closed: Arc<OnceLock<Closed>>,
    shutdown: CancellationToken,
    stall: Duration,
    _held: (OpenStream, OwnedSemaphorePermit),
}

impl Pump {
    async fn run(self, mut events: BoxStream<'static, Event>) {
        if let Some(why) = self.forward(&mut events).await {
            meters::stream_closed(why.reason());
            // Before the sender is dropped: the client's side looks when nothing more comes.
            let _ = self.closed.set(why);
        }
    }

    /// Forwards until the events end or the client is gone, or says why it has to end before.
    async fn forward(&self, events: &mut BoxStream<'static, Event>) -> Option<Closed> {
        let mut over = pin!(tokio::time::sleep(LONGEST));
        loop {
            let event = tokio::select! {
                biased;
                () = self.sender.closed() => return None,
                () = self.shutdown.cancelled() => return Some(Closed::Shutdown),
                () = &mut over => return Some(Closed::Renew),
                event = events.next() => event?,
            };
            tokio::select! {
                sent = self.sender.send(event) => sent.ok()?,
                () = self.shutdown.cancelled() => return Some(Closed::Shutdown),
                () = tokio::time::sleep(self.stall) => return Some(Closed::Slow),
            }
        }
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
        self.told(shown)
    }

    /// The events as a stream for a client, each as `tell` says it.
    pub(crate) fn told(self, tell: fn(&EventView) -> Event) -> impl Stream<Item = Event> + Send {
        stream::unfold(self, move |mut follow| async move {
            let event = follow.next().await?;
            Some((tell(&event), follow))
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
