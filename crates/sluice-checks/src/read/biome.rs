//! The JSON report of biome, on standard output behind what npm prints.

use serde_json::Value;

use crate::find::place;
use crate::finding::{Draft, MOST_FINDINGS, Paths};
use crate::{Finding, Level};

/// Reads the report, errors first.
pub(crate) fn biome(stdout: &[u8], paths: &Paths) -> Result<Vec<Finding>, String> {
    let text = String::from_utf8_lossy(stdout);
    let mut reports = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|report| report.get("diagnostics").is_some_and(Value::is_array))
        .peekable();
    if reports.peek().is_none() {
        return Err("biome wrote no report".to_owned());
    }
    let mut findings: Vec<Finding> = Vec::new();
    for report in reports {
        let errors = report.pointer("/summary/errors").and_then(Value::as_u64);
        let diagnostics = report.get("diagnostics").and_then(Value::as_array);
        let before = findings.len();
        for diagnostic in diagnostics.into_iter().flatten().take(4 * MOST_FINDINGS) {
            let finding = finding(diagnostic, paths);
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        let has_error = findings[before..]
            .iter()
            .any(|finding| finding.level == Level::Error);
        if let (Some(count @ 1..), false) = (errors, has_error) {
            let message = format!("the report counts {count} errors but lists none");
            findings.push(Draft::error("biome", "report-disagrees", message).done());
        }
    }
    findings.sort_by_key(|finding| finding.level != Level::Error);
    findings.truncate(MOST_FINDINGS);
    Ok(findings)
}

fn finding(diagnostic: &Value, paths: &Paths) -> Finding {
    let text = |at: &str| diagnostic.pointer(at).and_then(Value::as_str);
    let number = |at: &str| {
        let number = diagnostic.pointer(at).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    let level = match text("/severity").unwrap_or("error") {
        "error" | "fatal" => Level::Error,
        "warning" | "warn" => Level::Warning,
        _ => Level::Note,
    };
    let rule = text("/category").unwrap_or_default();
    let message = match rule {
        "format" => "it is not formatted; run `biome format --write`",
        _ => text("/description")
            .or(text("/message"))
            .unwrap_or("it says nothing of it"),
    };
    let path = text("/location/path/file").or(text("/location/path"));
    let path = path.and_then(|path| paths.resolve(path));
    // Older versions give a range of bytes with the source, newer ones lines.
    let (line, column) = match (number("/location/span/0"), text("/location/sourceCode")) {
        (Some(start), Some(source)) => place(source, start as usize),
        _ => (
            number("/location/start/line").unwrap_or(0),
            number("/location/start/column").unwrap_or(0),
        ),
    };
    Draft::error("biome", rule, message)
        .level(level)
        .at(path, line, column)
        .done()
}
