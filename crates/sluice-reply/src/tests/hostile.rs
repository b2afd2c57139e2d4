//! Texts that make careless parsers slow: time must grow with length only.

use std::time::{Duration, Instant};

use crate::parse;

/// Asserts that a text parses in the time that the contract gives any of the samples, with room for a slow
/// machine and an unoptimised build.
fn quick(name: &str, text: &str) {
    let start = Instant::now();
    parse(text);
    let spent = start.elapsed();
    let slow = if cfg!(debug_assertions) { 8 } else { 1 };
    let allowed = slow * Duration::from_millis(1000 + text.len() as u64 / 5000);
    assert!(
        spent < allowed,
        "{name}: {} bytes took {spent:?}",
        text.len()
    );
}

#[test]
fn time_grows_with_length_only() {
    let deep = "> ".repeat(10_000);
    let cases: Vec<(&str, String)> = vec![
        ("backticks", "`".repeat(100_000)),
        ("openers", "```x:".repeat(32_000)),
        ("opener lines", "```ts:src/a.ts\n".repeat(11_000)),
        ("markdown openers", "```md:a.md\n".repeat(15_000)),
        (
            "markdown openers with lists",
            "- ```md:a.md\n".repeat(15_000),
        ),
        ("markdown and closers", "```md:a.md\n```js\n".repeat(15_000)),
        (
            "longer and longer",
            (3..1000)
                .map(|n| format!("{}md:a.md\n", "`".repeat(n)))
                .collect(),
        ),
        (
            "shorter and shorter",
            (3..1000)
                .rev()
                .map(|n| format!("{}md:a.md\n", "`".repeat(n)))
                .collect(),
        ),
        ("quotes", format!("{deep}\n")),
        (
            "quoted lines",
            format!("{deep}```ts:a.ts\n{deep}x\n").repeat(20),
        ),
        (
            "items",
            format!("{}\n{}", "- ".repeat(10_000), "\n".repeat(200_000)),
        ),
        ("spaces", " ".repeat(1_000_000)),
        (
            "comment",
            format!("```ts\n/* File:{}x\n```\n", " ".repeat(1_000_000)),
        ),
        ("info", format!("```ts {}\n```\n", "a=".repeat(200_000))),
        (
            "info notes",
            format!("```ts:{}\n```\n", "a (a) ".repeat(100_000)),
        ),
        (
            "label",
            format!("{}\n```ts\n```\n", "`a.ts` ".repeat(100_000)),
        ),
        ("thinking", "<think>\n".repeat(100_000)),
        ("thoughts", "<think>\n</think>\n".repeat(50_000)),
        ("tags", "<a b=\"".repeat(100_000)),
        ("html", "<div>\n".repeat(100_000)),
        (
            "swallowed",
            format!("<div>\n{}", "```ts:a.ts\n".repeat(100_000)),
        ),
        ("listed", "- a.ts\n".repeat(100_000)),
        (
            "wrapped",
            format!("````md\n{}````\n", "```ts:a.ts\nx\n```\n".repeat(15_000)),
        ),
        (
            "object",
            format!("```ts {{{}}}\n```\n", "a:b,".repeat(200_000)),
        ),
        (
            "imports",
            format!(
                "```py\n{}def test_x(): pass\n```\n```py\n{}```\n",
                "from a import b\n".repeat(3000),
                "x = 1\n".repeat(9000)
            ),
        ),
        (
            "json",
            format!("```json\n{}\n```\n", "{\"a\":".repeat(40_000)),
        ),
        ("same path", "```ts:a.ts\nx\n```\n".repeat(15_000)),
        (
            "deep paths",
            (0..1000)
                .map(|n| format!("```ts:{}{n}\n```\n", "a/".repeat(60)))
                .collect(),
        ),
        (
            "long path",
            format!("```ts:{}\n```\n", "a/".repeat(1_000_000)),
        ),
        (
            "diff",
            format!("```diff\n{}```\n", "--- a\n".repeat(100_000)),
        ),
    ];
    for (name, text) in &cases {
        quick(name, text);
    }
}

#[test]
fn ten_megabytes_are_no_trouble() {
    let body = "export const x = 1; // and so on\n".repeat(150);
    let text: String = (0..2000)
        .map(|n| format!("Some words.\n\n```ts:src/f{n}.ts\n{body}```\n\n"))
        .collect();
    assert!(text.len() > 9_900_000);
    let reply = parse(&text);
    assert_eq!(reply.files.len(), 2000);
    assert!(reply.files.iter().all(|file| file.content == body));
    quick("ten megabytes", &text);
}
