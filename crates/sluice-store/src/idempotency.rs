//! Requests under a key: done once, however often they are sent.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use crate::entity::idempotency::{self, Column};
use crate::error::StoreError;
use crate::row::{Row, free, json};
use crate::store::{Store, micros};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request that nobody gave back is taken to be worked on: longer than any request takes.
const HELD: Duration = Duration::from_secs(5 * 60);

/// A request that came with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Who sent it: two principals' keys have nothing to do with each other.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The key.
    pub key: String,
    /// A digest of all that the request says.
    pub request: String,
    /// The daemon that works on it: a name that its next process has too, and no other.
    pub owner: String,
}

/// The answer that was given, for whoever sends the request again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers that matter, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; `None` when it is not kept, as a secret is not.
    pub body: Option<Vec<u8>>,
}

/// What there is under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOutcome {
    /// Nothing: the caller does the work, and says under this claim how it ended.
    Claimed(String),
    /// Somebody is at it.
    InFlight,
    /// Another request was sent under this key.
    Mismatch,
    /// It was done, and this was the answer.
    Done(KeptAnswer),
}

impl Store {
    /// Takes a key, or says what there is under it. The insertion is the lock: of all who send a request at once,
    /// one is [`KeyOutcome::Claimed`].
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn key_claim(
        &self,
        request: &KeyedRequest,
        now: Timestamp,
    ) -> Result<KeyOutcome, StoreError> {
        let fresh = row(request, now);
        let claim = fresh.claim.clone();
        let txn = self.begin().await?;
        let inserted = idempotency::Entity::insert(fresh.clone().into_active_model())
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
        if inserted > 0 {
            txn.commit().await?;
            return Ok(KeyOutcome::Claimed(claim));
        }
        let key = (
            fresh.principal.clone(),
            fresh.route.clone(),
            fresh.key.clone(),
        );
        let found = idempotency::Entity::find_by_id(key).one(txn.db()).await?;
        let Some(found) = found else {
            // It was removed between the two statements: the caller may try again.
            txn.roll_back().await?;
            return Ok(KeyOutcome::InFlight);
        };
        let now = micros(now);
        let is_abandoned = found.status.is_none() && found.held_until <= now;
        if found.expires_at <= now || is_abandoned {
            let taken = idempotency::Entity::update_many()
                .set(idempotency::ActiveModel {
                    principal: sea_orm::NotSet,
                    route: sea_orm::NotSet,
                    key: sea_orm::NotSet,
                    ..fresh.clone().into_active_model().reset_all()
                })
                .filter(is(request))
                .filter(Column::Claim.eq(found.claim))
                .exec(txn.db())
                .await?;
            txn.commit().await?;
            return Ok(match taken.rows_affected {
                0 => KeyOutcome::InFlight,
                _ => KeyOutcome::Claimed(claim),
            });
        }
        txn.roll_back().await?;
        if found.request != request.request {
            return Ok(KeyOutcome::Mismatch);
        }
        Ok(match found.status {
            None => KeyOutcome::InFlight,
            Some(_) => KeyOutcome::Done(answer(found)?),
        })
    }

    /// Keeps the answer of a claim, for a day. One whose claim was given to another is not kept.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn key_finish(
        &self,
        request: &KeyedRequest,
        claim: &str,
        answer: KeptAnswer,
    ) -> Result<(), StoreError> {
        let txn = self.begin().await?;
        idempotency::Entity::update_many()
            .col_expr(Column::Status, Expr::value(i32::from(answer.status)))
            .col_expr(Column::Headers, Expr::value(json(&answer.headers)))
            .col_expr(Column::Body, Expr::value(answer.body))
            .filter(is(request))
            .filter(Column::Claim.eq(claim))
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(())
    }

    /// Gives a key back: whoever sends the request again has it done anew.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn key_release(&self, request: &KeyedRequest, claim: &str) -> Result<(), StoreError> {
        let txn = self.begin().await?;
        idempotency::Entity::delete_many()
            .filter(is(request))
            .filter(Column::Claim.eq(claim))
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(())
    }

    /// Gives back what an earlier process of the same daemon was at when it ended. Nothing may be at work under
    /// this owner yet.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn key_free(&self, owner: &str) -> Result<u64, StoreError> {
        let txn = self.begin().await?;
        let freed = idempotency::Entity::delete_many()
            .filter(Column::Owner.eq(owner))
            .filter(Column::Status.is_null())
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(freed.rows_affected)
    }

    /// Removes the keys whose day is over.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn key_sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let txn = self.begin().await?;
        let swept = idempotency::Entity::delete_many()
            .filter(Column::ExpiresAt.lte(micros(now)))
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(swept.rows_affected)
    }
}

fn is(request: &KeyedRequest) -> Condition {
    Condition::all()
        .add(Column::Principal.eq(free(&request.principal)))
        .add(Column::Route.eq(free(&request.route)))
        .add(Column::Key.eq(free(&request.key)))
}

fn row(request: &KeyedRequest, now: Timestamp) -> idempotency::Model {
    let after = |time: Duration| micros(now).saturating_add(time.as_micros() as i64);
    idempotency::Model {
        principal: free(&request.principal),
        route: free(&request.route),
        key: free(&request.key),
        request: request.request.clone(),
        claim: Uuid::now_v7().to_string(),
        owner: request.owner.clone(),
        held_until: after(HELD),
        expires_at: after(KEPT),
        status: None,
        headers: None,
        body: None,
    }
}

fn answer(found: idempotency::Model) -> Result<KeptAnswer, StoreError> {
    let at = Row::new("idempotency", &found.key);
    Ok(KeptAnswer {
        status: at.number("status", i64::from(found.status.unwrap_or_default()))?,
        headers: at
            .maybe_json("headers", found.headers.as_deref())?
            .unwrap_or_default(),
        body: found.body,
    })
}
