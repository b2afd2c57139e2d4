//! The JSON report of jest, which vitest writes too.

use serde::Deserialize;

use super::{TestReport, count, json, stack};
use crate::finding::{Draft, MOST_FINDINGS, Paths};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    test_results: Vec<File>,
    #[serde(default)]
    num_failed_tests: u32,
    #[serde(default)]
    num_passed_tests: u32,
    #[serde(default)]
    num_runtime_error_test_suites: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    assertion_results: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    #[serde(default)]
    full_name: String,
    status: String,
    #[serde(default)]
    failure_messages: Option<Vec<String>>,
}

/// Reads the report of `tool`. The cases are counted; the report's own totals can only add failures.
pub(crate) fn jest(tool: &'static str, bytes: &[u8], paths: &Paths) -> Result<TestReport, String> {
    let whole: Whole = json(bytes)?;
    let mut report = TestReport::default();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in &whole.test_results {
        let path = paths.resolve(&file.name);
        let mut in_file = 0;
        for case in &file.assertion_results {
            match case.status.as_str() {
                "passed" => passed += 1,
                "failed" => {
                    in_file += 1;
                    let messages = case.failure_messages.clone().unwrap_or_default().join("\n");
                    report.failures.push(failure(
                        tool,
                        &case.full_name,
                        &messages,
                        path.clone(),
                        paths,
                    ));
                }
                _ => skipped += 1,
            }
        }
        failed += in_file;
        if file.status == "failed" && in_file == 0 {
            // The file itself could not be run: an import that fails, a syntax error.
            let message = file.message.clone().filter(|text| !text.trim().is_empty());
            let message = message.unwrap_or_else(|| "the test file could not be run".to_owned());
            report
                .failures
                .push(failure(tool, "", &message, path, paths));
        }
    }
    let claimed = whole.num_failed_tests;
    if claimed as usize > failed
        || (whole.num_runtime_error_test_suites > 0 && report.failures.is_empty())
    {
        let message = format!("the report counts {claimed} failed tests but lists {failed}");
        report
            .failures
            .push(Draft::error(tool, "report-disagrees", message).done());
    }
    if whole.num_passed_tests as usize != passed {
        let message = format!(
            "the report counts {} passed tests but lists {passed}",
            whole.num_passed_tests
        );
        report
            .failures
            .push(Draft::error(tool, "report-disagrees", message).done());
    }
    report.tests.passed = count(passed);
    report.tests.failed = count(failed).max(claimed);
    report.tests.skipped = count(skipped);
    report.failures.truncate(MOST_FINDINGS);
    Ok(report)
}

/// The finding for one failed test. Its rule is the test's full name.
pub(super) fn failure(
    tool: &'static str,
    name: &str,
    messages: &str,
    file: Option<String>,
    paths: &Paths,
) -> crate::Finding {
    let (path, line, column) = match stack::place(paths, messages) {
        Some((path, line, column)) => (Some(path), line, column),
        None => (file, 0, 0),
    };
    let headline = stack::headline(messages);
    let message = match (name.is_empty(), headline.is_empty()) {
        (true, _) => headline,
        (false, true) => format!("{name}: failed"),
        (false, false) => format!("{name}: {headline}"),
    };
    Draft::error(tool, name, message)
        .at(path, line, column)
        .done()
}
