//! The JSON report of eslint.

use serde::Deserialize;

use super::json;
use crate::finding::{Draft, MOST_FINDINGS, Paths};
use crate::{Finding, Level};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_path: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(default)]
    rule_id: Option<String>,
    severity: u8,
    message: String,
    #[serde(default)]
    line: Option<u32>,
    #[serde(default)]
    column: Option<u32>,
}

/// Reads the report, errors first.
pub(crate) fn eslint(bytes: &[u8], paths: &Paths) -> Result<Vec<Finding>, String> {
    let files: Vec<File> = json(bytes)?;
    let mut findings = Vec::new();
    for file in files {
        let path = paths.resolve(&file.file_path);
        for message in file.messages {
            let level = if message.severity >= 2 {
                Level::Error
            } else {
                Level::Warning
            };
            let rule = message.rule_id.unwrap_or_default();
            findings.push(
                Draft::error("eslint", &rule, message.message)
                    .level(level)
                    .at(
                        path.clone(),
                        message.line.unwrap_or(0),
                        message.column.unwrap_or(0),
                    )
                    .done(),
            );
        }
    }
    findings.sort_by_key(|finding| finding.level != Level::Error);
    findings.truncate(MOST_FINDINGS);
    Ok(findings)
}
