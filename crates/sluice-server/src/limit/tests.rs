//! Buckets: so many at once, so many a second, so many of them.

use std::time::Duration;

use super::{Buckets, MOST};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_bucket_empties_and_fills_again() {
    let buckets = Buckets::new(10, 3);
    for _ in 0..3 {
        buckets.take_at("ada", SECOND).unwrap();
    }
    let wait = buckets.take_at("ada", SECOND).unwrap_err();
    assert_eq!(wait, SECOND / 10);
    // A refused request costs nothing, and another's bucket is another.
    assert_eq!(buckets.take_at("ada", SECOND).unwrap_err(), wait);
    buckets.take_at("bea", SECOND).unwrap();
    buckets.take_at("ada", SECOND + wait).unwrap();
    buckets.take_at("ada", SECOND + wait).unwrap_err();
    for _ in 0..3 {
        buckets.take_at("ada", SECOND * 60).unwrap();
    }
    buckets.take_at("ada", SECOND * 60).unwrap_err();
}

#[test]
fn there_are_so_many_buckets_and_no_more() {
    let buckets = Buckets::new(1, 2);
    for n in 0..MOST {
        buckets.take_at(n, SECOND).unwrap();
    }
    // The others share one.
    buckets.take_at(MOST, SECOND).unwrap();
    buckets.take_at(MOST + 1, SECOND).unwrap();
    buckets.take_at(MOST + 2, SECOND).unwrap_err();
    // Who has a bucket keeps it.
    buckets.take_at(0, SECOND).unwrap();
    buckets.take_at(0, SECOND).unwrap_err();
    assert_eq!(buckets.inner.lock().unwrap().full_at.len(), MOST + 1);
    // Full ones are given up.
    buckets.take_at(MOST + 3, SECOND * 10).unwrap();
    assert_eq!(buckets.inner.lock().unwrap().full_at.len(), 1);
}
