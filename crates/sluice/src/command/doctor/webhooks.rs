//! Whether webhooks can be used as they are configured, and whether their messages arrive.

use sluice_factory::DataDir;
use sluice_store::{Store, StoreError, WebhookRecord};

use super::{Item, State};
use crate::config::Config;
use crate::exit;
use crate::wiring;

/// What there is to say of the webhooks; nothing is sent. Without any there is nothing.
pub(super) async fn look(config: &Config) -> Option<Item> {
    if config.webhooks.is_empty() {
        return None;
    }
    if let Err(fault) = wiring::webhooks(config) {
        let item = Item::new("webhooks", State::Missing, fault.message);
        return Some(item.fix("correct it; no daemon starts until then"));
    }
    let count = config.webhooks.len();
    let records = match records(config).await {
        Ok(Some(records)) => records,
        Ok(None) => {
            let detail = format!("{count} configured; no daemon has worked with them yet");
            return Some(Item::new("webhooks", State::Ok, detail));
        }
        Err(error) => {
            let what = exit::chain(&error);
            let detail = format!("{count} configured; how they stand cannot be read: {what}");
            return Some(Item::new("webhooks", State::Warning, detail));
        }
    };
    let bad: Vec<String> = records.iter().filter_map(trouble).collect();
    if bad.is_empty() {
        let detail = format!("{count} configured; what was sent was taken");
        return Some(Item::new("webhooks", State::Ok, detail));
    }
    let item = Item::new("webhooks", State::Warning, bad.join("; "));
    Some(item.fix("see GET /api/v1/webhooks/NAME/deliveries, mend it, and try it with POST /api/v1/webhooks/NAME/test"))
}

fn trouble(record: &WebhookRecord) -> Option<String> {
    let (id, waiting) = (&record.id, record.waiting);
    let why = record.last_error.as_deref().unwrap_or_default();
    if record.disabled_at.is_some() {
        return Some(format!("{id} is disabled: {why}"));
    }
    (record.last_error_at > record.last_success_at)
        .then(|| format!("{id} does not take its messages, {waiting} wait: {why}"))
}

/// How the webhooks stand; `None` where no daemon has been yet.
async fn records(config: &Config) -> Result<Option<Vec<WebhookRecord>>, StoreError> {
    let url = match &config.database {
        Some(url) => url.expose().to_owned(),
        None => match DataDir::existing(&config.data) {
            // The file must be there: doctor makes none.
            Ok(data) => data.database_url().replace("mode=rwc", "mode=rw"),
            Err(_) => return Ok(None),
        },
    };
    let store = Store::open_as_is(&url).await?;
    let records = store.webhook_list().await;
    store.close().await?;
    Ok(Some(records?))
}
