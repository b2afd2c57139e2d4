//! Known vulnerabilities, as pip-audit, cargo-audit and govulncheck write them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::finding::{Draft, MOST_FINDINGS, shorten};
use crate::plan::Advisories;
use crate::{Finding, Level};

/// The longest text of an advisory that a message keeps, in bytes.
const LONGEST: usize = 400;

/// Reads the answer of a tool on standard output; `manifest` is where a person would change a dependency. The
/// reason where it is no answer.
pub(crate) fn advisories(
    tool: Advisories,
    stdout: &[u8],
    manifest: &str,
) -> Result<Vec<Finding>, String> {
    let text = String::from_utf8_lossy(stdout);
    let found = match tool {
        Advisories::PipAudit => pip_audit(&text),
        Advisories::CargoAudit => cargo_audit(&text),
        Advisories::Govulncheck => govulncheck(&text),
    };
    let mut findings: Vec<Finding> = found
        .ok_or_else(|| format!("{} gave no answer that can be read", tool.as_str()))?
        .into_iter()
        .map(|(level, id, message)| {
            let draft = Draft::error(tool.as_str(), &id, shorten(&message, 2000));
            draft
                .level(level)
                .at(Some(manifest.to_owned()), 0, 0)
                .done()
        })
        .collect();
    findings.sort_by_key(|finding| finding.level != Level::Error);
    findings.truncate(MOST_FINDINGS);
    Ok(findings)
}

type Known = (Level, String, String);

/// The document among what else is printed: it starts a line.
fn document(text: &str) -> Option<Value> {
    let starts = text
        .lines()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len() + 1;
            Some((start, line))
        })
        .filter(|(_, line)| line.starts_with('{'))
        .map(|(start, _)| start);
    starts.take(20).find_map(|start| {
        let rest = text.get(start..)?;
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        documents.next()?.ok()
    })
}

fn pip_audit(text: &str) -> Option<Vec<Known>> {
    #[derive(Deserialize)]
    struct Answer {
        dependencies: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        #[serde(default)]
        version: String,
        #[serde(default)]
        vulns: Vec<Vulnerability>,
        #[serde(default)]
        skip_reason: Option<String>,
    }
    #[derive(Deserialize)]
    struct Vulnerability {
        id: String,
        #[serde(default)]
        fix_versions: Vec<String>,
        #[serde(default)]
        description: String,
    }
    let answer: Answer = serde_json::from_value(document(text)?).ok()?;
    let mut found = Vec::new();
    for package in answer.dependencies {
        let name = format!("{} {}", package.name, package.version);
        for one in package.vulns {
            let fixed = match one.fix_versions.is_empty() {
                true => "no version mends it".to_owned(),
                false => format!("mended in {}", one.fix_versions.join(", ")),
            };
            let about = shorten(one.description.trim(), LONGEST);
            let message = format!("{name}: {fixed}: {about}");
            found.push((Level::Error, one.id, message));
        }
        if let Some(why) = package.skip_reason {
            let message = format!("{name} was not asked for: {why}");
            found.push((Level::Warning, "skipped".to_owned(), message));
        }
    }
    Some(found)
}

fn cargo_audit(text: &str) -> Option<Vec<Known>> {
    let answer = document(text)?;
    let list = answer.pointer("/vulnerabilities/list")?.as_array()?;
    let text = |one: &Value, at: &str| {
        let found = one.pointer(at).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let known = |level, one: &Value| {
        let versions = one.pointer("/versions/patched").and_then(Value::as_array);
        let versions = versions.into_iter().flatten().filter_map(Value::as_str);
        let mended = versions.collect::<Vec<_>>().join(", ");
        let fixed = match mended.is_empty() {
            true => String::new(),
            false => format!(" (mended in {mended})"),
        };
        let message = format!(
            "{} {}: {}{fixed}",
            text(one, "/package/name"),
            text(one, "/package/version"),
            text(one, "/advisory/title"),
        );
        (level, text(one, "/advisory/id"), message)
    };
    let mut found: Vec<Known> = list.iter().map(|one| known(Level::Error, one)).collect();
    let claimed = answer
        .pointer("/vulnerabilities/count")
        .and_then(Value::as_u64);
    if claimed.is_some_and(|count| count > list.len() as u64) {
        let message = "the report counts more vulnerabilities than it lists".to_owned();
        found.push((Level::Error, "report-disagrees".to_owned(), message));
    }
    // What nobody keeps or what was withdrawn is worth knowing.
    let warnings = answer.get("warnings").and_then(Value::as_object);
    for list in warnings.into_iter().flat_map(|kinds| kinds.values()) {
        let list = list.as_array().into_iter().flatten();
        found.extend(list.map(|one| known(Level::Warning, one)));
    }
    Some(found)
}

/// A stream of documents. A vulnerability that the code calls is an error, one that is only there a warning.
fn govulncheck(text: &str) -> Option<Vec<Known>> {
    let mut is_answer = false;
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    let mut called: BTreeMap<(String, String), bool> = BTreeMap::new();
    let mut fixed: BTreeMap<(String, String), String> = BTreeMap::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let document = document.ok()?;
        let text = |at: &str| {
            let found = document.pointer(at).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        is_answer |= document.get("config").is_some();
        if document.get("osv").is_some() {
            titles.insert(text("/osv/id"), text("/osv/summary"));
        }
        if document.get("finding").is_some() {
            let key = (text("/finding/osv"), text("/finding/trace/0/module"));
            let is_called = document.pointer("/finding/trace/0/function").is_some();
            *called.entry(key.clone()).or_default() |= is_called;
            fixed.insert(key, text("/finding/fixed_version"));
        }
    }
    let told: BTreeSet<(String, String)> = called.keys().cloned().collect();
    is_answer.then(|| {
        told.into_iter()
            .map(|key| {
                let (id, module) = &key;
                let title = titles.get(id).map_or("", String::as_str);
                let mended = match fixed.get(&key).map_or("", String::as_str) {
                    "" => String::new(),
                    version => format!(" (mended in {version})"),
                };
                let (level, how) = match called[&key] {
                    true => (Level::Error, "the code calls it"),
                    false => (Level::Warning, "it is there, and the code does not call it"),
                };
                let message = format!("{module}: {title}{mended}; {how}");
                (level, id.clone(), message)
            })
            .collect()
    })
}

#[cfg(test)]
mod tests;
