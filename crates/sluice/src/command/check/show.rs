//! A report as text: a table of the checks, then what they found.

use sluice_checks::{CheckReport, CheckResult, Finding, Level, Logs, Verdict};

use crate::output::{one_line, table, visible};

/// How many lines of the output of a check without findings are shown.
const TAIL: usize = 20;

/// The word for a verdict.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Unknown => "unknown",
        Verdict::Fail => "FAIL",
    }
}

/// The whole report.
pub(super) fn text(report: &CheckReport, logs: &Logs) -> String {
    let head = ["CHECK", "VERDICT", "SECONDS", "END", "TESTS", "COMMAND"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(report.checks.iter().map(row));
    let mut text = table(&rows);
    // Without a toolchain every check says the same, and the last line says it too.
    if report.toolchain != "none" {
        for check in &report.checks {
            text.push_str(&details(check, logs));
        }
    }
    text.push_str(&format!(
        "\n{}: {} on {}, tree {}, {:.1} s\n",
        verdict(report.verdict),
        report.toolchain,
        report.engine,
        report.tree.get(..12).unwrap_or(&report.tree),
        report.wall_ms as f64 / 1000.0
    ));
    text
}

fn row(check: &CheckResult) -> Vec<String> {
    let end = match check.exit_code {
        Some(code) => format!("exit {code}"),
        None => check.end.replace('_', " "),
    };
    let cached = if check.cached { " (cached)" } else { "" };
    let tests = check.tests.map_or(String::new(), |tests| {
        format!(
            "{} passed, {} failed, {} skipped",
            tests.passed, tests.failed, tests.skipped
        )
    });
    vec![
        one_line(&check.name),
        verdict(check.verdict).to_owned(),
        format!("{:.1}{cached}", check.wall_ms as f64 / 1000.0),
        end,
        tests,
        one_line(&check.command.join(" ")),
    ]
}

fn details(check: &CheckResult, logs: &Logs) -> String {
    let mut lines: Vec<String> = check.findings.iter().map(finding).collect();
    lines.extend(
        check
            .note
            .iter()
            .map(|note| format!("note: {}", one_line(note))),
    );
    if !check.unenforced.is_empty() {
        lines.push(format!(
            "note: not enforced on this machine: {}",
            check.unenforced.join(", ")
        ));
    }
    if let Some(coverage) = &check.coverage {
        lines.push(format!(
            "note: {:.1} % of lines covered",
            coverage.lines * 100.0
        ));
    }
    let says_why = check.findings.iter().any(|one| one.level == Level::Error);
    if check.verdict == Verdict::Fail && !says_why {
        lines.extend(tail(check, logs));
    }
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", one_line(&check.name));
    for line in lines {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn finding(finding: &Finding) -> String {
    let mut place = finding.path.clone().unwrap_or_default();
    for number in [finding.line, finding.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let words = [place.as_str(), level, &finding.tool, &finding.rule];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    one_line(&format!("{} {}", words.join(" "), finding.message))
}

/// The end of the output, where nothing better says why a check failed.
fn tail(check: &CheckResult, logs: &Logs) -> Vec<String> {
    let Some(bytes) = logs.log_read(&check.log.sha256) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..]
        .iter()
        .map(|line| format!("| {}", visible(line)))
        .collect()
}
