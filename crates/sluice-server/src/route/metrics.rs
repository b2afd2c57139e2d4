//! Metrics in Prometheus' text format: how things stand, and what was counted since the start.

mod agents;
mod process;
mod standing;
mod webhooks;

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderName, header};
use prometheus::TextEncoder;

use crate::problem::{ApiError, Kind};
use crate::state::App;

/// One metric with its values by labels.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// The labels in braces, or nothing; then the value.
    values: Vec<(String, String)>,
}

impl Metric {
    /// A metric without labels.
    fn plain(
        name: &'static str,
        kind: &'static str,
        help: &'static str,
        value: impl ToString,
    ) -> Metric {
        Metric {
            name,
            kind,
            help,
            values: vec![(String::new(), value.to_string())],
        }
    }
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4")))]
pub(crate) async fn metrics(
    State(app): State<App>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let mut all = standing::metrics(&app).await?;
    all.extend(agents::metrics(&app.factory.agent_usage().await?));
    all.extend(webhooks::metrics(&app.factory.webhook_usage().await?));
    all.extend(process::metrics());
    let mut text = String::new();
    for Metric {
        name,
        kind,
        help,
        values,
    } in &all
    {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    let counted = TextEncoder::new().encode_utf8(&prometheus::gather(), &mut text);
    counted.map_err(|error| {
        ApiError::new(Kind::Internal, "the metrics cannot be written").caused_by(error)
    })?;
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((kind, text))
}
