//! What our own scripts saw of code that was run on cases, held against what was expected.

use serde::Deserialize;
use serde_json::Value;

use super::{TestReport, json};
use crate::code::{Case, Code};
use crate::finding::{Draft, MOST_FINDINGS, shorten};

/// The longest text of a value in a message, in bytes.
const LONGEST: usize = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    cases: Vec<Seen>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    timed_out: bool,
    exit_code: Option<i32>,
    stdout: String,
    stderr: String,
    answer: Option<Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", untagged)]
enum Answer {
    Value { value: Value },
    Error { error: Vec<String>, message: String },
    Load { load: String },
}

/// Counts the cases that hold; `path` is where a person looks.
pub(crate) fn code(bytes: &[u8], code: &Code, path: Option<String>) -> Result<TestReport, String> {
    let report: Report = json(bytes)?;
    if report.cases.len() != code.cases.len() {
        return Err(format!(
            "the report has {} cases, and {} were to be run",
            report.cases.len(),
            code.cases.len()
        ));
    }
    let mut found = TestReport::default();
    for (at, (case, seen)) in code.cases.iter().zip(&report.cases).enumerate() {
        let name = case
            .name
            .clone()
            .unwrap_or_else(|| format!("case {}", at + 1));
        match wrong(case, seen) {
            None => found.tests.passed += 1,
            Some(why) => {
                found.tests.failed += 1;
                if found.failures.len() < MOST_FINDINGS {
                    let draft = Draft::error("code-runner", &name, format!("{name}: {why}"));
                    found.failures.push(draft.at(path.clone(), 0, 0).done());
                }
            }
        }
    }
    Ok(found)
}

/// Why a case does not hold.
fn wrong(case: &Case, seen: &Seen) -> Option<String> {
    if seen.timed_out {
        return Some("it timed out".to_owned());
    }
    if let Some(Answer::Load { load }) = &seen.answer {
        return Some(format!("it cannot be called: {load}"));
    }
    let crash = || {
        let last = seen.stderr.trim_end().lines().last().unwrap_or("");
        let code = seen
            .exit_code
            .map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        shorten(
            &format!("it left with {code} and no answer: {last}"),
            LONGEST,
        )
    };
    if let Some(wanted) = &case.error {
        let names = |error: &[String]| wanted == "any" || error.iter().any(|name| name == wanted);
        return match &seen.answer {
            Some(Answer::Error { error, .. }) if names(error) => None,
            Some(Answer::Error { error, message }) => {
                let name = error.first().map_or("an error", String::as_str);
                Some(format!(
                    "expected {wanted}, got {name}: {}",
                    shorten(message, LONGEST)
                ))
            }
            Some(Answer::Value { value }) => {
                Some(format!("expected {wanted}, got {}", short(value)))
            }
            // A program says in its last words what it ended with.
            _ if case.stdout.is_none() && case.expect.is_none() && seen.exit_code != Some(0) => {
                let is_said = wanted == "any" || seen.stderr.contains(wanted.as_str());
                (!is_said).then(|| format!("expected {wanted}; {}", crash()))
            }
            _ => Some(format!("expected {wanted}, and it ended well")),
        };
    }
    if let Some(wanted) = &case.stdout {
        if seen.exit_code != Some(0) {
            return Some(crash());
        }
        let lines = |text: &str| -> Vec<String> {
            let text = text.trim_end();
            text.lines()
                .map(|line| line.trim_end().to_owned())
                .collect()
        };
        return (lines(wanted) != lines(&seen.stdout)).then(|| {
            format!(
                "expected {:?}, got {:?}",
                shorten(wanted.trim_end(), LONGEST),
                shorten(seen.stdout.trim_end(), LONGEST)
            )
        });
    }
    let wanted = case.expect.as_ref().unwrap_or(&Value::Null);
    match &seen.answer {
        Some(Answer::Value { value }) if is_same(wanted, value) => None,
        Some(Answer::Value { value }) => {
            Some(format!("expected {}, got {}", short(wanted), short(value)))
        }
        Some(Answer::Error { error, message }) => {
            let name = error.first().map_or("an error", String::as_str);
            let message = shorten(message, LONGEST);
            Some(format!("expected {}, got {name}: {message}", short(wanted)))
        }
        _ => Some(crash()),
    }
}

fn short(value: &Value) -> String {
    shorten(&value.to_string(), LONGEST)
}

/// Equal as values: 2 is 2.0, and the last digits of a fraction do not count.
fn is_same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(a), Value::Number(b)) => {
            if a == b {
                return true;
            }
            match (a.as_f64(), b.as_f64()) {
                (Some(x), Some(y)) if !(a.is_i64() && b.is_i64()) => {
                    (x - y).abs() <= 1e-9 * x.abs().max(y.abs()).max(1.0)
                }
                _ => false,
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| is_same(x, y))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, x)| b.get(key).is_some_and(|y| is_same(x, y)))
        }
        _ => one == two,
    }
}
