//! Runs: opened here, read here, put off here; changed only by [`Store::run_commit`](crate::Store::run_commit).

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::OnConflict,
};
use sluice_gates::{Gate, Run, Step};

use crate::attempt::{self, Presented};
use crate::entity::{project, run};
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::RunId;
use crate::page::{self, Page};
use crate::row::{Row, free, json};
use crate::store::{Store, Txn, micros};

/// What an agent may not change without a person's yes: path to git blob id, as it was at the gate's start.
pub type Pins = BTreeMap<String, String>;

/// A run to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id, chosen by the caller so that a repeat is the same run.
    pub id: RunId,
    /// The project.
    pub project: String,
    /// Where it starts.
    pub run: Run,
    /// The commit that attempt 0 builds on, as a git object id.
    pub base_commit: String,
    /// That commit's tree.
    pub base_tree: String,
    /// The agent that does the work, when it is not the gate's own choice.
    pub agent: Option<String>,
    /// What may not be changed without a person's yes.
    pub pins: Pins,
    /// The gate's TOML as it is now: an edit of the file does not change a passage under way.
    pub gate_file: String,
    /// Who started it.
    pub opened_by: String,
    /// What attempt 0 is when no agent is asked for it.
    pub presented: Option<Presented>,
    /// When.
    pub at: Timestamp,
}

/// One passage through a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// The project.
    pub project: String,
    /// Which run of this gate it is; the first is 1.
    pub ordinal: u32,
    /// Where it stands; gate, step and state are in it.
    pub run: Run,
    /// The commit that attempt 0 builds on, as a git object id.
    pub base_commit: String,
    /// That commit's tree.
    pub base_tree: String,
    /// The newest commit that people may judge.
    pub subject_commit: Option<String>,
    /// That commit's tree.
    pub subject_tree: Option<String>,
    /// What an approval is bound to.
    pub subject_digest: Option<String>,
    /// The agent that does the work, when it is not the gate's own choice.
    pub agent: Option<String>,
    /// What may not be changed without a person's yes.
    pub pins: Pins,
    /// The gate's TOML as it was at the start.
    pub gate_file: String,
    /// Who started it.
    pub opened_by: String,
    /// When the machine acts next; `None` while somebody is waited for, and at the end.
    pub due_at: Option<Timestamp>,
    /// The last fault of the machinery at this step.
    pub fault: Option<String>,
    /// How many faults there were at this step.
    pub fault_count: u32,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl RunRecord {
    /// Which gate.
    pub fn gate(&self) -> Gate {
        self.run.gate()
    }

    /// How many events it has taken; what a change of it must name.
    pub fn step(&self) -> Step {
        self.run.step()
    }
}

/// What came of opening a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOpenOutcome {
    /// It is open, the n-th run of its gate.
    Opened {
        /// Which run of this gate it is; the first is 1.
        ordinal: u32,
    },
    /// The project has an open run, perhaps this very one; nothing was changed.
    AlreadyOpen(RunId),
    /// There is no such project, or it is deleted.
    NoProject,
}

impl Store {
    /// Opens a run. A project has at most one open run.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_open(
        &self,
        new: NewRun,
        events: &[NewEvent],
    ) -> Result<RunOpenOutcome, StoreError> {
        let mut txn = self.begin().await?;
        // The lock makes opening a run and deleting its project take turns on PostgreSQL.
        let project = project::Entity::find_by_id(new.project.as_str())
            .filter(project::Column::DeletedAt.is_null())
            .lock_exclusive()
            .one(txn.db())
            .await?;
        if project.is_none() {
            txn.roll_back().await?;
            return Ok(RunOpenOutcome::NoProject);
        }
        if let Some(open) = open_in(txn.db(), &new.project).await? {
            txn.roll_back().await?;
            let id = Row::new("runs", &open.id).parse("id", &open.id)?;
            return Ok(RunOpenOutcome::AlreadyOpen(id));
        }
        let gate = new.run.gate();
        let last = run::Entity::find()
            .filter(run::Column::Project.eq(new.project.as_str()))
            .filter(run::Column::Gate.eq(gate.as_str()))
            .order_by_desc(run::Column::Ordinal)
            .one(txn.db())
            .await?;
        let ordinal = last.map_or(0, |run| run.ordinal) + 1;
        let at = micros(new.at);
        let row = run::ActiveModel {
            id: Set(new.id.to_string()),
            open_in: Set(open_marker(&new.run, &new.project)),
            project: Set(new.project),
            gate: Set(gate.to_string()),
            ordinal: Set(ordinal),
            step: Set(step_number(new.run.step())),
            state: Set(new.run.state().to_owned()),
            machine: Set(json(&new.run)),
            base_commit: Set(new.base_commit),
            base_tree: Set(new.base_tree),
            subject_commit: Set(None),
            subject_tree: Set(None),
            subject_digest: Set(None),
            agent: Set(new.agent),
            pins: Set(json(&new.pins)),
            gate_file: Set(free(&new.gate_file)),
            opened_by: Set(free(&new.opened_by)),
            due_at: Set(due(&new.run, at)),
            fault: Set(None),
            fault_count: Set(0),
            created_at: Set(at),
            updated_at: Set(at),
        };
        let inserted = run::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
        if inserted == 0 {
            // No run is open, so the id itself was used before: a repeat of a run that has ended since.
            txn.roll_back().await?;
            return Ok(RunOpenOutcome::AlreadyOpen(new.id));
        }
        if let Some(presented) = new.presented {
            attempt::present(&txn, new.id, presented, new.at).await?;
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        let ordinal = Row::new("runs", "new").number("ordinal", i64::from(ordinal))?;
        Ok(RunOpenOutcome::Opened { ordinal })
    }

    /// The run of this id.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_fetch(&self, id: RunId) -> Result<Option<RunRecord>, StoreError> {
        let row = run::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?;
        row.map(record).transpose()
    }

    /// The newest run of a gate, open or closed.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_current(
        &self,
        project: &str,
        gate: Gate,
    ) -> Result<Option<RunRecord>, StoreError> {
        let row = run::Entity::find()
            .filter(run::Column::Project.eq(project))
            .filter(run::Column::Gate.eq(gate.as_str()))
            .order_by_desc(run::Column::Ordinal)
            .one(self.reader())
            .await?;
        row.map(record).transpose()
    }

    /// The newest run of each gate that has one, first gate first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_list_current(&self, project: &str) -> Result<Vec<RunRecord>, StoreError> {
        let mut runs = Vec::new();
        for gate in Gate::ALL {
            runs.extend(self.run_current(project, gate).await?);
        }
        Ok(runs)
    }

    /// The project's open run.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_fetch_open(&self, project: &str) -> Result<Option<RunRecord>, StoreError> {
        let row = open_in(self.reader(), project).await?;
        row.map(record).transpose()
    }

    /// The project's runs, newest first, from after the cursor.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_list(
        &self,
        project: &str,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<RunRecord>, StoreError> {
        let mut find = run::Entity::find()
            .filter(run::Column::Project.eq(project))
            .order_by_desc(run::Column::Id)
            .limit(page::rows(limit));
        if let Some(after) = after {
            find = find.filter(run::Column::Id.lt(after));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.id.clone(), record)
    }
}

/// The run inside a change; it must be there.
pub(crate) async fn fetch_in(txn: &Txn<'_>, id: RunId) -> Result<run::Model, StoreError> {
    run::Entity::find_by_id(id.to_string())
        .one(txn.db())
        .await?
        .ok_or_else(|| StoreError::Missing {
            what: "run",
            key: id.to_string(),
        })
}

async fn open_in(
    db: &impl sea_orm::ConnectionTrait,
    project: &str,
) -> Result<Option<run::Model>, StoreError> {
    let found = run::Entity::find()
        .filter(run::Column::OpenIn.eq(project))
        .one(db)
        .await?;
    Ok(found)
}

/// The project while the run is open: a unique column, so that a project has one open run.
pub(crate) fn open_marker(run: &Run, project: &str) -> Option<String> {
    (!run.is_closed()).then(|| project.to_owned())
}

/// When the machine acts on a run that changed at `at`.
pub(crate) fn due(run: &Run, at: i64) -> Option<i64> {
    run.effect().map(|_| at)
}

pub(crate) fn step_number(step: Step) -> i64 {
    i64::try_from(step.0).expect("a run does not take 2^63 events")
}

pub(crate) fn record(row: run::Model) -> Result<RunRecord, StoreError> {
    let at = Row::new("runs", &row.id);
    Ok(RunRecord {
        id: at.parse("id", &row.id)?,
        ordinal: at.number("ordinal", row.ordinal.into())?,
        run: at.json("machine", &row.machine)?,
        pins: at.json("pins", &row.pins)?,
        due_at: at.maybe_time("due_at", row.due_at)?,
        fault_count: at.number("fault_count", row.fault_count.into())?,
        created_at: at.time("created_at", row.created_at)?,
        updated_at: at.time("updated_at", row.updated_at)?,
        project: row.project,
        base_commit: row.base_commit,
        base_tree: row.base_tree,
        subject_commit: row.subject_commit,
        subject_tree: row.subject_tree,
        subject_digest: row.subject_digest,
        agent: row.agent,
        gate_file: row.gate_file,
        opened_by: row.opened_by,
        fault: row.fault,
    })
}
