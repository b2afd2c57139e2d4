//! Webhooks: which there are, how they stand, and what people ask of them.

mod carry;
mod told;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use serde_json::json;
use sluice_proof::sha256_hex;
use sluice_store::{
    Actor, DeliveryId, DeliveryRecord, DeliveryState, NewDelivery, Role, WebhookRecord,
};
use sluice_webhooks::Endpoint;
use tokio::sync::Notify;

use crate::decide::{machinery, need};
use crate::factory::{Factory, now, rfc3339};
use crate::refusal::{Asked, Refusal};
use crate::view::{DeliveryView, Page, WebhookView};

pub use told::WEBHOOK_EVENTS;

/// The type of a message that a person asks for, to see whether it arrives.
const TEST: &str = "webhook.test";

/// A receiver that wants to know what happens.
#[derive(Debug)]
pub struct Webhook {
    /// Its name in the configuration.
    pub id: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The types of messages that it gets, of [`WEBHOOK_EVENTS`]; empty for all.
    pub events: Vec<String>,
    /// The projects that it hears of, by name; empty for all.
    pub projects: Vec<String>,
}

impl Webhook {
    fn wants(&self, kind: &str, project: &str) -> bool {
        let names = |list: &[String], one: &str| list.is_empty() || list.iter().any(|it| it == one);
        names(&self.events, kind) && names(&self.projects, project)
    }
}

/// A webhook at work.
#[derive(Debug)]
pub(crate) struct Hook {
    webhook: Webhook,
    /// Somebody wants something sent now.
    wake: Notify,
    counts: WebhookCounts,
}

/// What sending came to since the start.
#[derive(Debug, Default)]
struct WebhookCounts {
    delivered: AtomicU64,
    retried: AtomicU64,
    failed: AtomicU64,
}

impl WebhookCounts {
    /// How many messages were taken; how many tries were not and are followed by another; how many messages were
    /// given up.
    fn read(&self) -> [(&'static str, u64); 3] {
        [
            ("delivered", self.delivered.load(Ordering::Relaxed)),
            ("retried", self.retried.load(Ordering::Relaxed)),
            ("failed", self.failed.load(Ordering::Relaxed)),
        ]
    }
}

/// How a webhook stands, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUsage {
    /// Its name.
    pub id: String,
    /// What sending came to since the start, by outcome.
    pub outcomes: [(&'static str, u64); 3],
    /// How many messages wait.
    pub waiting: u64,
    /// Whether it is disabled.
    pub is_disabled: bool,
}

impl Factory {
    /// Takes over which webhooks are configured; they work from [`Factory::run`] on.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn webhooks_take(&self, webhooks: Vec<Webhook>) -> anyhow::Result<()> {
        let configured: Vec<(String, String)> = webhooks
            .iter()
            .map(|one| {
                let target = sha256_hex(one.endpoint.url().as_bytes());
                (one.id.clone(), target)
            })
            .collect();
        self.store.webhook_sync(&configured).await?;
        let hooks = webhooks.into_iter().map(|webhook| {
            Arc::new(Hook {
                webhook,
                wake: Notify::new(),
                counts: WebhookCounts::default(),
            })
        });
        let hooks = hooks.collect();
        *self
            .webhooks
            .write()
            .unwrap_or_else(PoisonError::into_inner) = hooks;
        Ok(())
    }

    /// The webhooks, by name.
    ///
    /// # Errors
    /// Only operators see them.
    pub async fn webhook_list(&self, actor: &Actor) -> Asked<Vec<WebhookView>> {
        need(actor, Role::Operator)?;
        let records = self.store.webhook_list().await.map_err(machinery)?;
        let hooks = self.hooks();
        let views = records.into_iter().filter_map(|record| {
            let hook = hooks.iter().find(|hook| hook.webhook.id == record.id)?;
            Some(webhook_view(hook, record))
        });
        Ok(views.collect())
    }

    /// How the webhooks stand, for metrics.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn webhook_usage(&self) -> Asked<Vec<WebhookUsage>> {
        let hooks = self.hooks();
        if hooks.is_empty() {
            return Ok(Vec::new());
        }
        let records = self.store.webhook_list().await.map_err(machinery)?;
        let all = records.into_iter().filter_map(|record| {
            let hook = hooks.iter().find(|hook| hook.webhook.id == record.id)?;
            Some(WebhookUsage {
                outcomes: hook.counts.read(),
                waiting: record.waiting,
                is_disabled: record.disabled_at.is_some(),
                id: record.id,
            })
        });
        Ok(all.collect())
    }

    /// The messages of a webhook, newest first.
    ///
    /// # Errors
    /// There is no such webhook; only operators see them.
    pub async fn delivery_list(
        &self,
        webhook: &str,
        state: Option<DeliveryState>,
        cursor: Option<&str>,
        limit: u64,
        actor: &Actor,
    ) -> Asked<Page<DeliveryView>> {
        need(actor, Role::Operator)?;
        let hook = self.hook(webhook)?;
        let page = self
            .store
            .delivery_list(&hook.webhook.id, state, cursor, limit)
            .await
            .map_err(machinery)?;
        Ok(Page {
            items: page.items.into_iter().map(delivery_view).collect(),
            next_cursor: page.next,
        })
    }

    /// One message.
    ///
    /// # Errors
    /// It is not there; only operators see it.
    pub async fn delivery_fetch(
        &self,
        webhook: &str,
        id: DeliveryId,
        actor: &Actor,
    ) -> Asked<DeliveryView> {
        need(actor, Role::Operator)?;
        Ok(delivery_view(self.delivery(webhook, id).await?))
    }

    /// Sends a message again under the id that it has, as if it were new.
    ///
    /// # Errors
    /// It is not there; only operators do this.
    pub async fn delivery_again(
        &self,
        webhook: &str,
        id: DeliveryId,
        actor: &Actor,
    ) -> Asked<DeliveryView> {
        need(actor, Role::Operator)?;
        let hook = self.hook(webhook)?;
        self.delivery(webhook, id).await?;
        let again = self.store.delivery_again(id, now()).await;
        let again = again.map_err(machinery)?.ok_or_else(|| no_message(id))?;
        hook.wake.notify_one();
        Ok(delivery_view(again))
    }

    /// Sends a message that says nothing, once. When it is taken, a webhook that was disabled is not any more.
    ///
    /// # Errors
    /// There is no such webhook; only operators do this.
    pub async fn webhook_test(&self, webhook: &str, actor: &Actor) -> Asked<DeliveryView> {
        need(actor, Role::Operator)?;
        let hook = self.hook(webhook)?;
        let at = now();
        let data = json!({ "webhook": webhook, "by": actor.name });
        let new = NewDelivery {
            id: DeliveryId::new(),
            event: None,
            kind: TEST.to_owned(),
            payload: told::payload(TEST, at, &data),
            at,
        };
        let id = new.id;
        self.store
            .delivery_put(webhook, None, &[new])
            .await
            .map_err(machinery)?;
        hook.wake.notify_one();
        Ok(delivery_view(self.delivery(webhook, id).await?))
    }

    fn hooks(&self) -> Vec<Arc<Hook>> {
        self.webhooks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn hook(&self, id: &str) -> Asked<Arc<Hook>> {
        let found = self.hooks().into_iter().find(|hook| hook.webhook.id == id);
        found.ok_or_else(|| Refusal::not_found(format!("webhook {id:?}")))
    }

    async fn delivery(&self, webhook: &str, id: DeliveryId) -> Asked<DeliveryRecord> {
        self.hook(webhook)?;
        let found = self.store.delivery_fetch(id).await.map_err(machinery)?;
        found
            .filter(|found| found.webhook == webhook)
            .ok_or_else(|| no_message(id))
    }
}

fn no_message(id: DeliveryId) -> Refusal {
    Refusal::not_found(format!("delivery {id}"))
}

fn webhook_view(hook: &Hook, record: WebhookRecord) -> WebhookView {
    let is_failing = record.last_error_at > record.last_success_at;
    let state = match (record.disabled_at, is_failing) {
        (Some(_), _) => "disabled",
        (None, true) => "failing",
        (None, false) => "active",
    };
    WebhookView {
        id: record.id,
        url: hook.webhook.endpoint.shown(),
        events: hook.webhook.events.clone(),
        projects: hook.webhook.projects.clone(),
        state: state.to_owned(),
        disabled_at: record.disabled_at.map(rfc3339),
        waiting: record.waiting,
        next_attempt_at: record.next_due_at.map(rfc3339),
        last_success_at: record.last_success_at.map(rfc3339),
        last_error_at: record.last_error_at.map(rfc3339),
        last_error: record.last_error,
    }
}

fn delivery_view(record: DeliveryRecord) -> DeliveryView {
    DeliveryView {
        id: record.id.to_string(),
        webhook: record.webhook,
        r#type: record.kind,
        event: record.event.map(|event| event.0),
        payload: serde_json::from_str(&record.payload).unwrap_or_default(),
        state: record.state.as_str().to_owned(),
        attempts: record.tries,
        next_attempt_at: record.due_at.map(rfc3339),
        status: record.status,
        error: record.error,
        created_at: rfc3339(record.created_at),
        attempted_at: record.tried_at.map(rfc3339),
        ended_at: record.ended_at.map(rfc3339),
    }
}
