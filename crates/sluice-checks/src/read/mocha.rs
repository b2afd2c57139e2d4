//! The JSON report of mocha.

use serde::Deserialize;

use super::{TestReport, count, jest, json};
use crate::finding::{MOST_FINDINGS, Paths};

#[derive(Deserialize)]
struct Whole {
    passes: Vec<Case>,
    failures: Vec<Case>,
    #[serde(default)]
    pending: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    #[serde(default)]
    full_title: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    err: Fault,
}

#[derive(Deserialize, Default)]
struct Fault {
    #[serde(default)]
    message: String,
    #[serde(default)]
    stack: String,
}

/// Reads the report.
pub(crate) fn mocha(bytes: &[u8], paths: &Paths) -> Result<TestReport, String> {
    let whole: Whole = json(bytes)?;
    let mut report = TestReport::default();
    report.tests.passed = count(whole.passes.len());
    report.tests.failed = count(whole.failures.len());
    report.tests.skipped = count(whole.pending.len());
    for case in whole.failures.iter().take(MOST_FINDINGS) {
        let path = case.file.as_deref().and_then(|file| paths.resolve(file));
        let text = if case.err.stack.is_empty() {
            &case.err.message
        } else {
            &case.err.stack
        };
        report
            .failures
            .push(jest::failure("mocha", &case.full_title, text, path, paths));
    }
    Ok(report)
}
