//! Checks that were asked for alone, on any commit, outside a gate.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use serde_json::Value;

use crate::entity::check;
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::CheckId;
use crate::row::{Row, free, json};
use crate::store::{Store, micros};
use crate::word::words;

words! {
    /// How far checks have come.
    CheckState ("state of checks") {
        /// They wait.
        Queued => "queued",
        /// They were started; after a restart of the daemon they start again.
        Running => "running",
        /// There is a report.
        Done => "done",
        /// The machinery failed; there is no verdict.
        Failed => "failed",
    }
}

/// Checks to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheck {
    /// The id, chosen by the caller so that a repeat is the same.
    pub id: CheckId,
    /// The project.
    pub project: String,
    /// The ref as it was asked for.
    pub reference: String,
    /// The commit that it named, as a git object id.
    pub commit: String,
    /// That commit's tree.
    pub tree: String,
    /// Only these checks; empty means all.
    pub only: Vec<String>,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub at: Timestamp,
}

/// Checks that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckRecord {
    /// The id.
    pub id: CheckId,
    /// The project.
    pub project: String,
    /// The ref as it was asked for.
    pub reference: String,
    /// The commit that it named, as a git object id.
    pub commit: String,
    /// That commit's tree.
    pub tree: String,
    /// Only these checks; empty means all.
    pub only: Vec<String>,
    /// How far they have come.
    pub state: CheckState,
    /// What they said.
    pub report: Option<Value>,
    /// What failed, when it was not the checks.
    pub fault: Option<String>,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When they ended.
    pub ended_at: Option<Timestamp>,
}

/// How checks ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckEnd {
    /// With a report.
    Done(Value),
    /// With a fault of the machinery.
    Failed(String),
}

impl Store {
    /// Queues checks.
    ///
    /// # Errors
    /// A fault of the database; an unknown project is one.
    pub async fn check_create(
        &self,
        new: NewCheck,
        events: &[NewEvent],
    ) -> Result<CheckRecord, StoreError> {
        let mut txn = self.begin().await?;
        let model = check::Model {
            id: new.id.to_string(),
            project: new.project,
            ref_text: free(&new.reference),
            commit_oid: new.commit,
            tree_oid: new.tree,
            only_checks: json(&new.only),
            state: CheckState::Queued.to_string(),
            report: None,
            fault: None,
            requested_by: free(&new.requested_by),
            created_at: micros(new.at),
            ended_at: None,
        };
        check::Entity::insert(check::ActiveModel::from(model.clone()))
            .exec_without_returning(txn.db())
            .await?;
        append(&mut txn, events).await?;
        txn.commit().await?;
        record(model)
    }

    /// The checks of this id.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn check_fetch(&self, id: CheckId) -> Result<Option<CheckRecord>, StoreError> {
        let row = check::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?;
        row.map(record).transpose()
    }

    /// The checks that have not ended, oldest first. What is `running` although nobody runs it was cut off by a
    /// restart and is to be run again.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn check_list_due(&self, limit: u64) -> Result<Vec<CheckRecord>, StoreError> {
        let states = [CheckState::Queued, CheckState::Running].map(CheckState::as_str);
        let rows = check::Entity::find()
            .filter(check::Column::State.is_in(states))
            .order_by_asc(check::Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// Marks checks as started; `false` when they have ended already.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn check_start(&self, id: CheckId) -> Result<bool, StoreError> {
        let states = [CheckState::Queued, CheckState::Running].map(CheckState::as_str);
        let txn = self.begin().await?;
        let started = check::Entity::update_many()
            .col_expr(
                check::Column::State,
                Expr::value(CheckState::Running.as_str()),
            )
            .filter(check::Column::Id.eq(id.to_string()))
            .filter(check::Column::State.is_in(states))
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(started.rows_affected > 0)
    }

    /// Ends checks; `false` when they have ended already: the first end counts.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn check_commit_report(
        &self,
        id: CheckId,
        end: CheckEnd,
        at: Timestamp,
        events: &[NewEvent],
    ) -> Result<bool, StoreError> {
        let states = [CheckState::Queued, CheckState::Running].map(CheckState::as_str);
        let (state, report, fault) = match end {
            CheckEnd::Done(report) => (CheckState::Done, Some(json(&report)), None),
            CheckEnd::Failed(fault) => (CheckState::Failed, None, Some(free(&fault))),
        };
        let mut txn = self.begin().await?;
        let ended = check::Entity::update_many()
            .col_expr(check::Column::State, Expr::value(state.as_str()))
            .col_expr(check::Column::Report, Expr::value(report))
            .col_expr(check::Column::Fault, Expr::value(fault))
            .col_expr(check::Column::EndedAt, Expr::value(micros(at)))
            .filter(check::Column::Id.eq(id.to_string()))
            .filter(check::Column::State.is_in(states))
            .exec(txn.db())
            .await?;
        if ended.rows_affected == 0 {
            txn.roll_back().await?;
            return Ok(false);
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok(true)
    }
}

fn record(row: check::Model) -> Result<CheckRecord, StoreError> {
    let at = Row::new("checks", &row.id);
    Ok(CheckRecord {
        id: at.parse("id", &row.id)?,
        only: at.json("only_checks", &row.only_checks)?,
        state: at.parse("state", &row.state)?,
        report: at.maybe_json("report", row.report.as_deref())?,
        created_at: at.time("created_at", row.created_at)?,
        ended_at: at.maybe_time("ended_at", row.ended_at)?,
        project: row.project,
        reference: row.ref_text,
        commit: row.commit_oid,
        tree: row.tree_oid,
        fault: row.fault,
        requested_by: row.requested_by,
    })
}
