//! What is counted of checks, for `/metrics`.

use std::sync::LazyLock;

use prometheus::{
    Histogram, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, register_histogram,
    register_histogram_vec, register_int_counter_vec, register_int_gauge, register_int_gauge_vec,
};

use crate::{CheckReport, Kind, Verdict};

/// A name is registered once in a process.
const ONCE: &str = "a metric is registered once";
/// What is remembered: answers of checks with their logs, layers of dependencies.
pub(crate) const RESULTS: &str = "results";
/// The layers.
pub(crate) const LAYERS: &str = "layers";

static CHECKS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_checks_total",
        "Answers of checks by kind, verdict, engine, and whether they are an earlier run's.",
        &["check", "verdict", "engine", "cached"]
    )
    .expect(ONCE)
});

static CHECK_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "sluice_check_seconds",
        "Seconds that checks ran, by kind and verdict; without those that are an earlier run's.",
        &["check", "verdict"],
        vec![0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0]
    )
    .expect(ONCE)
});

/// How long checks wait for their turn.
pub(crate) static WAIT_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    register_histogram!(
        "sluice_check_wait_seconds",
        "Seconds that checks waited for their turn.",
        vec![0.01, 0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0]
    )
    .expect(ONCE)
});

/// Checks that wait for their turn.
pub(crate) static WAITING: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!("sluice_checks_waiting", "Checks that wait for their turn.").expect(ONCE)
});

/// Checks that run.
pub(crate) static RUNNING: LazyLock<IntGauge> =
    LazyLock::new(|| register_int_gauge!("sluice_checks_running", "Checks that run.").expect(ONCE));

static LOOKUPS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_cache_lookups_total",
        "Answers of checks (results) and installations (layers) that were looked for, by whether they were found.",
        &["what", "found"]
    )
    .expect(ONCE)
});

static EVICTIONS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_cache_evictions_total",
        "Files of results, and layers, that were removed to make room.",
        &["what"]
    )
    .expect(ONCE)
});

static BYTES: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "sluice_cache_bytes",
        "Bytes that results and layers took when room was last looked for.",
        &["what"]
    )
    .expect(ONCE)
});

/// Adds one while it lives.
pub(crate) struct During(&'static IntGauge);

impl During {
    pub(crate) fn new(gauge: &'static IntGauge) -> During {
        gauge.inc();
        During(gauge)
    }
}

impl Drop for During {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts the answers of a run.
pub(crate) fn ran(report: &CheckReport) {
    for check in &report.checks {
        let kind = kind(&check.name);
        let verdict = word(check.verdict);
        let cached = if check.cached { "true" } else { "false" };
        CHECKS
            .with_label_values(&[kind, verdict, &report.engine, cached])
            .inc();
        if !check.cached && check.end != "skipped" {
            CHECK_SECONDS
                .with_label_values(&[kind, verdict])
                .observe(check.wall_ms as f64 / 1e3);
        }
    }
}

/// Counts something that was looked for.
pub(crate) fn looked(what: &str, is_found: bool) {
    let found = if is_found { "true" } else { "false" };
    LOOKUPS.with_label_values(&[what, found]).inc();
}

/// Counts something that was removed to make room.
pub(crate) fn evicted(what: &str) {
    EVICTIONS.with_label_values(&[what]).inc();
}

/// Notes how much something takes.
pub(crate) fn takes(what: &str, bytes: u64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    BYTES.with_label_values(&[what]).set(bytes);
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Unknown => "unknown",
        Verdict::Fail => "fail",
    }
}

/// The kind of a check by its name, which may name a folder; names of a project's own are one kind.
fn kind(name: &str) -> &'static str {
    let stem = name.split(':').next().unwrap_or(name);
    let known = [
        Kind::Install,
        Kind::Build,
        Kind::Test,
        Kind::Lint,
        Kind::Audit,
        Kind::Smoke,
    ];
    let found = known.into_iter().find(|kind| kind.as_str() == stem);
    found.map_or("other", Kind::as_str)
}
