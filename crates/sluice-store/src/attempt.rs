//! Attempts: what was asked, what was replied, what came of it.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::Expr};
use serde_json::Value;
use sluice_gates::Signature;

use crate::ask::{self as asked, AskRecord};
use crate::entity::{ask, attempt};
use crate::error::StoreError;
use crate::id::RunId;
use crate::row::{Row, free, json};
use crate::store::{Store, Txn, micros};

/// One attempt of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// The run.
    pub run: RunId,
    /// Its number; 0 is the first.
    pub n: u16,
    /// Who was asked; once there is a reply, who wrote it.
    pub agent: String,
    /// How.
    pub strategy: String,
    /// The requests and replies, oldest first; the last one makes the attempt. Empty when nobody was asked, because
    /// what is there was to be checked.
    pub asks: Vec<AskRecord>,
    /// The commit that it made, as a git object id.
    pub commit: Option<String>,
    /// That commit's tree.
    pub tree: Option<String>,
    /// What became of each file of the reply.
    pub receipts: Option<Value>,
    /// What the checks said.
    pub report: Option<Value>,
    /// How it failed.
    pub failure: Option<Signature>,
    /// What a person should know about it.
    pub note: Option<String>,
    /// The pinned paths that it moved.
    pub held: Vec<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its checks ended.
    pub checked_at: Option<Timestamp>,
}

/// What attempt 0 is when nobody is asked for it: a commit that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The commit, as a git object id.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// Whose work it is.
    pub agent: String,
    /// What a person should know about it.
    pub note: String,
}

/// How an attempt came to be that nobody was asked for.
const REVALIDATE: &str = "revalidate";

/// What a change of a run says about one of its attempts; `None` leaves what stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptChange {
    /// Which attempt.
    pub n: u16,
    /// The commit that it made, as a git object id.
    pub commit: Option<String>,
    /// That commit's tree.
    pub tree: Option<String>,
    /// What became of each file of the reply.
    pub receipts: Option<Value>,
    /// What the checks said.
    pub report: Option<Value>,
    /// How it failed.
    pub failure: Option<Signature>,
    /// What a person should know about it.
    pub note: Option<String>,
    /// The pinned paths that it moved.
    pub held: Option<Vec<String>>,
    /// When its checks ended.
    pub checked_at: Option<Timestamp>,
}

impl Store {
    /// One attempt of a run.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn attempt_fetch(
        &self,
        run: RunId,
        n: u16,
    ) -> Result<Option<AttemptRecord>, StoreError> {
        let key = (run.to_string(), i32::from(n));
        let row = attempt::Entity::find_by_id(key).one(self.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let asks = ask::Entity::find()
            .filter(ask::Column::Run.eq(run.to_string()))
            .filter(ask::Column::N.eq(i32::from(n)))
            .order_by_asc(ask::Column::Ask)
            .all(self.reader())
            .await?;
        record(row, asks).map(Some)
    }

    /// The attempts of a run, first to last.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn attempt_list(&self, run: RunId) -> Result<Vec<AttemptRecord>, StoreError> {
        let rows = attempt::Entity::find()
            .filter(attempt::Column::Run.eq(run.to_string()))
            .order_by_asc(attempt::Column::N)
            .all(self.reader())
            .await?;
        let mut asks = ask::Entity::find()
            .filter(ask::Column::Run.eq(run.to_string()))
            .order_by_asc(ask::Column::N)
            .order_by_asc(ask::Column::Ask)
            .all(self.reader())
            .await?
            .into_iter()
            .peekable();
        let mut attempts = Vec::with_capacity(rows.len());
        for row in rows {
            let mut own = Vec::new();
            while let Some(ask) = asks.next_if(|ask| ask.n <= row.n) {
                own.push(ask);
            }
            attempts.push(record(row, own)?);
        }
        Ok(attempts)
    }
}

/// Puts what is there as attempt 0 of a run that is being opened.
pub(crate) async fn present(
    txn: &Txn<'_>,
    run: RunId,
    presented: Presented,
    at: Timestamp,
) -> Result<(), StoreError> {
    let row = attempt::ActiveModel {
        run: Set(run.to_string()),
        n: Set(0),
        agent: Set(free(&presented.agent)),
        strategy: Set(REVALIDATE.to_owned()),
        commit_oid: Set(Some(presented.commit)),
        tree_oid: Set(Some(presented.tree)),
        receipts: Set(None),
        report: Set(None),
        failure: Set(None),
        note: Set(Some(free(&presented.note))),
        held: Set(json(&Vec::<String>::new())),
        created_at: Set(micros(at)),
        checked_at: Set(None),
    };
    attempt::Entity::insert(row)
        .exec_without_returning(txn.db())
        .await?;
    Ok(())
}

/// Writes what a change of the run says about one of its attempts.
pub(crate) async fn change(
    txn: &Txn<'_>,
    run: RunId,
    change: AttemptChange,
) -> Result<(), StoreError> {
    let n = i32::from(change.n);
    let key = (run.to_string(), n);
    if attempt::Entity::find_by_id(key)
        .one(txn.db())
        .await?
        .is_none()
    {
        return Err(missing(run, n));
    }
    let texts = [
        (attempt::Column::CommitOid, change.commit),
        (attempt::Column::TreeOid, change.tree),
        (
            attempt::Column::Receipts,
            change.receipts.as_ref().map(json),
        ),
        (attempt::Column::Report, change.report.as_ref().map(json)),
        (
            attempt::Column::Failure,
            change.failure.map(|one| free(&one.0)),
        ),
        (attempt::Column::Note, change.note.as_deref().map(free)),
        (attempt::Column::Held, change.held.as_ref().map(json)),
    ];
    let mut update = attempt::Entity::update_many();
    let mut is_empty = true;
    for (column, value) in texts {
        if let Some(value) = value {
            update = update.col_expr(column, Expr::value(value));
            is_empty = false;
        }
    }
    if let Some(at) = change.checked_at {
        update = update.col_expr(attempt::Column::CheckedAt, Expr::value(micros(at)));
        is_empty = false;
    }
    if !is_empty {
        update
            .filter(attempt::Column::Run.eq(run.to_string()))
            .filter(attempt::Column::N.eq(n))
            .exec(txn.db())
            .await?;
    }
    Ok(())
}

fn missing(run: RunId, n: i32) -> StoreError {
    StoreError::Missing {
        what: "attempt",
        key: format!("{n} of run {run}"),
    }
}

fn record(row: attempt::Model, asks: Vec<ask::Model>) -> Result<AttemptRecord, StoreError> {
    let key = format!("{}/{}", row.run, row.n);
    let at = Row::new("attempts", &key);
    if asks.is_empty() && row.strategy != REVALIDATE {
        return Err(at.corrupt("n", "no request belongs to it"));
    }
    Ok(AttemptRecord {
        run: at.parse("run", &row.run)?,
        n: at.number("n", row.n.into())?,
        receipts: at.maybe_json("receipts", row.receipts.as_deref())?,
        report: at.maybe_json("report", row.report.as_deref())?,
        held: at.json("held", &row.held)?,
        created_at: at.time("created_at", row.created_at)?,
        checked_at: at.maybe_time("checked_at", row.checked_at)?,
        failure: row.failure.map(Signature),
        asks: asks
            .into_iter()
            .map(asked::record)
            .collect::<Result<_, _>>()?,
        agent: row.agent,
        strategy: row.strategy,
        commit: row.commit_oid,
        tree: row.tree_oid,
        note: row.note,
    })
}
