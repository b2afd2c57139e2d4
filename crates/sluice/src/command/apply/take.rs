//! Decides what of a reply is written into somebody's repository.

use serde::Serialize;
use sluice_reply::Warning;
use sluice_reply::changes::{Nearest, Receipt, Refused};
use sluice_workspace::checkout::RefusedPath;

/// Something that is not written, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct RefusedFile {
    /// The path as the reply has it, where it has one.
    pub(super) path: Option<String>,
    /// One word: a reason of contract section 3, a warning's code, or why an edit does not fit.
    pub(super) reason: String,
    /// The same for a person, with what to do.
    pub(super) message: String,
    /// The line of the reply.
    pub(super) line: usize,
    /// The lines of the file that come nearest to what an edit looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nearest: Option<Nearest>,
    /// The same as a person reads them.
    #[serde(skip)]
    pub(super) nearest_lines: Vec<String>,
}

impl RefusedFile {
    /// Whether this says all that `warning` says.
    pub(super) fn covers(&self, warning: &Warning) -> bool {
        self.line == warning.line && self.message.starts_with(&warning.message)
    }

    pub(super) fn of(refused: &Refused) -> RefusedFile {
        let reason = refused
            .reason
            .map_or(refused.code, |reason| reason.as_str());
        RefusedFile {
            path: refused.path.clone(),
            reason: reason.to_owned(),
            message: refused.message.clone(),
            line: refused.line,
            nearest: refused.nearest.clone(),
            nearest_lines: refused.nearest_lines(),
        }
    }
}

/// What the folder itself stands in the way of.
pub(super) fn refused_by_disk(receipts: &[Receipt], paths: &[RefusedPath]) -> Vec<RefusedFile> {
    paths
        .iter()
        .map(|refused| {
            let reason = refused.reason.as_str();
            refused_file(receipts, &refused.path, reason, advice(reason))
        })
        .collect()
}

/// A path that is refused for what is there, with the line of the block that names it.
pub(super) fn refused_file(
    receipts: &[Receipt],
    path: &str,
    reason: &str,
    message: &str,
) -> RefusedFile {
    let mut of_path = receipts
        .iter()
        .filter(|receipt| receipt.path == path || receipt.from.as_deref() == Some(path));
    RefusedFile {
        path: Some(path.to_owned()),
        reason: reason.to_owned(),
        message: message.to_owned(),
        line: of_path.next().map_or(0, |receipt| receipt.lines.0),
        nearest: None,
        nearest_lines: Vec::new(),
    }
}

fn advice(reason: &str) -> &'static str {
    match reason {
        "symlink" => {
            "a part of the path is a symbolic link, which is never followed; remove the link"
        }
        "not_a_directory" => "a part of the path is a file; remove it or choose another path",
        "uncommitted_changes" => {
            "what is there is not what the last commit has; commit or discard it first"
        }
        "path_conflict" => {
            "a folder, or something that is no regular file, has this name; remove it first"
        }
        _ => "the path cannot be written; choose another one",
    }
}
