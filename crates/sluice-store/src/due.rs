//! When the machine acts on a run: due, put off after a fault, parked until a reply comes.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use sluice_gates::Step;

use crate::entity::{ask, run};
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::RunId;
use crate::row::{Row, free};
use crate::run::{RunRecord, fetch_in, record, step_number};
use crate::store::{Store, micros};

/// What came of putting a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunDeferOutcome {
    /// It waits.
    Deferred {
        /// The faults at this step so far.
        faults: u32,
    },
    /// It has moved on; nothing was changed.
    Stale {
        /// Where it is.
        now: Step,
    },
}

/// What came of parking a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunParkOutcome {
    /// It waits until a reply is put.
    Parked,
    /// The reply came in the meantime; the run is due.
    Replied,
    /// It has moved on; nothing was changed.
    Stale {
        /// Where it is.
        now: Step,
    },
}

impl Store {
    /// The runs on which the machine acts now, longest due first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_list_due(
        &self,
        now: Timestamp,
        limit: u64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        let rows = run::Entity::find()
            .filter(run::Column::DueAt.lte(micros(now)))
            .order_by_asc(run::Column::DueAt)
            .order_by_asc(run::Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// When the next run is due, past or future; `None` when all wait for somebody.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = run::Entity::find()
            .filter(run::Column::DueAt.is_not_null())
            .order_by_asc(run::Column::DueAt)
            .one(self.reader())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Row::new("runs", &row.id).maybe_time("due_at", row.due_at)
    }

    /// Puts a run off after a fault of the machinery: the same step again, at `until`. No attempt is spent.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or a fault of the database.
    pub async fn run_defer(
        &self,
        id: RunId,
        step: Step,
        until: Timestamp,
        fault: &str,
        events: &[NewEvent],
    ) -> Result<RunDeferOutcome, StoreError> {
        let mut txn = self.begin().await?;
        let deferred = run::Entity::update_many()
            .col_expr(run::Column::DueAt, Expr::value(micros(until)))
            .col_expr(run::Column::Fault, Expr::value(free(fault)))
            .col_expr(
                run::Column::FaultCount,
                Expr::col(run::Column::FaultCount).add(1),
            )
            .filter(run::Column::Id.eq(id.to_string()))
            .filter(run::Column::Step.eq(step_number(step)))
            .exec(txn.db())
            .await?;
        let row = fetch_in(&txn, id).await?;
        if deferred.rows_affected == 0 {
            txn.roll_back().await?;
            let now = record(row)?.step();
            return Ok(RunDeferOutcome::Stale { now });
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        let faults = record(row)?.fault_count;
        Ok(RunDeferOutcome::Deferred { faults })
    }

    /// Makes every parked run due, and returns how many there were: after a start, when the agents may be set up
    /// in another way than before.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn run_wake_parked(&self, at: Timestamp) -> Result<u64, StoreError> {
        let txn = self.begin().await?;
        let woken = run::Entity::update_many()
            .col_expr(run::Column::DueAt, Expr::value(micros(at)))
            .filter(run::Column::State.is_in(["working", "healing"]))
            .filter(run::Column::DueAt.is_null())
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(woken.rows_affected)
    }

    /// Lets a run wait until a reply to ask `ask` of attempt `n` is put from outside.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or a fault of the database.
    pub async fn run_park(
        &self,
        id: RunId,
        step: Step,
        n: u16,
        ask: u8,
    ) -> Result<RunParkOutcome, StoreError> {
        let txn = self.begin().await?;
        // Whoever puts a reply locks the same row first, so the two take turns and none is missed.
        let parked = run::Entity::update_many()
            .col_expr(run::Column::DueAt, Expr::value(None::<i64>))
            .filter(run::Column::Id.eq(id.to_string()))
            .filter(run::Column::Step.eq(step_number(step)))
            .exec(txn.db())
            .await?;
        if parked.rows_affected == 0 {
            let row = fetch_in(&txn, id).await?;
            txn.roll_back().await?;
            let now = record(row)?.step();
            return Ok(RunParkOutcome::Stale { now });
        }
        let key = (id.to_string(), i32::from(n), i32::from(ask));
        let asked = ask::Entity::find_by_id(key).one(txn.db()).await?;
        if asked.is_some_and(|asked| asked.reply.is_some()) {
            txn.roll_back().await?;
            return Ok(RunParkOutcome::Replied);
        }
        txn.commit().await?;
        Ok(RunParkOutcome::Parked)
    }
}
