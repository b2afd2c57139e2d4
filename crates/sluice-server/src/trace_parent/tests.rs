//! The standard's own examples, and what is not one.

use super::TraceParent;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_trace_is_read_as_the_standard_has_it() {
    let parse = |text: &str| TraceParent::parse(text);
    let found = parse(&format!("00-{TRACE}-00f067aa0ba902b7-01")).unwrap();
    assert_eq!(found.trace_id(), TRACE);
    assert_eq!(
        (found.span, found.is_sampled),
        (0x00f0_67aa_0ba9_02b7, true)
    );
    let unsampled = parse(&format!("00-{TRACE}-00f067aa0ba902b7-00")).unwrap();
    assert!(!unsampled.is_sampled);
    // A later version, with more behind.
    assert!(parse(&format!("cc-{TRACE}-00f067aa0ba902b7-01-more")).is_some());
    for bad in [
        "".to_owned(),
        "00".to_owned(),
        format!("00-{TRACE}-00f067aa0ba902b7"),
        format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
        format!("ff-{TRACE}-00f067aa0ba902b7-01"),
        format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
        format!("00-{TRACE}0-00f067aa0ba902b7-01"),
        format!("00-{TRACE}-00f067aa0ba902b7-1"),
        format!("00-{TRACE}-00f067aa0ba902b7-+1"),
        format!("00-+{}-00f067aa0ba902b7-01", &TRACE[1..]),
    ] {
        assert_eq!(parse(&bad), None, "{bad}");
    }
}
