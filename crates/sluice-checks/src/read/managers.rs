//! What pnpm and yarn say: why an installation failed, and which vulnerabilities they know.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::InstallFault;
use crate::finding::{Draft, MOST_FINDINGS, Paths, shorten, strip_ansi};
use crate::{Finding, Level};

/// Words of a registry or a network that did not answer.
const NETWORK: [&str; 17] = [
    "ECONNREFUSED",
    "ECONNRESET",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ETIMEDOUT",
    "ESOCKETTIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ERR_PNPM_META_FETCH_FAIL",
    "ERR_PNPM_FETCH_5",
    "ERR_PNPM_FETCH_405",
    "ERR_PNPM_FETCH_429",
    "trouble with your network connection",
    "YN0001: │ RequestError",
    "Response code 5",
    "Request failed \"5",
    "self-signed certificate",
];
/// `ERR_PNPM_CODE  message`.
static PNPM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"ERR_PNPM_([A-Z0-9_]+)\s+(.+)$").expect("a constant pattern"));
/// `➤ YN0028: │ message`.
static BERRY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(YN[0-9]{4}): (?:[│┌└] )?(.+)$").expect("a constant pattern"));
/// Codes of yarn that only say how far it is.
const PROGRESS: [&str; 6] = ["YN0000", "YN0002", "YN0013", "YN0019", "YN0060", "YN0086"];

/// The reason in the output of `program`; `None` when it names none.
pub(crate) fn manager_errors(program: &str, output: &str, paths: &Paths) -> Option<InstallFault> {
    let plain = strip_ansi(output);
    if let Some(line) = plain
        .lines()
        .find(|line| NETWORK.iter().any(|word| line.contains(word)))
    {
        return Some(InstallFault::Unanswered(format!(
            "the package registry could not be asked: {}",
            shorten(line.trim(), 500)
        )));
    }
    let (tool, code, message) = match program {
        "pnpm" => {
            let found = plain.lines().find_map(|line| PNPM.captures(line))?;
            ("pnpm", found[1].to_owned(), found[2].to_owned())
        }
        _ => {
            let berry = plain
                .lines()
                .rev()
                .filter_map(|line| BERRY.captures(line))
                .find(|found| !PROGRESS.contains(&&found[1]));
            let classic = || plain.lines().find_map(|line| line.strip_prefix("error "));
            match berry {
                Some(found) => ("yarn", found[1].to_owned(), found[2].to_owned()),
                None => ("yarn", String::new(), classic()?.to_owned()),
            }
        }
    };
    let is_lockfile = ["OUTDATED_LOCKFILE", "LOCKFILE_CONFIG_MISMATCH", "YN0028"];
    let is_absent = ["FETCH_404", "NO_MATCHING_VERSION", "YN0082", "YN0035"];
    let rule = if is_lockfile.contains(&code.as_str()) || message.contains("lockfile needs to be") {
        "lockfile-disagrees"
    } else if code == "BROKEN_LOCKFILE" || message.contains("Invalid value type") {
        "lockfile-broken"
    } else if is_absent.contains(&code.as_str())
        || message.starts_with("Couldn't find")
        || message.contains("Not found")
    {
        "no-matching-package"
    } else {
        &code
    };
    let file = match rule {
        "lockfile-disagrees" | "lockfile-broken" if tool == "pnpm" => "pnpm-lock.yaml",
        "lockfile-disagrees" | "lockfile-broken" => "yarn.lock",
        _ => "package.json",
    };
    let path = paths.resolve(file);
    let finding = Draft::error(tool, rule, shorten(message.trim(), 2000)).at(path, 0, 0);
    Some(InstallFault::Project(finding.done()))
}

/// What pnpm and yarn know of vulnerable packages, in any of their forms; the reason when they could not ask.
pub(crate) fn manager_audit(
    tool: &'static str,
    stdout: &[u8],
    manifest: &str,
) -> Result<Vec<Finding>, String> {
    let text = String::from_utf8_lossy(stdout);
    let mut findings = Vec::new();
    let mut answered = false;
    // pnpm prints one document over many lines, yarn one on each line.
    let whole = serde_json::from_str::<Value>(&text).ok();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let documents: Vec<Value> = match whole {
        Some(document) => vec![document],
        None => lines.collect(),
    };
    for document in &documents {
        let text = |value: &Value, key: &str| {
            let found = value.get(key).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        if let Some(error) = document.get("error").filter(|error| error.is_object()) {
            let why = format!("{} {}", text(error, "code"), text(error, "message"));
            return Err(format!(
                "the audit could not ask: {}",
                shorten(why.trim(), 500)
            ));
        }
        if document.get("type").and_then(Value::as_str) == Some("error") {
            let why = text(document, "data");
            return Err(format!("the audit could not ask: {}", shorten(&why, 500)));
        }
        answered |= document.get("type").and_then(Value::as_str) == Some("auditSummary");
        let mut add = |name: &str, severity: &str, title: &str, range: &str, url: &str| {
            let level = match severity {
                "info" | "low" => Level::Warning,
                _ => Level::Error,
            };
            let rule = url.rsplit('/').next().unwrap_or("");
            let message = format!("{name} {range}: {title} ({severity})");
            let draft = Draft::error(tool, rule, message).level(level);
            findings.push(draft.at(Some(manifest.to_owned()), 0, 0).done());
        };
        let mut advisory = |one: &Value| {
            add(
                &text(one, "module_name"),
                &text(one, "severity"),
                &text(one, "title"),
                &text(one, "vulnerable_versions"),
                &text(one, "url"),
            );
        };
        if let Some(all) = document.get("advisories").and_then(Value::as_object) {
            answered = true;
            all.values().for_each(&mut advisory);
        } else if let Some(one) = document.pointer("/data/advisory") {
            advisory(one);
        } else if let Some(one) = document
            .get("children")
            .filter(|one| one.get("Issue").is_some())
        {
            answered = true;
            add(
                &text(document, "value"),
                &text(one, "Severity"),
                &text(one, "Issue"),
                &text(one, "Vulnerable Versions"),
                &text(one, "URL"),
            );
        }
    }
    if !answered && findings.is_empty() {
        return Err(format!("{tool} gave no answer that can be read"));
    }
    findings.sort_by_key(|finding| finding.level != Level::Error);
    findings.dedup();
    findings.truncate(MOST_FINDINGS);
    Ok(findings)
}
