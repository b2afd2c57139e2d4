//! The schedule.

use super::*;

#[test]
fn ten_tries_over_three_days_and_then_no_more() {
    let waits: Vec<Duration> = (1..)
        .map_while(|tries| wait_after("a message", tries, None))
        .collect();
    assert_eq!(waits.len() as u32 + 1, MOST_TRIES);
    for (wait, least) in waits.iter().zip(WAITS) {
        assert!(*wait >= least && *wait <= least.mul_f64(1.1), "{wait:?}");
    }
    assert_eq!(wait_after("a message", 0, None), None);
}

#[test]
fn two_messages_do_not_come_back_at_the_same_moment() {
    let one = wait_after("a message", 3, None);
    assert_eq!(one, wait_after("a message", 3, None));
    assert_ne!(one, wait_after("another message", 3, None));
}

#[test]
fn a_receiver_is_given_the_time_that_it_asks_for_and_never_less_than_the_schedules() {
    let wait = |asked| wait_after("a message", 1, Some(asked)).unwrap();
    assert!(wait(Duration::from_secs(120)) >= Duration::from_secs(120));
    assert!(wait(Duration::from_secs(0)) >= Duration::from_secs(5));
    assert!(wait(Duration::from_secs(u64::MAX)) <= LONGEST.mul_f64(1.1));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    let asks = |value| retry_after(value, now);
    assert_eq!(asks(" 90 "), Some(Duration::from_secs(90)));
    assert_eq!(
        asks("Sun, 06 Nov 1994 08:50:37 GMT"),
        Some(Duration::from_secs(60))
    );
    assert_eq!(asks("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    for nothing in ["", "soon", "-1", "99999999999999999999999"] {
        assert_eq!(asks(nothing), None, "{nothing}");
    }
}
