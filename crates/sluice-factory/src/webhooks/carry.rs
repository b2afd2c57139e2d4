//! Carries messages to webhooks: each webhook has a loop of its own, so that a slow one holds up nobody else.
//!
//! The events are the outbox. A loop reads those after the webhook's cursor, stores the messages that they make
//! together with the new cursor, and sends what is due. A message stays due until it is noted what came of it, so a
//! process that is killed between the two sends it again, under the same id.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use sluice_store::{
    DeliveryId, DeliveryRecord, DeliveryTry, EventSeq, NewDelivery, StoreError, TryEnd,
};
use sluice_webhooks::{Answer, wait_after};

use super::{Hook, TEST, told};
use crate::factory::{Factory, now};

/// How many messages are on their way to one webhook at once.
const AT_ONCE: u64 = 4;
/// How many events are read at once.
const EVENTS: u64 = 200;
/// After how many events that make no message the cursor is stored all the same.
const STORED_EVERY: i64 = 1000;
/// How long a loop sleeps at most: another program may write events too.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long a loop waits after a fault of the store.
const AFTER_FAULT: Duration = Duration::from_secs(5);

/// How far a loop has read.
struct Cursor {
    /// What was looked at.
    read: EventSeq,
    /// What the store knows of that.
    stored: EventSeq,
}

impl Factory {
    /// Carries messages to all webhooks until told to close.
    pub(crate) async fn webhooks_carry(self: Arc<Self>) {
        let mut loops = tokio::task::JoinSet::new();
        for hook in self.hooks() {
            let factory = Arc::clone(&self);
            loops.spawn(async move { factory.carry(&hook).await });
        }
        while loops.join_next().await.is_some() {}
    }

    async fn carry(&self, hook: &Hook) {
        let mut happened = self.store.events_watch();
        let mut cursor = None;
        while !self.closing.is_cancelled() {
            happened.mark_unchanged();
            let patience = match self.carry_once(hook, &mut cursor).await {
                Ok(true) => continue,
                Ok(false) => self.pause(hook).await,
                Err(error) => {
                    let error = chain(&error);
                    tracing::error!(
                        webhook = hook.webhook.id,
                        error,
                        "the store cannot be asked"
                    );
                    AFTER_FAULT
                }
            };
            tokio::select! {
                changed = happened.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = hook.wake.notified() => {}
                () = tokio::time::sleep(patience) => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    /// One round; whether there is more to do at once.
    async fn carry_once(
        &self,
        hook: &Hook,
        cursor: &mut Option<Cursor>,
    ) -> Result<bool, StoreError> {
        let more_events = self.spread(hook, cursor).await?;
        let due = self
            .store
            .delivery_list_due(&hook.webhook.id, now(), AT_ONCE)
            .await?;
        let more_due = due.len() as u64 == AT_ONCE;
        let sent = join_all(due.iter().map(|message| self.send(hook, message)));
        let noted = tokio::select! {
            noted = sent => noted,
            // What is on its way is sent again at the next start.
            () = self.shutdown.cancelled() => return Ok(false),
        };
        noted.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(more_events || more_due)
    }

    /// Makes messages of what happened since; whether there are more events.
    async fn spread(&self, hook: &Hook, cursor: &mut Option<Cursor>) -> Result<bool, StoreError> {
        let id = hook.webhook.id.as_str();
        let record = self.store.webhook_fetch(id).await?;
        let record = record.ok_or_else(|| StoreError::Missing {
            what: "webhook",
            key: id.to_owned(),
        })?;
        let cursor = cursor.get_or_insert(Cursor {
            read: record.cursor,
            stored: record.cursor,
        });
        let events = self.store.event_list(cursor.read, None, EVENTS).await?;
        let Some(last) = events.last().map(|event| event.seq) else {
            return Ok(false);
        };
        let at = now();
        let messages: Vec<NewDelivery> = match record.disabled_at {
            Some(_) => Vec::new(),
            None => events
                .iter()
                .filter_map(|event| Some((event, told::told(event)?)))
                .filter(|(_, told)| hook.webhook.wants(told.kind, &told.project))
                .map(|(event, told)| NewDelivery {
                    id: DeliveryId::new(),
                    event: Some(event.seq),
                    kind: told.kind.to_owned(),
                    payload: told::payload(told.kind, event.at, &told.data),
                    at,
                })
                .collect(),
        };
        // Events that make no message may be looked at again: a cursor for each of them would cost a write.
        if !messages.is_empty() || last.0 - cursor.stored.0 >= STORED_EVERY {
            self.store.delivery_put(id, Some(last), &messages).await?;
            cursor.stored = last;
        }
        cursor.read = last;
        Ok(events.len() as u64 == EVENTS)
    }

    /// Sends one message and notes what came of it.
    async fn send(&self, hook: &Hook, message: &DeliveryRecord) -> Result<(), StoreError> {
        let id = message.id.to_string();
        let endpoint = &hook.webhook.endpoint;
        let answer = endpoint
            .send(&id, &message.payload, SystemTime::now())
            .await;
        let at = now();
        let tries = message.tries + 1;
        let (status, end) = match answer {
            Answer::Taken { status } => (Some(status), TryEnd::Taken),
            Answer::Gone => {
                let error = "it answered 410: it wants no more messages".to_owned();
                (Some(410), TryEnd::Gone { error })
            }
            Answer::Not {
                status,
                what,
                after,
            } => {
                let wait = match message.kind.as_str() {
                    TEST => None,
                    _ => wait_after(&id, tries, after),
                };
                let next = wait.and_then(|wait| later(at, wait));
                (status, TryEnd::NotTaken { error: what, next })
            }
        };
        let counts = &hook.counts;
        let count = match &end {
            TryEnd::Taken => &counts.delivered,
            TryEnd::NotTaken { next: Some(_), .. } => &counts.retried,
            TryEnd::NotTaken { next: None, .. } | TryEnd::Gone { .. } => &counts.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let TryEnd::NotTaken { error, .. } | TryEnd::Gone { error } = &end {
            let webhook = &hook.webhook.id;
            tracing::warn!(
                webhook,
                delivery.id = id,
                delivery.tries = tries,
                error,
                "a message was not taken"
            );
        }
        let tried = DeliveryTry { at, status, end };
        self.store.delivery_note(message.id, tried).await
    }

    /// How long there is nothing to do, as far as is known.
    async fn pause(&self, hook: &Hook) -> Duration {
        let next = self.store.delivery_next_due(&hook.webhook.id).await;
        let until = next
            .ok()
            .flatten()
            .map(|due| due.duration_since(Timestamp::now()));
        until
            .map(|wait| Duration::try_from(wait).unwrap_or_default())
            .map_or(LOOK_AGAIN, |wait| {
                wait.clamp(Duration::from_millis(20), LOOK_AGAIN)
            })
    }
}

fn later(at: Timestamp, wait: Duration) -> Option<Timestamp> {
    at.checked_add(SignedDuration::try_from(wait).ok()?).ok()
}

/// An error with what caused it.
fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
