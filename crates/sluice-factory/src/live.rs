//! Replies while agents write them, for people who look on. Nothing here is kept: what counts is the whole reply.

use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sluice_agents::{Call, Hear};
use sluice_gates::Gate;
use sluice_reply::Stream;
use sluice_store::RunRecord;
use tokio::sync::watch;

use crate::factory::{Factory, now};

/// What is longer is not shown any further while it is written, in bytes. The reply itself may be longer.
const MAX_SHOWN_BYTES: usize = 4 << 20;
/// A follower reads at most this at once, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// The replies that are being written now.
pub(crate) struct Drafts {
    open: Mutex<BTreeMap<(String, Gate), Arc<Draft>>>,
    /// Counts what was opened.
    opened: watch::Sender<u64>,
}

impl Default for Drafts {
    fn default() -> Drafts {
        Drafts {
            open: Mutex::default(),
            opened: watch::Sender::new(0),
        }
    }
}

/// A reply as far as it has come.
struct Draft {
    /// When it began, in microseconds: no two of a gate have the same.
    began: i64,
    head: Value,
    text: Mutex<Vec<u8>>,
    state: watch::Sender<State>,
}

/// How far a draft is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    bytes: usize,
    /// More has come than is shown.
    cut: bool,
    /// Whether the whole reply came, once there is no more to come.
    ended: Option<bool>,
}

/// Where an agent's words go. Dropped before [`Writing::whole`], the reply did not come.
pub(crate) struct Writing<'a> {
    drafts: &'a Drafts,
    key: (String, Gate),
    head: Value,
    /// Nothing is shown of an agent that only says that its reply comes from outside.
    draft: Mutex<Option<Arc<Draft>>>,
    /// The calls that have ended and that nobody has taken.
    calls: Mutex<Vec<Call>>,
}

impl Drafts {
    /// A place for the reply to one request.
    pub(crate) fn begin(
        &self,
        record: &RunRecord,
        attempt: u16,
        ask: u8,
        agent: &str,
    ) -> Writing<'_> {
        let gate = record.run.gate();
        Writing {
            drafts: self,
            key: (record.project.clone(), gate),
            head: json!({
                "project": record.project, "gate": gate.as_str(), "run": record.id.to_string(),
                "attempt": attempt, "ask": ask, "agent": agent,
            }),
            draft: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    fn at(&self, key: &(String, Gate)) -> Option<Arc<Draft>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(key).cloned()
    }
}

impl Writing<'_> {
    /// The whole reply has come. An agent that said nothing on the way has said it now.
    pub(crate) fn whole(self, text: &str) {
        let is_silent = self.lock().is_none();
        if is_silent {
            self.hear(text.as_bytes());
        }
        self.end(true);
    }

    /// The calls that have ended since they were last taken.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *calls)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Draft>>> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draft(&self) -> Arc<Draft> {
        let mut held = self.lock();
        let draft = held.get_or_insert_with(|| {
            let draft = Arc::new(Draft {
                began: now().as_microsecond(),
                head: self.head.clone(),
                text: Mutex::default(),
                state: watch::Sender::default(),
            });
            let mut open = self
                .drafts
                .open
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            open.insert(self.key.clone(), Arc::clone(&draft));
            drop(open);
            self.drafts.opened.send_modify(|count| *count += 1);
            draft
        });
        Arc::clone(draft)
    }

    fn end(&self, whole: bool) {
        let Some(draft) = self.lock().take() else {
            return;
        };
        draft.state.send_if_modified(|state| {
            let first = state.ended.is_none();
            state.ended = state.ended.or(Some(whole));
            first
        });
        let mut open = self
            .drafts
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if open
            .get(&self.key)
            .is_some_and(|now| Arc::ptr_eq(now, &draft))
        {
            open.remove(&self.key);
        }
    }
}

impl Hear for Writing<'_> {
    fn hear(&self, bytes: &[u8]) {
        let draft = self.draft();
        let mut text = draft.text.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_SHOWN_BYTES - text.len();
        text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let length = text.len();
        drop(text);
        draft.state.send_modify(|state| {
            state.bytes = length;
            state.cut |= bytes.len() > room;
        });
    }

    fn again(&self) {
        self.end(false);
    }

    fn called(&self, call: Call) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(call);
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// Where a follower was: after the event `n` of the reply that began at `began`. Written `BEGAN-N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivePlace {
    began: i64,
    n: u64,
}

/// A text that names no place in a live reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event of this stream")]
pub struct NotAPlace;

impl FromStr for LivePlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<LivePlace, NotAPlace> {
        let (began, n) = text.split_once('-').ok_or(NotAPlace)?;
        Ok(LivePlace {
            began: began.parse().map_err(|_| NotAPlace)?,
            n: n.parse().map_err(|_| NotAPlace)?,
        })
    }
}

/// Something that a follower sees.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveEvent {
    /// Its place, as [`LivePlace`] reads it.
    pub id: String,
    /// `reply-opened`, `reply-closed`, or an event of `sluice_reply::Stream`.
    pub kind: String,
    /// What there is to say.
    pub data: Value,
}

/// Follows the replies of one gate, one after the other.
pub struct LiveReplies {
    factory: Arc<Factory>,
    key: (String, Gate),
    opened: watch::Receiver<u64>,
    reading: Option<Reading>,
    /// The reply that was read last.
    last: Option<i64>,
    /// What a follower who comes back has seen.
    seen: Option<LivePlace>,
    waiting: VecDeque<LiveEvent>,
}

/// A draft that is being read.
struct Reading {
    draft: Arc<Draft>,
    state: watch::Receiver<State>,
    stream: Stream,
    at: usize,
    n: u64,
}

impl Factory {
    /// Follows what agents write at a gate, from the reply that is being written now; `seen` is where a
    /// follower was that comes back. A gate or project that is not there has nothing to show.
    pub fn live(
        self: &Arc<Self>,
        project: &str,
        gate: Gate,
        seen: Option<LivePlace>,
    ) -> LiveReplies {
        LiveReplies {
            factory: Arc::clone(self),
            key: (project.to_owned(), gate),
            opened: self.drafts.opened.subscribe(),
            reading: None,
            last: None,
            seen,
            waiting: VecDeque::new(),
        }
    }
}

impl LiveReplies {
    /// The next event, as soon as there is one. The same reply gives the same events to every follower. Nothing
    /// is lost when it is dropped while it waits.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            match &mut self.reading {
                Some(reading) => {
                    // Marked as seen before the text is read: what comes in between wakes us again.
                    let state = *reading.state.borrow_and_update();
                    if reading.at < state.bytes {
                        let events = reading.more(state.bytes);
                        self.show(events);
                    } else if let Some(whole) = state.ended {
                        self.close(state, whole);
                    } else {
                        reading.state.changed().await.ok()?;
                    }
                }
                None => {
                    self.opened.borrow_and_update();
                    let draft = self.factory.drafts.at(&self.key);
                    match draft.filter(|draft| self.last != Some(draft.began)) {
                        Some(draft) => self.open(draft),
                        None => self.opened.changed().await.ok()?,
                    }
                }
            }
        }
    }

    fn open(&mut self, draft: Arc<Draft>) {
        self.last = Some(draft.began);
        let head = draft.head.clone();
        self.reading = Some(Reading {
            state: draft.state.subscribe(),
            stream: Stream::new(MAX_SHOWN_BYTES * 3),
            draft,
            at: 0,
            n: 0,
        });
        self.show(vec![("reply-opened".to_owned(), head)]);
    }

    fn close(&mut self, state: State, whole: bool) {
        let Some(reading) = self.reading.as_mut() else {
            return;
        };
        let stream = std::mem::replace(&mut reading.stream, Stream::new(0));
        let mut events = Vec::new();
        // A reply that did not come, or not all of it, is no reply: nothing is made of its rest.
        if whole && !state.cut {
            events = stream.finish().0.iter().map(told).collect();
        }
        events.push((
            "reply-closed".to_owned(),
            json!({ "whole": whole, "cut": state.cut }),
        ));
        self.show(events);
        self.reading = None;
    }

    fn show(&mut self, events: Vec<(String, Value)>) {
        let Some(reading) = self.reading.as_mut() else {
            return;
        };
        let began = reading.draft.began;
        for (kind, data) in events {
            let n = reading.n;
            reading.n += 1;
            if self
                .seen
                .is_none_or(|seen| seen.began != began || n > seen.n)
            {
                let id = format!("{began}-{n}");
                self.waiting.push_back(LiveEvent { id, kind, data });
            }
        }
    }
}

impl Reading {
    /// Reads on, up to `end` at most.
    fn more(&mut self, end: usize) -> Vec<(String, Value)> {
        let end = end.min(self.at + CHUNK_BYTES);
        let text = self
            .draft
            .text
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let chunk = text[self.at..end].to_vec();
        drop(text);
        self.at = end;
        let events = self
            .stream
            .push(chunk)
            .expect("a byte of the draft is at most three of the text");
        events.iter().map(told).collect()
    }
}

/// An event as its kind and its JSON.
fn told(event: &sluice_reply::Event) -> (String, Value) {
    let mut data =
        serde_json::to_value(event).expect("names, numbers and texts can be written as JSON");
    let kind = data
        .as_object_mut()
        .and_then(|data| data.remove("event"))
        .and_then(|kind| kind.as_str().map(str::to_owned))
        .unwrap_or_default();
    (kind, data)
}
