//! Metrics in Prometheus' text format.

mod agents;
mod webhooks;

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderName, header};
use sluice_factory::EscalationState;

use crate::problem::ApiError;
use crate::state::App;

/// The most escalations that are counted one by one.
const COUNTED: u64 = 1000;

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4")))]
pub(crate) async fn metrics(
    State(app): State<App>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let open = app
        .factory
        .escalation_list(Some(EscalationState::Open), None, COUNTED)
        .await?;
    let events = app.factory.store().events_watch().borrow().0;
    let mut text = String::new();
    let mut gauge = |name: &str, kind: &str, help: &str, values: &[(String, String)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let plain = |value: String| [(String::new(), value)];
    gauge(
        "sluice_build_info",
        "gauge",
        "The program's version and engine.",
        &[(
            format!(
                "{{version=\"{}\",engine=\"{}\"}}",
                env!("CARGO_PKG_VERSION"),
                app.factory.engine()
            ),
            "1".to_owned(),
        )],
    );
    gauge(
        "sluice_escalations_open",
        "gauge",
        "Questions that wait for a person, counted up to 1000.",
        &plain(open.items.len().to_string()),
    );
    gauge(
        "sluice_events_total",
        "counter",
        "Events so far; also the id of the last one.",
        &plain(events.to_string()),
    );
    let answers = app.counts.answers.iter().enumerate().skip(1);
    let answers: Vec<_> = answers
        .map(|(class, count)| {
            let count = count.load(Ordering::Relaxed);
            (format!("{{status=\"{class}xx\"}}"), count.to_string())
        })
        .collect();
    gauge(
        "sluice_http_answers_total",
        "counter",
        "Answers by status since the start.",
        &answers,
    );
    gauge(
        "sluice_http_requests_in_flight",
        "gauge",
        "Requests that are being answered.",
        &plain(app.counts.in_flight.load(Ordering::Relaxed).to_string()),
    );
    gauge(
        "sluice_event_streams",
        "gauge",
        "Event streams that are open.",
        &plain(app.open_streams().to_string()),
    );
    for metric in agents::metrics(&app.factory.agent_usage().await?) {
        gauge(metric.name, metric.kind, metric.help, &metric.values);
    }
    for metric in webhooks::metrics(&app.factory.webhook_usage().await?) {
        gauge(metric.name, metric.kind, metric.help, &metric.values);
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((kind, text))
}
