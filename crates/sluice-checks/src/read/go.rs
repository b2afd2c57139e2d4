//! The text of go's compiler, vet and gofmt, and the events of `go test -json`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::{TestReport, stack};
use crate::Finding;
use crate::finding::{Draft, MOST_FINDINGS, Paths, strip_ansi};

/// The longest output in bytes that is kept of one test.
const LONGEST_OUTPUT: usize = 16 << 10;

/// `./main.go:7:2: message`, with `vet: ` before where vet could not type-check.
static PLACED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:vet: )?(\S+\.go):([0-9]+)(?::([0-9]+))?: (.+)$").expect("a constant pattern")
});
/// `    main_test.go:12: message`, what a test said.
static SAID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s+([^\s:/]+\.go):([0-9]+): (.*)$").expect("a constant pattern")
});
/// A file that gofmt would change.
static FILE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\S+\.go)$").expect("a constant pattern"));

/// The faults in the output of the compiler or of `tool`, and the files that gofmt named.
pub(crate) fn go(tool: &'static str, output: &str, paths: &Paths) -> Vec<Finding> {
    let plain = strip_ansi(output);
    let mut findings: Vec<Finding> = Vec::new();
    for line in plain.lines() {
        let draft = if let Some(found) = PLACED.captures(line) {
            placed(tool, &found, paths)
        } else if let Some(found) = FILE.captures(line) {
            let path = paths.resolve(&found[1]).filter(|path| paths.knows(path));
            path.map(|path| {
                Draft::error("gofmt", "format", "it is not formatted; run `gofmt -w`").at(
                    Some(path),
                    0,
                    0,
                )
            })
        } else {
            None
        };
        let finding = draft.map(Draft::done);
        findings.extend(finding.filter(|finding| !findings.contains(finding)));
        if findings.len() >= MOST_FINDINGS {
            break;
        }
    }
    findings
}

fn placed(tool: &'static str, found: &regex::Captures<'_>, paths: &Paths) -> Option<Draft> {
    let number = |at: usize| {
        found
            .get(at)
            .and_then(|digits| digits.as_str().parse().ok())
            .unwrap_or(0)
    };
    let path = paths.resolve(&found[1])?;
    // Where vet could not type-check, the compiler's part of it speaks.
    let tool = match found[0].starts_with("vet: ") {
        true => "go",
        false => tool,
    };
    // `message (SA4006)` is staticcheck's.
    let rule = found[4]
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("));
    let is_rule = |rule: &str| {
        let digits = rule.trim_start_matches(|c: char| c.is_ascii_uppercase());
        digits.len() == 4 && rule.len() > 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let draft = match rule.filter(|(_, rule)| tool == "go-vet" && is_rule(rule)) {
        Some((message, rule)) => Draft::error("staticcheck", rule, message),
        None => Draft::error(tool, "", &found[4]),
    };
    Some(draft.at(Some(path), number(2), number(3)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
}

/// Counts the tests, and says where those that failed did.
pub(crate) fn go_test(stdout: &[u8], paths: &Paths) -> TestReport {
    let text = String::from_utf8_lossy(stdout);
    let mut report = TestReport::default();
    let mut said: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut failed: BTreeSet<(String, String)> = BTreeSet::new();
    let mut compiler = String::new();
    for line in text.lines() {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            continue;
        };
        let count = match event.action.as_str() {
            "build-output" => {
                compiler.push_str(&event.output);
                continue;
            }
            "output" => {
                let text = said.entry((event.package, event.test)).or_default();
                if text.len() < LONGEST_OUTPUT {
                    text.push_str(&event.output);
                }
                continue;
            }
            "pass" => &mut report.tests.passed,
            "fail" => &mut report.tests.failed,
            "skip" => &mut report.tests.skipped,
            _ => continue,
        };
        // A package as a whole has no name of a test.
        if !event.test.is_empty() {
            *count = count.saturating_add(1);
        }
        if event.action == "fail" {
            failed.insert((event.package, event.test));
        }
    }
    report.failures = go("go", &compiler, paths);
    for (package, test) in &failed {
        let part = format!("{test}/");
        let is_told = failed.iter().any(|(other, name)| {
            other == package
                && match test.is_empty() {
                    true => !name.is_empty(),
                    false => name.starts_with(&part),
                }
        });
        let text = said.get(&(package.clone(), test.clone()));
        let text = text.map_or("", String::as_str);
        let is_build =
            test.is_empty() && text.contains("[build failed]") && !report.failures.is_empty();
        if !is_told && !is_build && report.failures.len() < MOST_FINDINGS {
            report.failures.push(failure(package, test, text, paths));
        }
    }
    report
}

fn failure(package: &str, test: &str, text: &str, paths: &Paths) -> Finding {
    let name = if test.is_empty() { package } else { test };
    let mut place = None;
    let mut message = Vec::new();
    for line in text.lines() {
        if line.starts_with("=== ") || line.starts_with("--- ") || line.starts_with("goroutine ") {
            continue;
        }
        if let Some(found) = SAID.captures(line) {
            if place.is_none() {
                let path = paths.in_package(package, &found[1]);
                place = path.map(|path| (path, found[2].parse().unwrap_or(0), 0));
            }
            message.push(found[3].to_owned());
        } else if !line.trim().is_empty() && !line.starts_with('\t') && message.len() < 20 {
            message.push(line.trim().to_owned());
        }
    }
    let place = place.or_else(|| stack::place(paths, text));
    let (path, line, column) = place.map_or((None, 0, 0), |(path, line, column)| {
        (Some(path), line, column)
    });
    let message = match message.is_empty() {
        true => format!("{name}: failed"),
        false => format!("{name}: {}", message.join("\n")),
    };
    Draft::error("go-test", name, message)
        .at(path, line, column)
        .done()
}
