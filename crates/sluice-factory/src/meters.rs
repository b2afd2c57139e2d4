//! What is counted of the loop, for `/metrics`.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{
    Histogram, HistogramVec, IntCounterVec, register_histogram, register_histogram_vec,
    register_int_counter_vec,
};
use sluice_gates::{Effect, Run};

/// A name is registered once in a process.
const ONCE: &str = "a metric is registered once";

static STEPS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_steps_total",
        "Steps of runs by what was done and what came of it; deferred ones met a fault of the machinery.",
        &["effect", "outcome"]
    )
    .expect(ONCE)
});

static STEP_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "sluice_step_seconds",
        "Seconds that steps of runs took, by what was done.",
        &["effect"],
        vec![0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0]
    )
    .expect(ONCE)
});

static STEP_WAIT_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    register_histogram!(
        "sluice_step_wait_seconds",
        "Seconds that steps of runs were due before they were begun.",
        vec![0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0]
    )
    .expect(ONCE)
});

static MOVES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "sluice_run_moves_total",
        "Runs that came into a state, by gate: `healing` counts heals, `escalated` questions to people.",
        &["gate", "state"]
    )
    .expect(ONCE)
});

static CALL_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "sluice_agent_call_duration_seconds",
        "Seconds that calls of agents took, by agent as it is configured and by how they ended.",
        &["agent", "outcome"],
        vec![0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0, 1800.0]
    )
    .expect(ONCE)
});

/// What is done at a step.
pub(crate) fn word(effect: Option<&Effect>) -> &'static str {
    match effect {
        Some(Effect::Ask { .. }) => "ask",
        Some(Effect::Check { .. }) => "check",
        Some(Effect::Seal { .. }) => "seal",
        None => "none",
    }
}

/// A step is begun that was due for a while.
pub(crate) fn begun(waited: Duration) {
    STEP_WAIT_SECONDS.observe(waited.as_secs_f64());
}

/// A step has ended.
pub(crate) fn ended(effect: &str, outcome: &str, took: Duration) {
    STEPS.with_label_values(&[effect, outcome]).inc();
    STEP_SECONDS
        .with_label_values(&[effect])
        .observe(took.as_secs_f64());
}

/// A run came into a state.
pub(crate) fn moved(next: &Run) {
    MOVES
        .with_label_values(&[next.gate().as_str(), next.state()])
        .inc();
}

/// A call of an agent has ended.
pub(crate) fn called(agent: &str, outcome: &str, millis: u64) {
    CALL_SECONDS
        .with_label_values(&[agent, outcome])
        .observe(millis as f64 / 1e3);
}
