//! The search for left-out code finds what a look at each line finds.

use proptest::prelude::*;

use super::{first_elision, is_elision, is_inside};
use crate::language::{Kind, kind};

/// Each line by itself.
fn line_by_line(language: &str, content: &str) -> Option<usize> {
    content.split('\n').map(str::trim).position(|line| {
        is_elision(language, line) || (kind(language) == Kind::Code && is_inside(line))
    })
}

const PIECES: [&str; 48] = [
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    " ",
    "    ",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{a0}",
    "\u{2028}",
    "\0",
    "//",
    "// ",
    "/*",
    "*/",
    "{/*",
    "*/}",
    "<!--",
    "-->",
    "# ",
    "-- ",
    "; ",
    "% ",
    "{- ",
    "-}",
    "(*",
    "'",
    "REM ",
    "rem ",
    "::",
    "\"...",
    "...",
    "…",
    ". .",
    "*",
    "unchanged",
    "existing code",
    " ... existing code",
    "rest of the code",
    "the rest of the page stays the same",
    "goes here",
    "x",
    "let a = f(b);",
    "fffffffffffffffffffffffffffffffffffffffffffffffffff",
    "é",
    "}",
];

fn content() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES.to_vec());
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(20_000), ..ProptestConfig::default() })]
    #[test]
    fn finds_what_a_look_at_each_line_finds(
        language in prop::sample::select(vec!["ts", "json", "py", "vb", "bat", "text", "sh", ""]),
        content in content(),
    ) {
        prop_assert_eq!(first_elision(language, &content), line_by_line(language, &content));
    }
}

#[test]
fn finds_it_wherever_the_line_stands() {
    // Around the borders of the blocks of 64 bytes.
    for before in 0..200 {
        for indent in 0..70 {
            let content = format!("{}\n{}// ...\n", "a".repeat(before), " ".repeat(indent));
            assert_eq!(first_elision("ts", &content), Some(1), "{before}, {indent}");
            let content = format!(
                "{}\n{}f(a); // ...\n",
                "a".repeat(before),
                " ".repeat(indent)
            );
            assert_eq!(first_elision("ts", &content), None, "{before}, {indent}");
        }
    }
}
