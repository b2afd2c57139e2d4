//! Texts that make careless parsers slow: time must grow with length only.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::{Reply, parse};

/// Processor time of this thread: what else the machine does hardly counts.
fn spent(text: &str) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let start = now();
    parse(text);
    now() - start
}

/// Asserts that a text of four times the length takes about four times as long. Were it sixteen times, time
/// would grow with the square.
fn is_linear(name: &str, text: impl Fn(usize) -> String, size: usize) {
    let (short, long) = (text(size), text(4 * size));
    assert!(long.len() > 3 * short.len(), "{name} does not grow");
    let (mut least, mut most) = (Duration::MAX, Duration::MAX);
    for _ in 0..6 {
        least = least.min(spent(&short));
        most = most.min(spent(&long));
        if most < 9 * least.max(Duration::from_millis(1)) {
            return;
        }
    }
    panic!(
        "{name}: {} bytes took {least:?}, {} took {most:?}",
        short.len(),
        long.len()
    );
}

/// What opens, continues or ends something for somebody who reads replies.
const OPENERS: &[&str] = &[
    "`",
    "~",
    "```\n",
    "~~~\n",
    "```x:",
    "```ts:src/a.ts\n",
    "```md:a.md\n",
    "~~~md:a.md\n",
    "```md:a.md\n```js\n",
    "```ts:a.ts\nx\n```\n",
    "````md:a.md\n```js\n",
    "> ",
    ">",
    "> ```md:a.md\n",
    "- ",
    "* ",
    "1. ",
    "- ```md:a.md\n",
    "- a.ts\n",
    "> - ",
    "<div>",
    "<div>\n",
    "<a b=\"",
    "<!--",
    "<![CDATA[",
    "<?",
    "<pre>\n",
    "</pre>",
    "<think>",
    "<think>\n",
    "<think>\n</think>\n",
    "</think>\n",
    "[",
    "[a](",
    "![",
    "(",
    "{",
    "|",
    "| a ",
    "| a |\n",
    "# ",
    "#",
    "### `a.ts`\n",
    "    ",
    "    x\n",
    "\t",
    " ",
    "*",
    "**",
    "_",
    "**a.ts**\n",
    "`a.ts` ",
    "a.ts: ",
    "---\n",
    "===\n",
    "\r",
    "\r\n",
    "\n",
    "\u{feff}",
    "a/",
    "../",
    ":",
    "=",
    "a=",
    "a:b,",
    "a (a) ",
    "\"",
    "'",
    "// File: ",
    "/*",
    "/* ... ",
    "/* ... */ ",
    " ... existing code",
    "// ... existing code\n",
    "<<<<<<< SEARCH\n",
    "=======\n",
    ">>>>>>> REPLACE\n",
    "--- a\n",
    "+++ b\n",
    "@@ -1 +1 @@\n",
    "diff --git a/a b/a\n",
    "*** Begin Patch\n",
    "*** Update File: a\n",
    "File: ",
    "Create ",
    "{\"a\":",
    "import a from './a'\n",
    "from a import b\n",
    "é",
    "e\u{301}",
    "…",
    "delete:",
    "title=",
    "{file=\"a\"} ",
];

/// Asserts it for 40 KB and 160 KB of each opener, put into a text by `place`.
fn all_are_linear(place: impl Fn(&str) -> String) {
    for opener in OPENERS {
        let text = |size: usize| place(&opener.repeat(size / opener.len()));
        is_linear(&format!("{:?}", place(opener)), text, 40_000);
    }
}

#[test]
fn repeated_openers_cost_what_their_length_costs() {
    all_are_linear(str::to_owned);
}

#[test]
fn repeated_openers_in_a_file_cost_what_their_length_costs() {
    all_are_linear(|openers| format!("````ts:a.ts\n{openers}\n````\n"));
}

#[test]
fn repeated_openers_in_a_block_without_a_path_cost_what_their_length_costs() {
    all_are_linear(|openers| format!("~~~~\n{openers}\n~~~~\n"));
}

#[test]
fn repeated_openers_in_an_edit_cost_what_their_length_costs() {
    all_are_linear(|openers| format!("````diff\n--- a\n+++ b\n@@ -1 +1 @@\n{openers}\n````\n"));
}

#[test]
fn repeated_openers_in_an_info_string_cost_what_their_length_costs() {
    all_are_linear(|openers| format!("~~~ts {}\nx\n~~~\n", openers.replace('\n', " ")));
}

#[test]
fn repeated_openers_in_a_path_cost_what_their_length_costs() {
    all_are_linear(|openers| format!("~~~ts:{}\nx\n~~~\n", openers.replace('\n', " ")));
}

#[test]
fn repeated_openers_in_a_label_cost_what_their_length_costs() {
    all_are_linear(|openers| format!("File: {}\n```ts\nx\n```\n", openers.replace('\n', " ")));
}

#[test]
fn repeated_openers_in_a_first_line_cost_what_their_length_costs() {
    all_are_linear(|openers| format!("```ts\n// {}\n```\n", openers.replace('\n', " ")));
}

#[test]
fn time_grows_with_length_only() {
    let lines = |line: &'static str| move |size: usize| line.repeat(size / line.len());
    let deep = "> ".repeat(10_000);
    let quoted = |size: usize| format!("{deep}```ts:a.ts\n{deep}x\n").repeat(size / 40_000);
    is_linear("10,000 nested quotes", quoted, 200_000);
    let items = |size: usize| format!("{}\n{}", "- ".repeat(size / 40), "\n".repeat(size));
    is_linear("nested items", items, 100_000);
    let longer = |size: usize| -> String {
        let lines = (3..).map(|n| format!("{}md:a.md\n", "`".repeat(n)));
        lines.take((2 * size).isqrt()).collect()
    };
    is_linear("longer and longer fences", longer, 100_000);
    let shorter = |size: usize| -> String {
        let lines = (3..(2 * size).isqrt()).rev();
        lines
            .map(|n| format!("{}md:a.md\n", "`".repeat(n)))
            .collect()
    };
    is_linear("shorter and shorter fences", shorter, 100_000);
    let swallowed = |size: usize| format!("<div>\n{}", lines("```ts:a.ts\n")(size));
    is_linear("swallowed fences", swallowed, 100_000);
    let wrapped = |size: usize| format!("````md\n{}````\n", lines("```ts:a.ts\nx\n```\n")(size));
    is_linear("a wrapper", wrapped, 50_000);
    let imports = |size: usize| {
        let (imports, body) = (lines("from a import b\n")(size), lines("x = 1\n")(size));
        format!("```py\n{imports}def test_x(): pass\n```\n```py\n{body}```\n")
    };
    is_linear("imports", imports, 30_000);
}

/// So many files, each with one of the paths.
fn files(count: usize, path: impl Fn(usize) -> String) -> String {
    (0..count)
        .map(|n| format!("```ts:{}\n{n}\n```\n", path(n)))
        .collect()
}

fn warned(reply: &Reply, code: crate::Code) -> usize {
    let with = |warning: &&crate::Warning| warning.code == code;
    reply.warnings.iter().filter(with).count()
}

#[test]
fn many_files_of_one_name_cost_what_their_length_costs() {
    let same = |count: usize| files(count, |_| "src/a.ts".to_owned());
    is_linear("the same path", same, 2_500);
    let reply = parse(&same(10_000));
    assert_eq!(reply.files.len(), 1);
    assert_eq!(reply.files[0].content, "9999\n");
    assert_eq!(warned(&reply, crate::Code::DuplicatePath), 9_999);

    // Each spells the same letters in its own way.
    let cased = |n: usize| -> String {
        let letters = "abcdefghijklmn".bytes().enumerate();
        let letter = |(at, b): (usize, u8)| char::from(b - 32 * u8::from(n >> at & 1 == 1));
        letters.map(letter).collect::<String>() + ".ts"
    };
    is_linear("colliding paths", |count| files(count, cased), 2_500);
    let reply = parse(&files(10_000, cased));
    assert_eq!(reply.files.len(), 10_000);
    assert_eq!(warned(&reply, crate::Code::CaseCollision), 9_999);

    let deep = |n: usize| format!("{}{n}", "a/".repeat(60));
    is_linear("deep paths", |count| files(count, deep), 500);
    let below = |n: usize| {
        if n == 0 {
            "a".to_owned()
        } else {
            format!("a/{n}")
        }
    };
    is_linear(
        "a file and folders of its name",
        |count| files(count, below),
        2_500,
    );
    assert_eq!(
        warned(&parse(&files(2_500, below)), crate::Code::PathConflict),
        2_499
    );
}

#[test]
fn a_million_fences_are_read() {
    let reply = parse(&"```\n".repeat(1_000_000));
    assert_eq!(reply.blocks, 500_000);
}

#[test]
fn a_line_of_fifty_megabytes_is_read() {
    let line = "x".repeat(50_000_000);
    assert!(parse(&line).files.is_empty());
    let reply = parse(&format!("```txt:a.txt\n{line}\n```\n"));
    assert_eq!(reply.files[0].content.len(), line.len() + 1);
}

#[test]
fn ten_megabytes_are_read() {
    let body = "export const x = 1; // and so on\n".repeat(150);
    let text: String = (0..2000)
        .map(|n| format!("Some words.\n\n```ts:src/f{n}.ts\n{body}```\n\n"))
        .collect();
    assert!(text.len() > 9_900_000);
    let reply = parse(&text);
    assert_eq!(reply.files.len(), 2000);
    assert!(reply.files.iter().all(|file| file.content == body));
}
