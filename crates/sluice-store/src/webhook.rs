//! Webhooks: how far each has been told, and whether it takes what it is told.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use crate::entity::{delivery, event_clock, webhook};
use crate::error::StoreError;
use crate::id::EventSeq;
use crate::row::Row;
use crate::store::{CLOCK, Store};

/// A webhook that is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Its name in the configuration.
    pub id: String,
    /// The last event that was looked at for it.
    pub cursor: EventSeq,
    /// Since when it is not told anything any more, because it said so.
    pub disabled_at: Option<Timestamp>,
    /// When it last took a message.
    pub last_success_at: Option<Timestamp>,
    /// When it last did not.
    pub last_error_at: Option<Timestamp>,
    /// What happened then.
    pub last_error: Option<String>,
    /// How many messages wait to be sent, for the first time or again.
    pub waiting: u64,
    /// When the next of them is.
    pub next_due_at: Option<Timestamp>,
}

impl Store {
    /// Takes over which webhooks are configured: their names, each with a digest of its address. A new one is told
    /// what happens from now on; one that is gone is forgotten with what waited for it; one with another address is
    /// another receiver, so it is not disabled any more.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn webhook_sync(&self, configured: &[(String, String)]) -> Result<(), StoreError> {
        let txn = self.begin().await?;
        let clock = event_clock::Entity::find_by_id(CLOCK).one(txn.db()).await?;
        let last = clock.map_or(0, |clock| clock.last);
        let known = webhook::Entity::find().all(txn.db()).await?;
        let names: BTreeSet<&str> = configured.iter().map(|(id, _)| id.as_str()).collect();
        for gone in known.iter().filter(|one| !names.contains(one.id.as_str())) {
            delivery::Entity::delete_many()
                .filter(delivery::Column::Webhook.eq(gone.id.as_str()))
                .exec(txn.db())
                .await?;
            webhook::Entity::delete_by_id(gone.id.as_str())
                .exec(txn.db())
                .await?;
        }
        for (id, target) in configured {
            match known.iter().find(|one| one.id == *id) {
                Some(one) if one.target == *target => {}
                Some(_) => {
                    webhook::Entity::update_many()
                        .col_expr(webhook::Column::Target, Expr::value(target.as_str()))
                        .col_expr(webhook::Column::DisabledAt, Expr::value(None::<i64>))
                        .filter(webhook::Column::Id.eq(id.as_str()))
                        .exec(txn.db())
                        .await?;
                }
                None => {
                    let row = webhook::Model {
                        id: id.clone(),
                        cursor: last,
                        target: target.clone(),
                        disabled_at: None,
                        last_success_at: None,
                        last_error_at: None,
                        last_error: None,
                    };
                    webhook::Entity::insert(row.into_active_model())
                        .exec_without_returning(txn.db())
                        .await?;
                }
            }
        }
        txn.commit().await?;
        Ok(())
    }

    /// The webhooks, by name.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn webhook_list(&self) -> Result<Vec<WebhookRecord>, StoreError> {
        let rows = webhook::Entity::find()
            .order_by_asc(webhook::Column::Id)
            .all(self.reader())
            .await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            records.push(self.webhook_record(row).await?);
        }
        Ok(records)
    }

    /// One webhook.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn webhook_fetch(&self, id: &str) -> Result<Option<WebhookRecord>, StoreError> {
        let row = webhook::Entity::find_by_id(id).one(self.reader()).await?;
        match row {
            Some(row) => Ok(Some(self.webhook_record(row).await?)),
            None => Ok(None),
        }
    }

    async fn webhook_record(&self, row: webhook::Model) -> Result<WebhookRecord, StoreError> {
        let waiting = delivery::Entity::find()
            .filter(delivery::Column::Webhook.eq(row.id.as_str()))
            .filter(delivery::Column::DueAt.is_not_null())
            .count(self.reader())
            .await?;
        let next = delivery::Entity::find()
            .filter(delivery::Column::Webhook.eq(row.id.as_str()))
            .filter(delivery::Column::DueAt.is_not_null())
            .order_by_asc(delivery::Column::DueAt)
            .one(self.reader())
            .await?;
        let at = Row::new("webhooks", &row.id);
        Ok(WebhookRecord {
            cursor: EventSeq(row.cursor),
            disabled_at: at.maybe_time("disabled_at", row.disabled_at)?,
            last_success_at: at.maybe_time("last_success_at", row.last_success_at)?,
            last_error_at: at.maybe_time("last_error_at", row.last_error_at)?,
            last_error: row.last_error.clone(),
            waiting,
            next_due_at: at.maybe_time("due_at", next.and_then(|next| next.due_at))?,
            id: row.id,
        })
    }
}
