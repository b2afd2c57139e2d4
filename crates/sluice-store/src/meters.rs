//! What is counted of the database, for `/metrics`.

use std::sync::LazyLock;

use prometheus::{Histogram, IntCounter, register_histogram, register_int_counter};

/// A name is registered once in a process.
const ONCE: &str = "a metric is registered once";

/// How long a change takes, from asking for its turn until it is durable.
pub(crate) static CHANGE_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    let buckets = vec![
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
    ];
    register_histogram!(
        "sluice_database_change_seconds",
        "Seconds that a change of the database takes, from asking for its turn until it is durable.",
        buckets
    )
    .expect(ONCE)
});

/// Changes that failed when they should have become durable.
pub(crate) static FAILED_CHANGES: LazyLock<IntCounter> = LazyLock::new(|| {
    register_int_counter!(
        "sluice_database_failed_changes_total",
        "Changes of the database that failed when they should have become durable."
    )
    .expect(ONCE)
});

/// How many changes share a sync of the disk.
pub(crate) static GROUP_CHANGES: LazyLock<Histogram> = LazyLock::new(|| {
    register_histogram!(
        "sluice_database_group_changes",
        "Changes that shared one sync of the disk (SQLite).",
        vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]
    )
    .expect(ONCE)
});
