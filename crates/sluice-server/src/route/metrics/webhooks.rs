//! What webhooks were sent, as metrics.

use sluice_factory::WebhookUsage;

use super::Metric;

/// The metrics of all webhooks; none where none is configured. Their names are those of the configuration.
pub(super) fn metrics(usage: &[WebhookUsage]) -> Vec<Metric> {
    if usage.is_empty() {
        return Vec::new();
    }
    let each = |value: &dyn Fn(&WebhookUsage) -> String| {
        let each = usage
            .iter()
            .map(|one| (format!("{{webhook=\"{}\"}}", one.id), value(one)));
        each.collect()
    };
    let mut outcomes = Vec::new();
    for one in usage {
        for (outcome, count) in one.outcomes {
            let labels = format!("{{webhook=\"{}\",outcome=\"{outcome}\"}}", one.id);
            outcomes.push((labels, count.to_string()));
        }
    }
    vec![
        Metric {
            name: "sluice_webhook_deliveries_total",
            kind: "counter",
            help: "Attempts to send a message since the start: delivered, retried (another one follows), failed.",
            values: outcomes,
        },
        Metric {
            name: "sluice_webhook_deliveries_waiting",
            kind: "gauge",
            help: "Messages that wait to be sent, for the first time or again.",
            values: each(&|one| one.waiting.to_string()),
        },
        Metric {
            name: "sluice_webhook_disabled",
            kind: "gauge",
            help: "Whether a webhook answered 410 and is sent nothing any more.",
            values: each(&|one| u8::from(one.is_disabled).to_string()),
        },
    ]
}
