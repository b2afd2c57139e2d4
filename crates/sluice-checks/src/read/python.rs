//! What Python's tools say: our own compiler script, ruff, mypy, flake8, pylint, and unittest's text.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::{TestReport, json};
use crate::finding::{Draft, MOST_FINDINGS, Paths, strip_ansi};
use crate::{Finding, Level, Tests};

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// `app.py:6:12: error: message  [rule]` of mypy; `app.py:1:1: F401 message` of flake8 and pylint.
static PLACED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^([^\s:][^:]*\.pyi?):([0-9]+):(?:([0-9]+):)? (?:(error|warning|note): )?(.+?)(?:  \[([a-z0-9-]+)\])?$",
    )
});
/// `Would reformat: app.py` of older versions of ruff.
static REFORMAT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^Would reformat: (.+)$"));
/// ` --> app.py:4:1`, below `unformatted: …` of ruff.
static ARROW: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*--> (.+?):([0-9]+):([0-9]+)$"));
static FRAME: LazyLock<Regex> = LazyLock::new(|| pattern(r#"File "([^"]+)", line ([0-9]+)"#));
static RAN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^Ran ([0-9]+) tests? in "));
static SUM: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:OK|FAILED)(?: \((.+)\))?$"));
static BROKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:ERROR|FAIL): (\S+)"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    files: u32,
    findings: Vec<Compiled>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compiled {
    rule: String,
    message: String,
    path: String,
    line: u32,
    column: u32,
}

/// The report of our own script: how many files it compiled, and what it found.
pub(crate) fn python_build(bytes: &[u8], paths: &Paths) -> Result<(u32, Vec<Finding>), String> {
    let build: Build = json(bytes)?;
    let findings = build.findings.into_iter().take(MOST_FINDINGS).map(|found| {
        Draft::error("python", &found.rule, found.message)
            .at(paths.resolve(&found.path), found.line, found.column)
            .done()
    });
    Ok((build.files, findings.collect()))
}

#[derive(Deserialize)]
struct Ruff {
    code: Option<String>,
    filename: String,
    message: String,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    row: u32,
    column: u32,
}

/// What linters and type checkers said, line by line.
pub(crate) fn python_lint(stdout: &[u8], paths: &Paths) -> Vec<Finding> {
    let text = strip_ansi(&String::from_utf8_lossy(stdout));
    let mut findings: Vec<Finding> = Vec::new();
    let mut before = "";
    for line in text.lines() {
        let finding = lint_line(line, before, paths).map(Draft::done);
        findings.extend(finding.filter(|finding| !findings.contains(finding)));
        if findings.len() >= MOST_FINDINGS {
            break;
        }
        before = line;
    }
    findings
}

fn lint_line(line: &str, before: &str, paths: &Paths) -> Option<Draft> {
    let number = |text: Option<regex::Match<'_>>| {
        text.and_then(|digits| digits.as_str().parse().ok())
            .unwrap_or(0)
    };
    let unformatted = |path: &str| {
        let path = paths.resolve(path);
        Draft::error("ruff", "format", "it is not formatted; run `ruff format`").at(path, 0, 0)
    };
    if line.starts_with('{') {
        let ruff: Ruff = serde_json::from_str(line).ok()?;
        let (row, column) = ruff.location.map_or((0, 0), |at| (at.row, at.column));
        let rule = ruff.code.unwrap_or_else(|| "syntax".to_owned());
        return Some(Draft::error("ruff", &rule, ruff.message).at(
            paths.resolve(&ruff.filename),
            row,
            column,
        ));
    }
    if let Some(found) = REFORMAT.captures(line) {
        return Some(unformatted(&found[1]));
    }
    if before.starts_with("unformatted:")
        && let Some(found) = ARROW.captures(line)
    {
        return Some(unformatted(&found[1]));
    }
    let found = PLACED.captures(line)?;
    let path = paths.resolve(&found[1]);
    let (row, column) = (number(found.get(2)), number(found.get(3)));
    if let Some(level) = found.get(4) {
        let level = match level.as_str() {
            "error" => Level::Error,
            "warning" => Level::Warning,
            _ => return None,
        };
        let rule = found.get(6).map_or("", |rule| rule.as_str());
        return Some(
            Draft::error("mypy", rule, &found[5])
                .level(level)
                .at(path, row, column),
        );
    }
    let (rule, message) = found[5].split_once(' ')?;
    let letters = rule.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_rule = rule.len() > letters.len()
        && (1..=4).contains(&letters.len())
        && letters.bytes().all(|byte| byte.is_ascii_uppercase());
    // pylint's rules have four digits, those of flake8 three.
    let tool = if rule.len() - letters.len() == 4 {
        "pylint"
    } else {
        "flake8"
    };
    is_rule.then(|| Draft::error(tool, rule, message).at(path, row, column))
}

/// The text that unittest prints.
pub(crate) fn unittest(output: &str, paths: &Paths) -> TestReport {
    let plain = strip_ansi(output);
    let lines: Vec<&str> = plain.lines().collect();
    let mut report = TestReport::default();
    let (mut ran, mut sums) = (0_u32, Tests::default());
    for (at, line) in lines.iter().enumerate() {
        if let Some(found) = RAN.captures(line) {
            ran = ran.saturating_add(found[1].parse().unwrap_or(0));
        } else if let (Some(found), true) = (SUM.captures(line), ran > 0) {
            let parts = found.get(1).map_or("", |parts| parts.as_str());
            for part in parts.split(", ") {
                let (name, value) = part.split_once('=').unwrap_or((part, "0"));
                let value: u32 = value.parse().unwrap_or(0);
                match name {
                    "failures" | "errors" | "unexpected successes" => sums.failed += value,
                    "skipped" => sums.skipped += value,
                    _ => {}
                }
            }
        } else if let (Some(found), true) = (
            BROKEN.captures(line),
            at > 0 && lines[at - 1].starts_with("====="),
        ) {
            let end = lines[at + 1..]
                .iter()
                .position(|line| line.starts_with("====="))
                .map_or(lines.len(), |offset| at + 1 + offset);
            let body = &lines[at + 1..end];
            report
                .failures
                .push(unittest_failure(&found[1], body, paths));
        }
    }
    report.failures.truncate(MOST_FINDINGS);
    sums.passed = ran.saturating_sub(sums.failed).saturating_sub(sums.skipped);
    report.tests = sums;
    report
}

fn unittest_failure(name: &str, body: &[&str], paths: &Paths) -> Finding {
    let said = body
        .iter()
        .skip(1)
        .take_while(|line| !line.starts_with("-----"));
    let text = said.copied().collect::<Vec<_>>().join("\n");
    let frames = FRAME.captures_iter(&text).filter_map(|found| {
        let path = paths.resolve(&found[1]).filter(|path| paths.knows(path))?;
        Some((path, found[2].parse().unwrap_or(0)))
    });
    let (path, line) = frames
        .last()
        .map_or((None, 0), |(path, line)| (Some(path), line));
    // The error itself is not indented, as the frames before it are.
    let error = text
        .lines()
        .skip_while(|line| line.starts_with("Traceback") || line.starts_with(' '))
        .take(20)
        .collect::<Vec<_>>()
        .join("\n");
    Draft::error("unittest", name, format!("{name}: {}", error.trim()))
        .at(path, line, 0)
        .done()
}
