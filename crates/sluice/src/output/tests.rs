//! What others wrote cannot act on a terminal, and tables line up.

use super::{one_line, table, visible};

#[test]
fn escapes_and_reordering_marks_are_shown_not_done() {
    assert_eq!(
        visible("a\u{1b}[2Jb\u{202e}c\n"),
        "a\\u{1b}[2Jb\\u{202e}c\n"
    );
    assert_eq!(one_line("a\nb\tc\n"), "a b c");
}

#[test]
fn columns_are_as_wide_as_their_widest_entry() {
    let rows = [
        vec!["a".into(), "bb".into()],
        vec!["ccc".into(), "d".into()],
    ];
    assert_eq!(table(&rows), "a    bb\nccc  d\n");
}
