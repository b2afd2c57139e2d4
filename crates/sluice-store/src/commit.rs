//! The one way in which a run changes.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use sluice_gates::{Phase, Run, Step};

use crate::attempt::{self, AttemptChange};
use crate::author;
use crate::decision::{self, NewDecision};
use crate::entity::run;
use crate::error::StoreError;
use crate::escalation::{self, EscalationAnswer, NewEscalation};
use crate::event::{self, NewEvent};
use crate::finding::{self, FindingsSeen};
use crate::id::{EventSeq, RunId};
use crate::journal::{self, NewEntry};
use crate::proof::{self, NewProof};
use crate::row::json;
use crate::run::{Pins, due, fetch_in, open_marker, record, step_number};
use crate::store::{Store, micros};

/// What people judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The commit, as a git object id.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// What an approval is bound to.
    pub digest: String,
    /// Who wrote part of it, by name.
    pub authors: Vec<String>,
}

/// What must hold in the very statement that changes a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bound {
    /// The run's subject is still this one.
    pub subject_digest: Option<String>,
    /// This person is no author of it.
    pub not_by: Option<String>,
}

/// A change of a run and all that belongs to it; `None` and empty leave what stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RunCommit {
    /// Which run.
    pub run: RunId,
    /// The step that `next` was made from.
    pub expected: Step,
    /// What the run is now: one step further.
    pub next: Run,
    /// What must still hold.
    pub bound: Bound,
    /// What people judge from now on.
    pub subject: Option<Subject>,
    /// What may not be changed from now on.
    pub pins: Option<Pins>,
    /// What is new about an attempt.
    pub attempt: Option<AttemptChange>,
    /// The decision that brought the change; it answers `expected`.
    pub decision: Option<NewDecision>,
    /// The question that the change puts.
    pub escalation_open: Option<NewEscalation>,
    /// The answer that brought the change.
    pub escalation_answer: Option<EscalationAnswer>,
    /// What the checks report.
    pub findings: Option<FindingsSeen>,
    /// What the journal gets.
    pub entries: Vec<NewEntry>,
    /// What was written into git.
    pub proofs: Vec<NewProof>,
    /// What is to be told.
    pub events: Vec<NewEvent>,
    /// When.
    pub at: Timestamp,
}

impl RunCommit {
    /// A change that nothing else belongs to yet.
    pub fn new(run: RunId, expected: Step, next: Run, at: Timestamp) -> RunCommit {
        RunCommit {
            run,
            expected,
            next,
            bound: Bound::default(),
            subject: None,
            pins: None,
            attempt: None,
            decision: None,
            escalation_open: None,
            escalation_answer: None,
            findings: None,
            entries: Vec::new(),
            proofs: Vec::new(),
            events: Vec::new(),
            at,
        }
    }
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunCommitOutcome {
    /// It stands.
    Committed {
        /// The last of its events; `None` when it had none.
        last_seq: Option<EventSeq>,
    },
    /// The run has moved on since; nothing was changed.
    Stale {
        /// Where it is.
        now: Step,
    },
    /// The step fits, and the subject is not the one that was decided on; nothing was changed.
    OtherSubject,
    /// Who decides is an author of the subject; nothing was changed.
    OwnWork,
    /// This person has approved this subject before, or the question is not open; nothing was changed.
    Repeated,
}

impl Store {
    /// Changes a run: one transaction with all that belongs to the change, if the run is still where the change
    /// starts from. Faults at the old step are forgotten, and the run is due if the machine has to act on it.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] when `next` is not one step after `expected`, or is of another gate;
    /// [`StoreError::Missing`] for an unknown run or attempt; a fault of the database. Nothing was changed then,
    /// with one exception: when the connection breaks while it commits, only reading the run tells.
    pub async fn run_commit(&self, commit: RunCommit) -> Result<RunCommitOutcome, StoreError> {
        let RunCommit {
            run: id,
            next,
            at,
            expected,
            ..
        } = &commit;
        let (id, at, expected) = (*id, *at, *expected);
        if next.step().0 != expected.0 + 1 {
            return Err(StoreError::Contradiction {
                what: format!("step {} after step {}", next.step().0, expected.0),
            });
        }
        let mut txn = self.begin().await?;
        let now = micros(at);
        if let Some(subject) = &commit.subject {
            author::note(&txn, id, &subject.authors).await?;
        }
        let mut update = run::Entity::update_many()
            .col_expr(run::Column::Step, Expr::value(step_number(next.step())))
            .col_expr(run::Column::State, Expr::value(next.state()))
            .col_expr(run::Column::Machine, Expr::value(json(next)))
            .col_expr(run::Column::DueAt, Expr::value(due(next, now)))
            .col_expr(run::Column::Fault, Expr::value(None::<String>))
            .col_expr(run::Column::FaultCount, Expr::value(0))
            .col_expr(run::Column::UpdatedAt, Expr::value(now));
        if let Some(subject) = &commit.subject {
            update = update
                .col_expr(
                    run::Column::SubjectCommit,
                    Expr::value(subject.commit.as_str()),
                )
                .col_expr(run::Column::SubjectTree, Expr::value(subject.tree.as_str()))
                .col_expr(
                    run::Column::SubjectDigest,
                    Expr::value(subject.digest.as_str()),
                );
        }
        if let Some(pins) = &commit.pins {
            update = update.col_expr(run::Column::Pins, Expr::value(json(pins)));
        }
        if open_marker(next, "").is_none() {
            update = update.col_expr(run::Column::OpenIn, Expr::value(None::<String>));
        }
        update = update
            .filter(run::Column::Id.eq(id.to_string()))
            .filter(run::Column::Step.eq(step_number(expected)))
            .filter(run::Column::Gate.eq(next.gate().as_str()));
        if let Some(digest) = &commit.bound.subject_digest {
            update = update.filter(run::Column::SubjectDigest.eq(digest.as_str()));
        }
        if let Some(name) = &commit.bound.not_by {
            update = update.filter(Expr::exists(author::of(id, name)).not());
        }
        let swapped = update.exec(txn.db()).await?;
        let row = fetch_in(&txn, id).await?;
        if swapped.rows_affected == 0 {
            txn.roll_back().await?;
            let found = record(row)?;
            if found.gate() != next.gate() {
                let what = format!("a run of {} as one of {}", found.gate(), next.gate());
                return Err(StoreError::Contradiction { what });
            }
            if found.step() != expected {
                return Ok(RunCommitOutcome::Stale { now: found.step() });
            }
            let digest = &commit.bound.subject_digest;
            return Ok(if digest.is_some() && *digest != found.subject_digest {
                RunCommitOutcome::OtherSubject
            } else {
                RunCommitOutcome::OwnWork
            });
        }
        if let Some(change) = commit.attempt {
            attempt::change(&txn, id, change).await?;
        }
        if let Some(new) = commit.decision
            && !decision::insert(&txn, &row, expected, new, at).await?
        {
            txn.roll_back().await?;
            return Ok(RunCommitOutcome::Repeated);
        }
        if let Some(answer) = commit.escalation_answer
            && !escalation::answer(&txn, &row, answer, at).await?
        {
            txn.roll_back().await?;
            return Ok(RunCommitOutcome::Repeated);
        }
        if !matches!(commit.next.phase(), Phase::Escalated { .. }) {
            escalation::withdraw(&txn, &row).await?;
        }
        if let Some(new) = commit.escalation_open {
            escalation::open(&txn, &row, commit.next.step(), new, at).await?;
        }
        if let Some(seen) = commit.findings {
            finding::compare(&txn, &row, seen, at).await?;
        }
        for entry in commit.entries {
            journal::insert(&txn, entry).await?;
        }
        proof::insert(&txn, &row, commit.proofs, at).await?;
        event::append(&mut txn, &commit.events).await?;
        let last_seq = txn.commit().await?;
        Ok(RunCommitOutcome::Committed { last_seq })
    }
}
