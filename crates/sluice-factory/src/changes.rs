//! From a parsed reply to one atomic set of changes with a receipt for each file.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sluice_checks::{Finding, Level};
use sluice_path::RelPath;
use sluice_reply::{Code, Reply};
use sluice_workspace::{Action, Change};

/// Which part of a reply became which file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The path as it was written.
    pub path: String,
    /// `write` or `delete`.
    pub action: String,
    /// Where the path came from: `info-string`, `attribute`, …
    pub source: String,
    /// First and last line of the block in the reply, from 1.
    pub lines: (usize, usize),
    /// The body's byte range in the reply.
    pub bytes: (usize, usize),
    /// SHA-256 of the content, in hex.
    pub sha256: String,
    /// Bytes of the content.
    pub size: usize,
    /// What the path guard said: `accepted` or `sensitive`.
    pub guard: String,
    /// The git blob that the content became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

/// What a reply comes to before git is asked.
#[derive(Debug)]
pub enum Taken {
    /// It holds no file; why, for the agent.
    Nothing(String),
    /// It cannot be taken, and nothing of it is.
    Refused(Vec<Finding>),
    /// All of it can be taken.
    Changes(Vec<Change>, Vec<Receipt>),
}

/// Decides what a reply changes. A reply is one atomic change: one path that is refused or one file that
/// is cut off refuses all of it. `exists` tells whether the base tree has a path.
pub fn take(reply: &Reply, exists: &dyn Fn(&str) -> bool) -> Taken {
    let mut findings = refusals(reply);
    let mut changes = Vec::new();
    let mut receipts = Vec::new();
    for file in reply.files.iter().filter(|file| file.complete) {
        if file.inferred && (exists(file.path.as_str()) || file.path.is_sensitive()) {
            findings.push(finding(
                "path_inferred",
                format!(
                    "{} is only a guess and is already there or protected; name the path in the block's \
                     info string (`language:path`)",
                    file.path
                ),
                Some(file.path.as_str()),
                file.lines.0,
            ));
            continue;
        }
        changes.push(Change {
            path: file.path.clone(),
            action: Action::Write {
                bytes: file.content.clone().into_bytes(),
                executable: file.content.starts_with("#!"),
            },
        });
        receipts.push(Receipt {
            path: file.path.to_string(),
            action: "write".to_owned(),
            source: file.source.as_str().to_owned(),
            lines: file.lines,
            bytes: (file.bytes.start, file.bytes.end),
            sha256: file.sha256(),
            size: file.content.len(),
            guard: guard_word(&file.path).to_owned(),
            blob: None,
        });
    }
    for deletion in &reply.deletions {
        if !exists(deletion.path.as_str()) {
            findings.push(finding(
                "delete_missing",
                format!("{} cannot be deleted: it does not exist", deletion.path),
                Some(deletion.path.as_str()),
                deletion.lines.0,
            ));
            continue;
        }
        changes.push(Change {
            path: deletion.path.clone(),
            action: Action::Delete,
        });
        receipts.push(Receipt {
            path: deletion.path.to_string(),
            action: "delete".to_owned(),
            source: "info-string".to_owned(),
            lines: deletion.lines,
            bytes: (0, 0),
            sha256: hex::encode(Sha256::digest(b"")),
            size: 0,
            guard: guard_word(&deletion.path).to_owned(),
            blob: None,
        });
    }
    if !findings.is_empty() {
        return Taken::Refused(findings);
    }
    if changes.is_empty() {
        return Taken::Nothing(
            "the reply holds no file: no fenced block in it names a path".to_owned(),
        );
    }
    Taken::Changes(changes, receipts)
}

/// What stands in the way of taking the reply, each with its line.
fn refusals(reply: &Reply) -> Vec<Finding> {
    let complete = |path: &str| {
        reply
            .files
            .iter()
            .any(|file| file.complete && file.path.as_str() == path)
    };
    reply
        .warnings
        .iter()
        .filter(|warning| match warning.code {
            Code::PathRejected | Code::PathConflict | Code::PlaceholderElision => true,
            Code::DiffSkipped | Code::EditBlockSkipped => true,
            // A whole block for the same path outranks the one that was cut off.
            Code::Truncated => !warning.path.as_deref().is_some_and(complete),
            _ => false,
        })
        .map(|warning| {
            let mend = match warning.code {
                Code::DiffSkipped | Code::EditBlockSkipped => "; send the whole file instead",
                Code::PlaceholderElision => "; write out every line of the file",
                Code::Truncated => "; send the file again, whole",
                _ => "",
            };
            finding(
                warning.code.as_str(),
                format!("{}{mend}", warning.message),
                warning.path.as_deref(),
                warning.line,
            )
        })
        .collect()
}

/// A finding about the reply itself; its line is a line of the reply.
pub(crate) fn finding(rule: &str, message: String, path: Option<&str>, line: usize) -> Finding {
    let mut hash = Sha256::new();
    for part in ["reply", rule, path.unwrap_or_default()] {
        hash.update(part);
        hash.update([0]);
    }
    Finding {
        tool: "reply".to_owned(),
        rule: rule.to_owned(),
        level: Level::Error,
        message: format!("line {line} of the reply: {message}"),
        path: path.map(str::to_owned),
        line: None,
        column: None,
        fingerprint: hex::encode(hash.finalize()),
    }
}

fn guard_word(path: &RelPath) -> &'static str {
    if path.is_sensitive() {
        "sensitive"
    } else {
        "accepted"
    }
}

#[cfg(test)]
mod tests;
