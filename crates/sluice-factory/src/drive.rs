//! The loop: load a run, do what it asks for, tell it what happened, store it, repeat.

mod due;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sluice_gates::{Effect, Event, Phase, Run};
use sluice_store::{
    EscalationId, NewEscalation, NewEvent, RunCommit, RunCommitOutcome, RunDeferOutcome, RunRecord,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::factory::{Factory, now};
use crate::meters;
use due::{Busy, Due};

/// The longest wait between two tries after a fault of the machinery, in seconds.
const LONGEST_BACKOFF: i64 = 60;
/// How long the loop sleeps at most before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What an effect came to: an event, and what is stored together with it.
pub(crate) struct Happened {
    pub(crate) event: Event,
    pub(crate) with: RunCommit,
}

/// What one effect led to.
pub(crate) enum Performed {
    /// The run moves on.
    Happened(Box<Happened>),
    /// Somebody outside must act first; the run is parked or has moved on by itself.
    Waiting,
}

impl Factory {
    /// Does one unit of work, if there is one; `false` when there is nothing to do now. The daemon loops
    /// over it, tests call it by hand.
    ///
    /// # Errors
    /// Only when the store cannot be asked: faults of one run are stored with it and tried again later.
    pub async fn tick(&self) -> anyhow::Result<bool> {
        for due in self.due().await? {
            let Some(_busy) = Busy::claim(&self.in_flight, &due) else {
                continue;
            };
            match due {
                Due::Check(check) => {
                    if self.check_perform(&check).await? {
                        return Ok(true);
                    }
                }
                Due::Run(record) => {
                    // It may have been worked on between the list and the claim.
                    let Some(record) = self.store.run_fetch(record.id).await? else {
                        continue;
                    };
                    if record.run.effect().is_some()
                        && record.due_at.is_some_and(|due| due <= now())
                    {
                        let span = tracing::info_span!(
                            "run.step",
                            run.id = %record.id,
                            gate = %record.run.gate(),
                            step = record.run.step().0,
                            effect = meters::word(record.run.effect().as_ref()),
                        );
                        self.work(&record).instrument(span).await?;
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Works until told to shut down, on `workers` runs at once.
    pub async fn run(self: Arc<Self>, workers: usize) {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..workers {
            let factory = Arc::clone(&self);
            tasks.spawn(async move { factory.run_one().await });
        }
        let factory = Arc::clone(&self);
        tasks.spawn(async move { factory.pack_now_and_then().await });
        tasks.spawn(self.webhooks_carry());
        while tasks.join_next().await.is_some() {}
    }

    /// Ends the loop when what runs now has come to its next step; nothing else is begun.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Ends the loop; what runs now is cancelled and done again at the next start.
    pub fn shutdown(&self) {
        self.closing.cancel();
        self.shutdown.cancel();
    }

    async fn run_one(&self) {
        while !self.closing.is_cancelled() {
            let woken = self.wake.notified();
            match self.tick().await {
                Ok(true) => {
                    // Another worker may find something in what this one made.
                    self.wake.notify_one();
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the store cannot be asked")
                }
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(self.nap().await) => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    /// How long there is nothing to do, as far as is known.
    async fn nap(&self) -> Duration {
        let next = self.store.run_next_due().await.ok().flatten();
        let until = next.map(|due| due.duration_since(Timestamp::now()));
        until
            .and_then(|wait| Duration::try_from(wait).ok())
            .map_or(LOOK_AGAIN, |wait| {
                wait.clamp(Duration::from_millis(20), LOOK_AGAIN)
            })
    }

    /// Performs the effect of one run and stores what came of it.
    async fn work(&self, record: &RunRecord) -> anyhow::Result<()> {
        let cancel = self.shutdown.child_token();
        self.cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(record.id, cancel.clone());
        let waited = record.due_at.map(|due| now().duration_since(due));
        meters::begun(
            waited
                .and_then(|wait| wait.try_into().ok())
                .unwrap_or_default(),
        );
        let (effect, began) = (record.run.effect(), Instant::now());
        let ended = |outcome: &str| {
            meters::ended(meters::word(effect.as_ref()), outcome, began.elapsed());
        };
        let performed = self.perform(record, &cancel).await;
        self.cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&record.id);
        let stored = match performed {
            Ok(Performed::Happened(happened)) => {
                let stored = self.store_event(record, *happened).await;
                stored.map(|()| "done")
            }
            Ok(Performed::Waiting) => Ok("waiting"),
            Err(fault) => Err(fault),
        };
        match stored {
            Ok(outcome) => {
                ended(outcome);
                // What people edited meanwhile waits for the end of the run.
                self.edits_release(&record.project).await;
                Ok(())
            }
            // Cancelled by a person, who has moved the run, or by the shutdown: not a fault.
            Err(_) if cancel.is_cancelled() => {
                ended("cancelled");
                Ok(())
            }
            Err(fault) => {
                ended("deferred");
                self.defer(record, &fault).await
            }
        }
    }

    async fn perform(
        &self,
        record: &RunRecord,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Performed> {
        match record.run.effect() {
            Some(Effect::Ask { attempt, strategy }) => {
                self.ask(record, attempt, strategy, cancel).await
            }
            Some(Effect::Check { attempt }) => self.check(record, attempt, cancel).await,
            Some(Effect::Seal { decision }) => self.seal(record, decision).await,
            None => Ok(Performed::Waiting),
        }
    }

    async fn store_event(&self, record: &RunRecord, happened: Happened) -> anyhow::Result<()> {
        let commit = self.advance(record, happened.event, happened.with).await?;
        let next = commit.next.clone();
        match self.store.run_commit(commit).await? {
            RunCommitOutcome::Committed { .. } => {
                meters::moved(&next);
                self.wake.notify_one();
            }
            RunCommitOutcome::Stale { now } => {
                tracing::info!(run.id = %record.id, step = now.0, "a late answer was dropped");
            }
            // Only people's decisions are bound.
            RunCommitOutcome::Repeated
            | RunCommitOutcome::OtherSubject
            | RunCommitOutcome::OwnWork => {}
        }
        Ok(())
    }

    /// Completes a change of a run: the next value, the events that tell of it, the question to a person
    /// when it escalates.
    pub(crate) async fn advance(
        &self,
        record: &RunRecord,
        event: Event,
        mut with: RunCommit,
    ) -> anyhow::Result<RunCommit> {
        let next = record.run.apply(with.expected, event)?;
        if let Phase::Escalated { attempt } = next.phase() {
            let question = self
                .question(record, &next, attempt, with.attempt.as_ref())
                .await?;
            with.escalation_open = Some(NewEscalation {
                id: EscalationId::new(),
                attempt: attempt.0,
                question,
            });
        }
        if next.strategy() != record.run.strategy() && next.strategy() > record.run.strategy() {
            let note = format!(
                "the agent is asked in another way from now on ({}), since the last attempt brought nothing new",
                next.strategy().as_str()
            );
            with.events.push(new_event(
                record,
                "run.strategy",
                json!({ "strategy": next.strategy().as_str(), "note": note }),
                with.at,
            ));
            if let Some(attempt) = &mut with.attempt {
                attempt.note = Some(match attempt.note.take() {
                    Some(before) => format!("{before}; {note}"),
                    None => note,
                });
            }
        }
        with.events.push(moved_event(record, &next, &with));
        with.next = next;
        Ok(with)
    }

    /// A fault of the machinery is no verdict: the same step again, later.
    async fn defer(&self, record: &RunRecord, fault: &anyhow::Error) -> anyhow::Result<()> {
        let text = format!("{fault:#}");
        let wait = (1_i64 << record.fault_count.min(6)).min(LONGEST_BACKOFF);
        let at = now();
        let until = at + SignedDuration::from_secs(wait);
        tracing::warn!(run.id = %record.id, gate = %record.run.gate(), step = record.run.step().0, retry_in_s = wait, error = text, "a fault of the machinery");
        let body = json!({ "fault": text, "retry_in_s": wait });
        let events = [new_event(record, "run.fault", body, at)];
        let outcome = self
            .store
            .run_defer(record.id, record.run.step(), until, &text, &events)
            .await?;
        if let RunDeferOutcome::Stale { now } = outcome {
            tracing::info!(run.id = %record.id, step = now.0, "the run moved on meanwhile");
        }
        Ok(())
    }
}

/// An event of a run.
pub(crate) fn new_event(
    record: &RunRecord,
    kind: &str,
    mut body: serde_json::Value,
    at: Timestamp,
) -> NewEvent {
    if let Some(map) = body.as_object_mut() {
        map.insert("gate".to_owned(), json!(record.run.gate().as_str()));
        map.insert("run".to_owned(), json!(record.id.to_string()));
    }
    NewEvent {
        project: Some(record.project.clone()),
        kind: kind.to_owned(),
        body,
        audit: None,
        at,
    }
}

/// The event that tells where a run stands now.
pub(crate) fn moved_event(record: &RunRecord, next: &Run, with: &RunCommit) -> NewEvent {
    let body = json!({
        "before": record.run.state(),
        "state": next.state(),
        "attempt": next.attempt().map(|attempt| attempt.0),
        "step": next.step().0,
        "heals_left": next.heals_left(),
        "subject_digest": with.subject.as_ref().map(|subject| &subject.digest),
        "escalation": with.escalation_open.as_ref().map(|escalation| escalation.id.to_string()),
    });
    new_event(record, "run.moved", body, with.at)
}
