//! Messages to webhooks: made once for each event, sent until they are taken.

use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::entity::{delivery, webhook};
use crate::error::StoreError;
use crate::id::{DeliveryId, EventSeq};
use crate::page::{self, Page};
use crate::row::{Row, free};
use crate::store::{Store, Txn, micros};
use crate::word::words;

/// How long messages that have ended are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

words! {
    /// How a message to a webhook stands.
    DeliveryState ("state of a delivery") {
        /// It is sent, for the first time or again, when it is due.
        Waiting => "waiting",
        /// The receiver has it.
        Delivered => "delivered",
        /// It is not sent any more.
        Failed => "failed",
    }
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id, the same however often it is sent.
    pub id: DeliveryId,
    /// The event that it tells of; none for a test.
    pub event: Option<EventSeq>,
    /// Its type, such as `gate.decided`.
    pub kind: String,
    /// What is sent.
    pub payload: String,
    /// When it was made, and is due first.
    pub at: Timestamp,
}

/// A message that is on its way, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id, the same however often it is sent.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: String,
    /// The event that it tells of; none for a test.
    pub event: Option<EventSeq>,
    /// Its type.
    pub kind: String,
    /// What is sent.
    pub payload: String,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was sent in this row of tries.
    pub tries: u32,
    /// When it is sent next.
    pub due_at: Option<Timestamp>,
    /// The last status that the receiver answered.
    pub status: Option<u16>,
    /// Why the last try came to nothing.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last sent.
    pub tried_at: Option<Timestamp>,
    /// When it was taken or given up.
    pub ended_at: Option<Timestamp>,
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryTry {
    /// When.
    pub at: Timestamp,
    /// The receiver's status, if it answered.
    pub status: Option<u16>,
    /// What it came to.
    pub end: TryEnd,
}

/// How one try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryEnd {
    /// The receiver has it; a webhook that was disabled is not any more.
    Taken,
    /// It does not; another try follows at `next`, or none.
    NotTaken {
        /// Why.
        error: String,
        /// When it is sent again.
        next: Option<Timestamp>,
    },
    /// The receiver wants nothing any more: the webhook is disabled, and what waits is given up.
    Gone {
        /// In words.
        error: String,
    },
}

impl Store {
    /// Notes that the events up to `cursor` were looked at for a webhook, together with the messages that they
    /// made; `None` for messages that no event is behind. Messages that ended long ago are removed.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown webhook, or a fault of the database.
    pub async fn delivery_put(
        &self,
        webhook: &str,
        cursor: Option<EventSeq>,
        new: &[NewDelivery],
    ) -> Result<(), StoreError> {
        let txn = self.begin().await?;
        if webhook::Entity::find_by_id(webhook)
            .one(txn.db())
            .await?
            .is_none()
        {
            txn.roll_back().await?;
            return Err(StoreError::Missing {
                what: "webhook",
                key: webhook.to_owned(),
            });
        }
        if let Some(cursor) = cursor {
            webhook::Entity::update_many()
                .col_expr(webhook::Column::Cursor, Expr::value(cursor.0))
                .filter(webhook::Column::Id.eq(webhook))
                .filter(webhook::Column::Cursor.lt(cursor.0))
                .exec(txn.db())
                .await?;
        }
        if let Some(first) = new.first() {
            let rows = new.iter().map(|new| row(webhook, new).into_active_model());
            delivery::Entity::insert_many(rows)
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .exec_without_returning(txn.db())
                .await?;
            delivery::Entity::delete_many()
                .filter(delivery::Column::Webhook.eq(webhook))
                .filter(delivery::Column::EndedAt.lt(micros(first.at - KEPT)))
                .exec(txn.db())
                .await?;
        }
        txn.commit().await?;
        Ok(())
    }

    /// The messages of a webhook that are to be sent now, longest due first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delivery_list_due(
        &self,
        webhook: &str,
        now: Timestamp,
        limit: u64,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        let rows = delivery::Entity::find()
            .filter(delivery::Column::Webhook.eq(webhook))
            .filter(delivery::Column::DueAt.lte(micros(now)))
            .order_by_asc(delivery::Column::DueAt)
            .order_by_asc(delivery::Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// When the next message of a webhook is due, past or future.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delivery_next_due(&self, webhook: &str) -> Result<Option<Timestamp>, StoreError> {
        let row = delivery::Entity::find()
            .filter(delivery::Column::Webhook.eq(webhook))
            .filter(delivery::Column::DueAt.is_not_null())
            .order_by_asc(delivery::Column::DueAt)
            .one(self.reader())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Row::new("webhook_deliveries", &row.id).maybe_time("due_at", row.due_at)
    }

    /// The messages of a webhook, newest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delivery_list(
        &self,
        webhook: &str,
        state: Option<DeliveryState>,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        let mut find = delivery::Entity::find()
            .filter(delivery::Column::Webhook.eq(webhook))
            .order_by_desc(delivery::Column::Id)
            .limit(page::rows(limit));
        if let Some(state) = state {
            find = find.filter(delivery::Column::State.eq(state.as_str()));
        }
        if let Some(cursor) = cursor {
            find = find.filter(delivery::Column::Id.lt(cursor));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.id.clone(), record)
    }

    /// One message.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delivery_fetch(
        &self,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        let row = delivery::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?;
        row.map(record).transpose()
    }

    /// Notes what came of sending a message. One that was taken in another try meanwhile stays so.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delivery_note(
        &self,
        id: DeliveryId,
        tried: DeliveryTry,
    ) -> Result<(), StoreError> {
        let txn = self.begin().await?;
        let Some(found) = delivery::Entity::find_by_id(id.to_string())
            .one(txn.db())
            .await?
        else {
            // Its webhook was taken out of the configuration.
            return txn.roll_back().await;
        };
        let at = micros(tried.at);
        let (state, due, error) = match &tried.end {
            TryEnd::Taken => (DeliveryState::Delivered, None, None),
            TryEnd::NotTaken { error, next } => match next {
                Some(next) => (DeliveryState::Waiting, Some(micros(*next)), Some(error)),
                None => (DeliveryState::Failed, None, Some(error)),
            },
            TryEnd::Gone { error } => (DeliveryState::Failed, None, Some(error)),
        };
        let error = error.map(|error| free(error));
        let ended = due.is_none().then_some(at);
        delivery::Entity::update_many()
            .col_expr(delivery::Column::State, Expr::value(state.as_str()))
            .col_expr(delivery::Column::DueAt, Expr::value(due))
            .col_expr(
                delivery::Column::Tries,
                Expr::col(delivery::Column::Tries).add(1),
            )
            .col_expr(
                delivery::Column::Status,
                Expr::value(tried.status.map(i32::from)),
            )
            .col_expr(delivery::Column::Error, Expr::value(error.clone()))
            .col_expr(delivery::Column::TriedAt, Expr::value(at))
            .col_expr(delivery::Column::EndedAt, Expr::value(ended))
            .filter(delivery::Column::Id.eq(id.to_string()))
            .filter(delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
            .exec(txn.db())
            .await?;
        let mut change = webhook::Entity::update_many();
        change = match error {
            None => change
                .col_expr(webhook::Column::LastSuccessAt, Expr::value(at))
                .col_expr(webhook::Column::DisabledAt, Expr::value(None::<i64>)),
            Some(error) => change
                .col_expr(webhook::Column::LastErrorAt, Expr::value(at))
                .col_expr(webhook::Column::LastError, Expr::value(error)),
        };
        if let TryEnd::Gone { error } = &tried.end {
            change = change.col_expr(webhook::Column::DisabledAt, Expr::value(at));
            give_up(&txn, &found.webhook, error, at).await?;
        }
        change
            .filter(webhook::Column::Id.eq(found.webhook))
            .exec(txn.db())
            .await?;
        txn.commit().await?;
        Ok(())
    }

    /// Sends a message again from now on, as if it were new, under the id that it has.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delivery_again(
        &self,
        id: DeliveryId,
        at: Timestamp,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        let txn = self.begin().await?;
        delivery::Entity::update_many()
            .col_expr(
                delivery::Column::State,
                Expr::value(DeliveryState::Waiting.as_str()),
            )
            .col_expr(delivery::Column::DueAt, Expr::value(micros(at)))
            .col_expr(delivery::Column::Tries, Expr::value(0))
            .col_expr(delivery::Column::EndedAt, Expr::value(None::<i64>))
            .filter(delivery::Column::Id.eq(id.to_string()))
            .exec(txn.db())
            .await?;
        let row = delivery::Entity::find_by_id(id.to_string())
            .one(txn.db())
            .await?;
        txn.commit().await?;
        row.map(record).transpose()
    }
}

/// What waits for a webhook is not sent any more.
async fn give_up(txn: &Txn<'_>, webhook: &str, error: &str, at: i64) -> Result<(), StoreError> {
    delivery::Entity::update_many()
        .col_expr(
            delivery::Column::State,
            Expr::value(DeliveryState::Failed.as_str()),
        )
        .col_expr(delivery::Column::DueAt, Expr::value(None::<i64>))
        .col_expr(delivery::Column::Error, Expr::value(free(error)))
        .col_expr(delivery::Column::EndedAt, Expr::value(at))
        .filter(delivery::Column::Webhook.eq(webhook))
        .filter(delivery::Column::DueAt.is_not_null())
        .exec(txn.db())
        .await?;
    Ok(())
}

fn row(webhook: &str, new: &NewDelivery) -> delivery::Model {
    delivery::Model {
        id: new.id.to_string(),
        webhook: webhook.to_owned(),
        event: new.event.map(|event| event.0),
        kind: new.kind.clone(),
        payload: free(&new.payload),
        state: DeliveryState::Waiting.as_str().to_owned(),
        tries: 0,
        due_at: Some(micros(new.at)),
        status: None,
        error: None,
        created_at: micros(new.at),
        tried_at: None,
        ended_at: None,
    }
}

fn record(row: delivery::Model) -> Result<DeliveryRecord, StoreError> {
    let at = Row::new("webhook_deliveries", &row.id);
    let status = row
        .status
        .map(|status| at.number("status", i64::from(status)));
    Ok(DeliveryRecord {
        id: at.parse("id", &row.id)?,
        webhook: row.webhook.clone(),
        event: row.event.map(EventSeq),
        kind: row.kind.clone(),
        payload: row.payload.clone(),
        state: at.parse("state", &row.state)?,
        tries: at.number("tries", i64::from(row.tries))?,
        due_at: at.maybe_time("due_at", row.due_at)?,
        status: status.transpose()?,
        error: row.error.clone(),
        created_at: at.time("created_at", row.created_at)?,
        tried_at: at.maybe_time("tried_at", row.tried_at)?,
        ended_at: at.maybe_time("ended_at", row.ended_at)?,
    })
}
