//! Attempts: what the agent was asked, what it replied, what came of it.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set,
    sea_query::{Expr, OnConflict},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sluice_gates::Signature;

use crate::entity::{ask, attempt, run};
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::RunId;
use crate::row::{Row, free, json};
use crate::store::{Store, Txn, micros};

/// A request, stored before the agent hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// The run.
    pub run: RunId,
    /// The attempt that the reply makes.
    pub n: u16,
    /// How often the agent has answered with nothing before.
    pub ask: u8,
    /// Who is asked.
    pub agent: String,
    /// How.
    pub strategy: String,
    /// What.
    pub request: String,
    /// When.
    pub at: Timestamp,
}

/// A reply, stored before anything is done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReply {
    /// The run.
    pub run: RunId,
    /// The attempt that it makes.
    pub n: u16,
    /// Which ask of the attempt it answers.
    pub ask: u8,
    /// What the agent wrote.
    pub reply: String,
    /// The model that wrote it, where known.
    pub model: Option<String>,
    /// Who handed it in; `None` when the agent itself was asked.
    pub replied_by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What came of putting a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyPutOutcome {
    /// It stands, and the run is due if it was parked.
    Stored,
    /// A reply to this ask stands already, the same one or another; the first one counts.
    AlreadyThere,
    /// Nobody asked for it.
    NotAsked,
}

/// One request of an attempt and its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskRecord {
    /// How often the agent had answered with nothing before.
    pub ask: u8,
    /// What was asked.
    pub request: String,
    /// What the agent wrote.
    pub reply: Option<String>,
    /// SHA-256 of the reply's bytes, in hex.
    pub reply_digest: Option<String>,
    /// The model that wrote it, where known.
    pub model: Option<String>,
    /// Who handed it in; `None` when the agent itself was asked.
    pub replied_by: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the reply was stored.
    pub replied_at: Option<Timestamp>,
}

/// One attempt of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// The run.
    pub run: RunId,
    /// Its number; 0 is the first.
    pub n: u16,
    /// Who was asked.
    pub agent: String,
    /// How.
    pub strategy: String,
    /// The requests and replies, oldest first; the last one makes the attempt. Never empty.
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

impl AttemptRecord {
    /// The newest request and its reply.
    pub fn last_ask(&self) -> &AskRecord {
        self.asks
            .last()
            .expect("an attempt is stored together with its first request")
    }
}

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
    /// Stores a request before the agent hears of it. A repeat changes nothing: the first request counts, so a
    /// reply always answers what was stored. Returns what stands.
    ///
    /// # Errors
    /// A fault of the database; an unknown run is one.
    pub async fn attempt_request_put(
        &self,
        new: NewRequest,
        events: &[NewEvent],
    ) -> Result<AskRecord, StoreError> {
        let mut txn = self.begin().await?;
        let at = micros(new.at);
        let (n, ask) = (i32::from(new.n), i32::from(new.ask));
        let attempt = attempt::ActiveModel {
            run: Set(new.run.to_string()),
            n: Set(n),
            agent: Set(free(&new.agent)),
            strategy: Set(new.strategy),
            commit_oid: Set(None),
            tree_oid: Set(None),
            receipts: Set(None),
            report: Set(None),
            failure: Set(None),
            note: Set(None),
            held: Set("[]".to_owned()),
            created_at: Set(at),
            checked_at: Set(None),
        };
        attempt::Entity::insert(attempt)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
        let asked = ask::ActiveModel {
            run: Set(new.run.to_string()),
            n: Set(n),
            ask: Set(ask),
            request: Set(new.request.into_bytes()),
            reply: Set(None),
            reply_digest: Set(None),
            model: Set(None),
            replied_by: Set(None),
            asked_at: Set(at),
            replied_at: Set(None),
        };
        let inserted = ask::Entity::insert(asked)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
        let stands = ask::Entity::find_by_id((new.run.to_string(), n, ask))
            .one(txn.db())
            .await?
            .ok_or_else(|| missing(new.run, n))?;
        if inserted > 0 {
            append(&mut txn, events).await?;
        }
        txn.commit().await?;
        ask_record(stands)
    }

    /// Stores a reply before anything is done with it, and makes a parked run due. The first reply to an ask
    /// counts, so a repeat is harmless.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn attempt_reply_put(
        &self,
        new: NewReply,
        events: &[NewEvent],
    ) -> Result<ReplyPutOutcome, StoreError> {
        let mut txn = self.begin().await?;
        let at = micros(new.at);
        // This takes the run's lock first, as parking does: the run is parked before or after, never between.
        run::Entity::update_many()
            .col_expr(run::Column::DueAt, Expr::value(at))
            .filter(run::Column::Id.eq(new.run.to_string()))
            .filter(run::Column::State.is_in(["working", "healing"]))
            .exec(txn.db())
            .await?;
        let key = (new.run.to_string(), i32::from(new.n), i32::from(new.ask));
        let digest = hex::encode(Sha256::digest(new.reply.as_bytes()));
        let stored = ask::Entity::update_many()
            .col_expr(ask::Column::Reply, Expr::value(new.reply.into_bytes()))
            .col_expr(ask::Column::ReplyDigest, Expr::value(digest))
            .col_expr(ask::Column::Model, Expr::value(new.model))
            .col_expr(ask::Column::RepliedBy, Expr::value(new.replied_by))
            .col_expr(ask::Column::RepliedAt, Expr::value(at))
            .filter(ask::Column::Run.eq(key.0.as_str()))
            .filter(ask::Column::N.eq(key.1))
            .filter(ask::Column::Ask.eq(key.2))
            .filter(ask::Column::Reply.is_null())
            .exec(txn.db())
            .await?;
        if stored.rows_affected == 0 {
            let asked = ask::Entity::find_by_id(key).one(txn.db()).await?;
            txn.roll_back().await?;
            return Ok(match asked {
                Some(_) => ReplyPutOutcome::AlreadyThere,
                None => ReplyPutOutcome::NotAsked,
            });
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok(ReplyPutOutcome::Stored)
    }

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

fn ask_record(row: ask::Model) -> Result<AskRecord, StoreError> {
    let key = format!("{}/{}/{}", row.run, row.n, row.ask);
    let at = Row::new("asks", &key);
    let text = |column, bytes| {
        String::from_utf8(bytes).map_err(|error| at.corrupt(column, error.utf8_error()))
    };
    Ok(AskRecord {
        ask: at.number("ask", row.ask.into())?,
        request: text("request", row.request)?,
        reply: row.reply.map(|bytes| text("reply", bytes)).transpose()?,
        asked_at: at.time("asked_at", row.asked_at)?,
        replied_at: at.maybe_time("replied_at", row.replied_at)?,
        reply_digest: row.reply_digest,
        model: row.model,
        replied_by: row.replied_by,
    })
}

fn record(row: attempt::Model, asks: Vec<ask::Model>) -> Result<AttemptRecord, StoreError> {
    let key = format!("{}/{}", row.run, row.n);
    let at = Row::new("attempts", &key);
    if asks.is_empty() {
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
        asks: asks.into_iter().map(ask_record).collect::<Result<_, _>>()?,
        agent: row.agent,
        strategy: row.strategy,
        commit: row.commit_oid,
        tree: row.tree_oid,
        note: row.note,
    })
}
