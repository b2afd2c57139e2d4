//! Lines come out the same however they were printed, and steer no terminal.

use proptest::prelude::*;
use sluice_sandbox::Stream;

use super::{LONGEST, Line, Lines, shown};

fn cut<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    let mut all = Vec::new();
    for part in parts {
        all.extend(lines.push(Stream::Out, part));
    }
    all.extend(lines.finish());
    all.into_iter().map(|line| line.bytes).collect()
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_how_they_were_printed(
        text in "[a\n]{0,200}",
        cuts in prop::collection::vec(0_usize..200, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|at| *at < text.len()).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
        let expected: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        prop_assert_eq!(cut(parts), expected);
    }

    #[test]
    fn nothing_shown_steers_a_terminal(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!shown(&bytes).contains(|c: char| c.is_control() && c != '\t'));
    }
}

#[test]
fn a_long_line_comes_in_pieces() {
    let long = vec![b'x'; 2 * LONGEST + 5];
    let pieces = cut([long.as_slice(), b"\nend"]);
    let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
    assert_eq!(lengths, [LONGEST, LONGEST, 5, 3]);
}

#[test]
fn the_two_streams_do_not_mix() {
    let mut lines = Lines::default();
    assert!(lines.push(Stream::Out, b"half a ").is_empty());
    let error = Line {
        stream: Stream::Err,
        bytes: b"fault".to_vec(),
    };
    assert_eq!(lines.push(Stream::Err, b"fault\n"), [error]);
    assert_eq!(lines.push(Stream::Out, b"line\n")[0].bytes, b"half a line");
}

#[test]
fn what_steers_a_terminal_is_not_shown() {
    assert_eq!(shown(b"\x1b[31mred\x1b[0m\ttab\r"), "red\ttab");
    assert_eq!(shown(b"10 %\r50 %\r100 %"), "100 %");
    assert_eq!(shown(b"a\x07b\x1b]0;title\x07c"), "a\u{fffd}bc");
    assert_eq!(shown(b"caf\xe9"), "caf\u{fffd}");
    assert_eq!(shown("if \u{202e}x".as_bytes()), "if \u{fffd}x");
}
