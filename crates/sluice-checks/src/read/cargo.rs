//! cargo's messages in JSON, and the text of `cargo fmt --check` between them.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::finding::{Draft, MOST_FINDINGS, Paths, strip_ansi};
use crate::{Finding, Level};

/// The most notes and hints that a message keeps.
const MOST_HINTS: usize = 6;

/// `Diff in /workspace/src/lib.rs:3:`, in older versions with `at line 3:`.
static UNFORMATTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Diff in (.+?\.rs)(?::([0-9]+):?| at line ([0-9]+):)$")
        .expect("a constant pattern")
});

#[derive(Deserialize)]
struct Line {
    reason: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    #[serde(default)]
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    column_start: u32,
    is_primary: bool,
}

/// What the compiler, clippy and rustfmt said, each fault once.
pub(crate) fn cargo(stdout: &[u8], paths: &Paths) -> Vec<Finding> {
    let text = String::from_utf8_lossy(stdout);
    let mut findings: Vec<Finding> = Vec::new();
    for line in text.lines() {
        let draft = match line.starts_with('{') {
            true => message(line, paths),
            false => unformatted(&strip_ansi(line), paths),
        };
        let Some(finding) = draft.map(Draft::done) else {
            continue;
        };
        // A library and its tests are compiled both; a file that is not formatted is one fault.
        let is_known = findings.iter().any(|known| {
            *known == finding
                || (finding.rule == "format" && known.fingerprint == finding.fingerprint)
        });
        if !is_known && findings.len() < MOST_FINDINGS {
            findings.push(finding);
        }
    }
    findings
}

fn message(line: &str, paths: &Paths) -> Option<Draft> {
    let line: Line = serde_json::from_str(line).ok()?;
    let message = line.message.filter(|_| line.reason == "compiler-message")?;
    let level = match message.level.as_str() {
        "warning" => Level::Warning,
        level if level.starts_with("error") => Level::Error,
        _ => return None,
    };
    // Without a place and a code these are sums: "aborting due to 2 previous errors".
    let is_sum =
        message.message.starts_with("aborting due to") || message.message.ends_with(" emitted");
    if message.spans.is_empty() && message.code.is_none() && is_sum {
        return None;
    }
    let code = message.code.map_or(String::new(), |code| code.code);
    let tool = if code.starts_with("clippy::") {
        "clippy"
    } else {
        "rustc"
    };
    let span = message
        .spans
        .iter()
        .find(|span| span.is_primary)
        .or(message.spans.first());
    let (path, row, column) = span.map_or((None, 0, 0), |span| {
        (
            paths.resolve(&span.file_name),
            span.line_start,
            span.column_start,
        )
    });
    let mut text = message.message;
    let hints = message.children.iter().filter(|child| {
        !child.message.contains("implied by") && !child.message.contains("to override `-D")
    });
    for hint in hints.take(MOST_HINTS) {
        text.push_str(&format!("\n{}: {}", hint.level, hint.message));
    }
    Some(
        Draft::error(tool, &code, text)
            .level(level)
            .at(path, row, column),
    )
}

fn unformatted(line: &str, paths: &Paths) -> Option<Draft> {
    let found = UNFORMATTED.captures(line)?;
    let row = found.get(2).or(found.get(3));
    let row = row
        .and_then(|digits| digits.as_str().parse().ok())
        .unwrap_or(0);
    let path = paths.resolve(&found[1])?;
    let draft = Draft::error("rustfmt", "format", "it is not formatted; run `cargo fmt`");
    Some(draft.at(Some(path), row, 0))
}
