//! How things stand as a whole, in numbers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QuerySelect, sea_query::Expr,
};

use crate::entity::{audit_head, escalation, idempotency, project, run};
use crate::error::StoreError;
use crate::escalation::EscalationState;
use crate::row::Row;
use crate::store::{CLOCK, Store, micros};

/// How things stand as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Projects that were not deleted.
    pub projects: u64,
    /// Open runs by gate and state.
    pub open_runs: BTreeMap<(String, String), u64>,
    /// Open runs on which the machine would act now.
    pub due_runs: u64,
    /// Since when the first of them is due.
    pub due_since: Option<Timestamp>,
    /// Questions that wait for a person.
    pub open_escalations: u64,
    /// When the first of them was put.
    pub escalated_since: Option<Timestamp>,
    /// Entries of the audit log.
    pub audit_entries: u64,
    /// Requests that are remembered under a key.
    pub keys: u64,
}

impl Store {
    /// Counts.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn tally(&self, now: Timestamp) -> Result<Tally, StoreError> {
        let db = self.reader();
        let runs: Vec<(String, String, i64)> = run::Entity::find()
            .select_only()
            .column(run::Column::Gate)
            .column(run::Column::State)
            .column_as(Expr::col(run::Column::Id).count(), "runs")
            .filter(run::Column::OpenIn.is_not_null())
            .group_by(run::Column::Gate)
            .group_by(run::Column::State)
            .into_tuple()
            .all(db)
            .await?;
        let due: Option<(i64, Option<i64>)> = run::Entity::find()
            .select_only()
            .column_as(Expr::col(run::Column::Id).count(), "runs")
            .column_as(Expr::col(run::Column::DueAt).min(), "since")
            .filter(run::Column::DueAt.lte(micros(now)))
            .into_tuple()
            .one(db)
            .await?;
        let open: Option<(i64, Option<i64>)> = escalation::Entity::find()
            .select_only()
            .column_as(Expr::col(escalation::Column::Id).count(), "open")
            .column_as(Expr::col(escalation::Column::CreatedAt).min(), "since")
            .filter(escalation::Column::State.eq(EscalationState::Open.as_str()))
            .into_tuple()
            .one(db)
            .await?;
        let (due_runs, due_since) = due.unwrap_or_default();
        let (open_escalations, escalated_since) = open.unwrap_or_default();
        let audit = audit_head::Entity::find_by_id(CLOCK).one(db).await?;
        let projects = project::Entity::find().filter(project::Column::DeletedAt.is_null());
        Ok(Tally {
            projects: projects.count(db).await?,
            open_runs: runs
                .into_iter()
                .map(|(gate, state, runs)| ((gate, state), count(runs)))
                .collect(),
            due_runs: count(due_runs),
            due_since: Row::new("runs", "tally").maybe_time("due_at", due_since)?,
            open_escalations: count(open_escalations),
            escalated_since: Row::new("escalations", "tally")
                .maybe_time("created_at", escalated_since)?,
            audit_entries: audit.map_or(0, |head| count(head.seq)),
            keys: idempotency::Entity::find().count(db).await?,
        })
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
