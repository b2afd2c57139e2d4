//! Requests and replies: each stored before anything is done with it.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, Set,
    sea_query::{Expr, OnConflict},
};
use sha2::{Digest, Sha256};

use crate::entity::{ask, attempt, run};
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::RunId;
use crate::row::{Row, free};
use crate::store::{Store, micros};

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
    /// Who wrote it, when it was not the agent that the request names.
    pub agent: Option<String>,
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
            .expect("it was there, or inserted in this transaction");
        if inserted > 0 {
            append(&mut txn, events).await?;
        }
        txn.commit().await?;
        record(stands)
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
        if let Some(agent) = new.agent {
            attempt::Entity::update_many()
                .col_expr(attempt::Column::Agent, Expr::value(free(&agent)))
                .filter(attempt::Column::Run.eq(key.0.as_str()))
                .filter(attempt::Column::N.eq(key.1))
                .exec(txn.db())
                .await?;
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok(ReplyPutOutcome::Stored)
    }
}

/// The request and reply of a row.
pub(crate) fn record(row: ask::Model) -> Result<AskRecord, StoreError> {
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
