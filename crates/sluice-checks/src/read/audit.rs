//! The answer of `npm audit --json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::json;
use crate::finding::{Draft, MOST_FINDINGS};
use crate::{Finding, Level};

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "auditReportVersion")]
    _version: u32,
    vulnerabilities: BTreeMap<String, Package>,
}

#[derive(Deserialize)]
struct Package {
    severity: String,
    #[serde(default)]
    range: String,
    #[serde(default)]
    via: Vec<Value>,
}

/// Reads the answer; `manifest` is where a person would change a dependency. Moderate and above are errors.
pub(crate) fn audit(bytes: &[u8], manifest: &str) -> Result<Vec<Finding>, String> {
    let answer: Value =
        json(bytes).map_err(|_| "npm audit gave no answer that can be read".to_owned())?;
    if let Some(why) = refusal(&answer) {
        return Err(why);
    }
    let answer: Answer = serde_json::from_value(answer)
        .map_err(|error| format!("npm audit gave an answer of another form: {error}"))?;
    let mut findings = Vec::new();
    for (name, package) in &answer.vulnerabilities {
        let level = match package.severity.as_str() {
            "info" | "low" => Level::Warning,
            _ => Level::Error,
        };
        let advisory = package.via.iter().find_map(Value::as_object);
        let text = |key: &str| {
            advisory
                .and_then(|fields| fields.get(key)?.as_str())
                .unwrap_or("")
        };
        let rule = text("url").rsplit('/').next().unwrap_or("");
        let title = match text("title") {
            "" => "depends on a vulnerable package",
            title => title,
        };
        let message = format!("{name} {}: {} ({})", package.range, title, package.severity);
        findings.push(
            Draft::error("npm-audit", rule, message)
                .level(level)
                .at(Some(manifest.to_owned()), 0, 0)
                .done(),
        );
    }
    findings.sort_by_key(|finding| finding.level != Level::Error);
    findings.truncate(MOST_FINDINGS);
    Ok(findings)
}

/// Why npm could not ask, when it says so.
fn refusal(answer: &Value) -> Option<String> {
    let error = answer.get("error").filter(|error| error.is_object());
    let text = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    if error.is_none() && answer.get("vulnerabilities").is_some() {
        return None;
    }
    let code = text(error.and_then(|error| error.get("code")));
    let why = text(answer.get("message"))
        .or_else(|| text(error.and_then(|error| error.get("summary"))))
        .or(code)
        .unwrap_or_else(|| "no reason given".to_owned());
    Some(format!("npm audit could not ask: {why}"))
}
