//! What is counted of the server, for `/metrics`.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, register_histogram_vec, register_int_counter_vec};

/// A name is registered once in a process.
const ONCE: &str = "a metric is registered once";

static REQUEST_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "sluice_http_request_seconds",
        "Seconds until an answer began, by method, route as it stands in the document, and class of status.",
        &["method", "route", "status"],
        vec![0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0]
    )
    .expect(ONCE)
});

static LIMITED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_rate_limited_total",
        "Requests that were too many: of a `token`, of an `address` without a valid one, `streams` of a token.",
        &["of"]
    )
    .expect(ONCE)
});

static STREAMS_CLOSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_event_streams_closed_total",
        "Event streams that the daemon ended, by reason: `slow`, `renew`, `shutdown`.",
        &["reason"]
    )
    .expect(ONCE)
});

static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_credentials_refused_total",
        "Credentials that were not good: a `token` of ours, or a token of the `issuer`.",
        &["kind"]
    )
    .expect(ONCE)
});

/// A request is answered. `route` is a pattern of the router's, so there are only so many.
pub(crate) fn answered(method: &str, route: &str, status: u16, took: Duration) {
    // Others than these come from outside, and could be anything.
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = known.into_iter().find(|known| *known == method);
    let status = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status / 100).min(5)];
    REQUEST_SECONDS
        .with_label_values(&[method.unwrap_or("other"), route, status])
        .observe(took.as_secs_f64());
}

/// A request was one too many.
pub(crate) fn limited(of: &str) {
    LIMITED.with_label_values(&[of]).inc();
}

/// A stream was ended by us.
pub(crate) fn stream_closed(reason: &str) {
    STREAMS_CLOSED.with_label_values(&[reason]).inc();
}

/// A credential was not good.
pub(crate) fn refused(kind: &str) {
    REFUSED.with_label_values(&[kind]).inc();
}
