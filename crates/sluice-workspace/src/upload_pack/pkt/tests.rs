//! Lines are read back as they were written; anything else is refused without a panic.

use super::{Line, MOST, data, delimiter, flush, lines, text};

#[test]
fn what_was_written_is_read() {
    let mut out = Vec::new();
    text(&mut out, "want x\n");
    flush(&mut out);
    delimiter(&mut out);
    data(&mut out, b"");
    assert_eq!(
        lines(&out).unwrap(),
        [
            Line::Data(b"want x\n"),
            Line::Flush,
            Line::Delimiter,
            Line::Data(b"")
        ]
    );
}

#[test]
fn a_long_line_is_cut_to_what_git_reads() {
    let mut out = Vec::new();
    data(&mut out, &vec![b'x'; MOST + 10]);
    assert_eq!(out.len(), MOST + 4);
    assert!(out.starts_with(b"fff0"));
}

#[test]
fn broken_lines_are_refused() {
    for body in [
        &b"00"[..],
        b"zzzz",
        b"+004",
        b"0002",
        b"0003",
        b"0009abc",
        b"ffff",
    ] {
        lines(body).unwrap_err();
    }
}
