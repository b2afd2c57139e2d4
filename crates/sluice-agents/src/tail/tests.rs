//! The end of a long output.

use super::{LIMIT, Tail};

#[test]
fn the_end_is_kept_and_safe_to_show() {
    let mut tail = Tail::default();
    assert_eq!(tail.text(), "nothing");
    tail.push(&[b'a'; 3 * LIMIT]);
    tail.push(b"\x1b[31mred\r\nend\n");
    let text = tail.text();
    assert!(text.ends_with("a\u{FFFD}[31mred\u{FFFD}\nend"), "{text}");
    assert!(tail.0.len() == LIMIT);
}
