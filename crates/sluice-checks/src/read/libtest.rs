//! The text that Rust's test programs print.

use std::sync::LazyLock;

use regex::Regex;

use super::TestReport;
use crate::finding::{Draft, MOST_FINDINGS, Paths, strip_ansi};
use crate::{Finding, Tests};

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

static RESULT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^test result: (?:ok|FAILED)\. ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored;")
});
static SECTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^---- (.+) (?:stdout|stderr) ----$"));
static PANIC: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"panicked at (?:'.*', )?([^\s:']+\.rs):([0-9]+):([0-9]+)"));
/// `src/lib.rs - add (line 3)`, the name of an example in a comment.
static EXAMPLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(.+\.(?:rs|md)) - (?:.*)\(line ([0-9]+)\)"));

/// Adds up the results of all test programs.
pub(crate) fn libtest(stdout: &[u8], paths: &Paths) -> TestReport {
    let text = strip_ansi(&String::from_utf8_lossy(stdout));
    let mut tests = Tests::default();
    let mut failures: Vec<Finding> = Vec::new();
    let mut section: Option<(String, Vec<&str>)> = None;
    for line in text
        .lines()
        .filter(|line| !line.starts_with("{\"reason\":"))
    {
        if let Some(found) = RESULT.captures(line) {
            let number = |at: usize| found[at].parse::<u32>().unwrap_or(u32::MAX);
            tests.passed = tests.passed.saturating_add(number(1));
            tests.failed = tests.failed.saturating_add(number(2));
            tests.skipped = tests.skipped.saturating_add(number(3));
        }
        let opens = SECTION.captures(line);
        if opens.is_some() || line == "failures:" {
            failures.extend(
                section
                    .take()
                    .map(|(name, lines)| failure(&name, &lines, paths)),
            );
            section = opens.map(|found| (found[1].to_owned(), Vec::new()));
        } else if let Some((_, lines)) = &mut section {
            lines.push(line);
        }
    }
    failures.extend(section.map(|(name, lines)| failure(&name, &lines, paths)));
    failures.truncate(MOST_FINDINGS);
    TestReport { tests, failures }
}

fn failure(name: &str, lines: &[&str], paths: &Paths) -> Finding {
    let said: Vec<&str> = lines
        .iter()
        .take_while(|line| {
            !line.starts_with("stack backtrace:") && !line.starts_with("note: run with")
        })
        .copied()
        .collect();
    let text = said.join("\n");
    let at = |found: regex::Captures<'_>| {
        let number = |at: usize| {
            found
                .get(at)
                .and_then(|digits| digits.as_str().parse().ok())
        };
        let path = paths.resolve(&found[1])?;
        Some((path, number(2).unwrap_or(0), number(3).unwrap_or(0)))
    };
    let place = EXAMPLE.captures(name).and_then(at);
    let place = place.or_else(|| PANIC.captures_iter(&text).find_map(at));
    let (path, line, column) = place.map_or((None, 0, 0), |(path, line, column)| {
        (Some(path), line, column)
    });
    let message: Vec<&str> = said
        .iter()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("thread '"))
        .take(40)
        .copied()
        .collect();
    let message = match message.is_empty() {
        true => format!("{name}: failed"),
        false => format!("{name}: {}", message.join("\n")),
    };
    Draft::error("cargo-test", name, message)
        .at(path, line, column)
        .done()
}
