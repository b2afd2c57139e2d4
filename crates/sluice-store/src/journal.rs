//! The journal: notes, risks, blockers, questions, decisions and deliverables of a project.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use sluice_gates::{Gate, Step};

use crate::entity::{journal, run};
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::{EntryId, RunId};
use crate::page::{self, Page};
use crate::row::{Row, free};
use crate::run::step_number;
use crate::store::{Store, Txn, micros};
use crate::word::words;

words! {
    /// What kind of entry.
    EntryKind ("kind of entry") {
        /// Something to know.
        Note => "note",
        /// Something that may go wrong.
        Risk => "risk",
        /// Something that is in the way.
        Blocker => "blocker",
        /// Something that somebody must answer.
        Question => "question",
        /// Something that was decided.
        Decision => "decision",
        /// Something that is to be delivered.
        Deliverable => "deliverable",
    }
}

words! {
    /// Whether an entry still matters.
    EntryState ("state of an entry") {
        /// It reaches the agents.
        Open => "open",
        /// It is a question that has its answer; both reach the agents.
        Answered => "answered",
        /// It is past.
        Closed => "closed",
    }
}

/// An entry to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its id, chosen by the caller so that events can carry it.
    pub id: EntryId,
    /// The project.
    pub project: String,
    /// What kind.
    pub kind: EntryKind,
    /// The gate that it is about; `None` for all.
    pub gate: Option<Gate>,
    /// What it says.
    pub text: String,
    /// Who says it.
    pub author: String,
    /// The run whose agent asks, and the attempt whose reply asks.
    pub asked_in: Option<(RunId, u16)>,
    /// When.
    pub at: Timestamp,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRecord {
    /// Its id.
    pub id: EntryId,
    /// The project.
    pub project: String,
    /// What kind.
    pub kind: EntryKind,
    /// The gate that it is about; `None` for all.
    pub gate: Option<Gate>,
    /// What it says.
    pub text: String,
    /// Whether it still matters.
    pub state: EntryState,
    /// Who says it.
    pub author: String,
    /// The run whose agent asks.
    pub run: Option<RunId>,
    /// The attempt whose reply asks.
    pub attempt: Option<u16>,
    /// The answer to a question.
    pub answer: Option<String>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When.
    pub answered_at: Option<Timestamp>,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is new about an entry; `None` leaves what stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryChange {
    /// What it says.
    pub text: Option<String>,
    /// Whether it still matters.
    pub state: Option<EntryState>,
    /// The answer, and who gives it.
    pub answer: Option<(String, String)>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryChangeOutcome {
    /// It stands.
    Changed(Box<EntryRecord>),
    /// Somebody has changed the entry meanwhile; nothing was changed.
    Stale,
    /// There is no such entry in the project.
    Missing,
}

/// Which entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EntryFilter {
    /// Of this kind only.
    pub kind: Option<EntryKind>,
    /// In this state only.
    pub state: Option<EntryState>,
    /// About this gate only.
    pub gate: Option<Gate>,
}

impl Store {
    /// Makes an entry.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn journal_create(
        &self,
        new: NewEntry,
        events: &[NewEvent],
    ) -> Result<EntryRecord, StoreError> {
        let id = new.id;
        let mut txn = self.begin().await?;
        insert(&txn, new).await?;
        append(&mut txn, events).await?;
        let row = journal::Entity::find_by_id(id.to_string())
            .one(txn.db())
            .await?;
        txn.commit().await?;
        record(row.expect("it was made in this transaction"))
    }

    /// One entry.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn journal_fetch(&self, id: EntryId) -> Result<Option<EntryRecord>, StoreError> {
        let row = journal::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?;
        row.map(record).transpose()
    }

    /// The entries of a project, oldest first, from after the cursor.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn journal_list(
        &self,
        project: &str,
        filter: EntryFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<EntryRecord>, StoreError> {
        let mut find = journal::Entity::find()
            .filter(journal::Column::Project.eq(project))
            .order_by_asc(journal::Column::Id)
            .limit(page::rows(limit));
        if let Some(kind) = filter.kind {
            find = find.filter(journal::Column::Kind.eq(kind.as_str()));
        }
        if let Some(state) = filter.state {
            find = find.filter(journal::Column::State.eq(state.as_str()));
        }
        if let Some(gate) = filter.gate {
            find = find.filter(journal::Column::Gate.eq(gate.as_str()));
        }
        if let Some(after) = after {
            find = find.filter(journal::Column::Id.gt(after));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.id.clone(), record)
    }

    /// What the agents of a gate are to know: what is not closed and is about that gate or about all, oldest first, at
    /// most `limit`, the newest of them.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn journal_for(
        &self,
        project: &str,
        gate: Gate,
        limit: u64,
    ) -> Result<Vec<EntryRecord>, StoreError> {
        let about = Condition::any()
            .add(journal::Column::Gate.is_null())
            .add(journal::Column::Gate.eq(gate.as_str()));
        let rows = journal::Entity::find()
            .filter(journal::Column::Project.eq(project))
            .filter(journal::Column::State.ne(EntryState::Closed.as_str()))
            .filter(about)
            .order_by_desc(journal::Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?;
        rows.into_iter().rev().map(record).collect()
    }

    /// The questions that the agent of a run asked, oldest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn journal_asked(&self, run: RunId) -> Result<Vec<EntryRecord>, StoreError> {
        let rows = journal::Entity::find()
            .filter(journal::Column::Run.eq(run.to_string()))
            .order_by_asc(journal::Column::Id)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// Changes an entry that is still at `version`. When that was the last open question of a run that waits, the run
    /// is due.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn journal_change(
        &self,
        project: &str,
        id: EntryId,
        version: i64,
        change: EntryChange,
        at: Timestamp,
        events: &[NewEvent],
    ) -> Result<EntryChangeOutcome, StoreError> {
        let mut txn = self.begin().await?;
        let mut update = journal::Entity::update_many()
            .col_expr(journal::Column::Version, Expr::value(version + 1))
            .col_expr(journal::Column::UpdatedAt, Expr::value(micros(at)));
        if let Some(text) = &change.text {
            update = update.col_expr(journal::Column::Body, Expr::value(free(text)));
        }
        let mut state = change.state;
        if let Some((answer, by)) = &change.answer {
            state = state.or(Some(EntryState::Answered));
            update = update
                .col_expr(journal::Column::Answer, Expr::value(free(answer)))
                .col_expr(journal::Column::AnsweredBy, Expr::value(free(by)))
                .col_expr(journal::Column::AnsweredAt, Expr::value(micros(at)));
        }
        if let Some(state) = state {
            update = update.col_expr(journal::Column::State, Expr::value(state.as_str()));
        }
        let changed = update
            .filter(journal::Column::Id.eq(id.to_string()))
            .filter(journal::Column::Project.eq(project))
            .filter(journal::Column::Version.eq(version))
            .exec(txn.db())
            .await?;
        let row = journal::Entity::find_by_id(id.to_string())
            .filter(journal::Column::Project.eq(project))
            .one(txn.db())
            .await?;
        let Some(row) = row else {
            txn.roll_back().await?;
            return Ok(EntryChangeOutcome::Missing);
        };
        if changed.rows_affected == 0 {
            txn.roll_back().await?;
            return Ok(EntryChangeOutcome::Stale);
        }
        if let Some(run) = &row.run {
            wake(&txn, run, micros(at)).await?;
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        record(row).map(|entry| EntryChangeOutcome::Changed(Box::new(entry)))
    }

    /// Lets a run wait until its agent's questions are answered; `false` when none is open, or the run has moved on.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_park_for_answers(&self, id: RunId, step: Step) -> Result<bool, StoreError> {
        let txn = self.begin().await?;
        // Whoever answers changes the same row after the question, so of the two the later one sees the other.
        let parked = run::Entity::update_many()
            .col_expr(run::Column::DueAt, Expr::value(None::<i64>))
            .filter(run::Column::Id.eq(id.to_string()))
            .filter(run::Column::Step.eq(step_number(step)))
            .exec(txn.db())
            .await?;
        if parked.rows_affected == 0 || open_questions(&txn, &id.to_string()).await? == 0 {
            txn.roll_back().await?;
            return Ok(false);
        }
        txn.commit().await?;
        Ok(true)
    }
}

/// Makes an entry; one of this id that stands is left as it is.
pub(crate) async fn insert(txn: &Txn<'_>, new: NewEntry) -> Result<(), StoreError> {
    let at = micros(new.at);
    let row = journal::ActiveModel {
        id: Set(new.id.to_string()),
        project: Set(new.project),
        kind: Set(new.kind.to_string()),
        gate: Set(new.gate.map(|gate| gate.to_string())),
        body: Set(free(&new.text)),
        state: Set(EntryState::Open.to_string()),
        author: Set(free(&new.author)),
        run: Set(new.asked_in.map(|(run, _)| run.to_string())),
        attempt: Set(new.asked_in.map(|(_, attempt)| attempt.into())),
        answer: Set(None),
        answered_by: Set(None),
        answered_at: Set(None),
        version: Set(1),
        created_at: Set(at),
        updated_at: Set(at),
    };
    journal::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(txn.db())
        .await?;
    Ok(())
}

/// Makes a run due that waits for answers and has them all.
async fn wake(txn: &Txn<'_>, run: &str, at: i64) -> Result<(), StoreError> {
    // The lock first: a run that is being parked counts its questions after this change or before it.
    let waiting = run::Entity::update_many()
        .col_expr(
            run::Column::UpdatedAt,
            Expr::col(run::Column::UpdatedAt).add(0),
        )
        .filter(run::Column::Id.eq(run))
        .exec(txn.db())
        .await?;
    if waiting.rows_affected == 0 || open_questions(txn, run).await? > 0 {
        return Ok(());
    }
    run::Entity::update_many()
        .col_expr(run::Column::DueAt, Expr::value(at))
        .filter(run::Column::Id.eq(run))
        .filter(run::Column::State.is_in(["working", "healing"]))
        .filter(run::Column::DueAt.is_null())
        .exec(txn.db())
        .await?;
    Ok(())
}

async fn open_questions(txn: &Txn<'_>, run: &str) -> Result<u64, StoreError> {
    let open = journal::Entity::find()
        .filter(journal::Column::Run.eq(run))
        .filter(journal::Column::State.eq(EntryState::Open.as_str()))
        .count(txn.db())
        .await?;
    Ok(open)
}

fn record(row: journal::Model) -> Result<EntryRecord, StoreError> {
    let at = Row::new("journal", &row.id);
    let attempt = row.attempt.map(i64::from);
    Ok(EntryRecord {
        id: at.parse("id", &row.id)?,
        kind: at.parse("kind", &row.kind)?,
        gate: at.maybe_parse("gate", row.gate.as_deref())?,
        state: at.parse("state", &row.state)?,
        run: at.maybe_parse("run", row.run.as_deref())?,
        attempt: attempt.map(|n| at.number("attempt", n)).transpose()?,
        answered_at: at.maybe_time("answered_at", row.answered_at)?,
        created_at: at.time("created_at", row.created_at)?,
        updated_at: at.time("updated_at", row.updated_at)?,
        version: row.version,
        project: row.project,
        text: row.body,
        author: row.author,
        answer: row.answer,
        answered_by: row.answered_by,
    })
}
