//! What servers ask for.

use std::time::{Duration, SystemTime};

use super::{Retry, retry_after};

#[test]
fn seconds_and_dates_are_understood() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 10);
    let after = |value| retry_after(value, now);
    assert_eq!(after("7"), Some(Duration::from_secs(7)));
    assert_eq!(after(" 0.25 "), Some(Duration::from_millis(250)));
    assert_eq!(
        after("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some(Duration::from_secs(10))
    );
    assert_eq!(
        after("Sun, 06 Nov 1994 08:49:00 GMT"),
        Some(Duration::ZERO),
        "the past is now"
    );
    for nonsense in ["", "soon", "-3", "NaN", "inf", "1e300"] {
        assert_eq!(after(nonsense), None, "{nonsense}");
    }
}

#[test]
fn waits_double_up_to_the_longest() {
    let retry = Retry {
        most: 9,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(10),
    };
    let waits: Vec<u64> = (1..=6).map(|n| retry.after(n).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    assert_eq!(retry.after(u32::MAX), Duration::from_secs(10));
}
