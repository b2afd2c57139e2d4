//! Decides what of a reply is written into somebody's repository.

use serde::Serialize;
use sluice_reply::{Code, Reply, Warning};
use sluice_workspace::checkout::RefusedPath;
use sluice_workspace::{Action, Change};

/// Something that is not written, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct RefusedFile {
    /// The path as the reply has it, where it has one.
    pub(super) path: Option<String>,
    /// One word: a reason of contract section 3, or a warning's code.
    pub(super) reason: String,
    /// The same for a person, with what to do.
    pub(super) message: String,
    /// The line of the reply.
    pub(super) line: usize,
}

impl RefusedFile {
    /// Whether this says all that `warning` says.
    pub(super) fn covers(&self, warning: &Warning) -> bool {
        self.line == warning.line && self.message.starts_with(&warning.message)
    }
}

/// What a reply comes to.
#[derive(Debug)]
pub(super) struct Taken {
    /// What can be written.
    pub(super) changes: Vec<Change>,
    /// What cannot.
    pub(super) refused: Vec<RefusedFile>,
}

/// Sorts a reply. `exists` tells whether something is at a path now.
pub(super) fn take(reply: &Reply, exists: &dyn Fn(&str) -> bool) -> Taken {
    let mut refused: Vec<RefusedFile> = reply
        .warnings
        .iter()
        .filter(|warning| refuses(reply, warning, exists))
        .map(of_warning)
        .collect();
    let mut changes = Vec::new();
    for file in reply.files.iter().filter(|file| file.complete) {
        let path = file.path.as_str();
        if file.inferred && (exists(path) || file.path.is_sensitive()) {
            refused.push(RefusedFile {
                path: Some(path.to_owned()),
                reason: Code::PathInferred.as_str().to_owned(),
                message:
                    "its path is only a guess, and a guess neither overwrites a file nor takes a \
                          protected path; name the path in the block's info string"
                        .to_owned(),
                line: file.lines.0,
            });
            continue;
        }
        if refused.iter().any(|one| {
            one.reason == Code::PlaceholderElision.as_str() && one.path.as_deref() == Some(path)
        }) {
            continue;
        }
        changes.push(Change {
            path: file.path.clone(),
            action: Action::Write {
                bytes: file.content.clone().into_bytes(),
                executable: file.content.starts_with("#!"),
            },
        });
    }
    let deletions = reply.deletions.iter();
    changes.extend(deletions.map(|deletion| Change::delete(deletion.path.clone())));
    Taken { changes, refused }
}

/// Whether a warning means that something the reply wants is not done.
fn refuses(reply: &Reply, warning: &Warning, exists: &dyn Fn(&str) -> bool) -> bool {
    let path = warning.path.as_deref();
    let is_whole = |path: &str| {
        let mut files = reply.files.iter();
        files.any(|file| file.complete && file.path.as_str() == path)
    };
    match warning.code {
        Code::PathRejected | Code::PathConflict | Code::DiffSkipped | Code::EditBlockSkipped => {
            true
        }
        // A whole block for the same path outranks the one that was cut off.
        Code::Truncated => !path.is_some_and(is_whole),
        // "The rest is unchanged" would destroy the rest of a file that is there.
        Code::PlaceholderElision => path.is_some_and(exists),
        _ => false,
    }
}

fn of_warning(warning: &Warning) -> RefusedFile {
    let reason = match warning.reason {
        Some(reason) => reason.as_str(),
        None => warning.code.as_str(),
    };
    let mend = match warning.code {
        Code::PlaceholderElision => {
            "; the file is there already and would lose that part: write out every line"
        }
        _ => "",
    };
    RefusedFile {
        path: warning.path.clone(),
        reason: reason.to_owned(),
        message: format!("{}{mend}", warning.message),
        line: warning.line,
    }
}

/// What the folder itself stands in the way of.
pub(super) fn refused_by_disk(reply: &Reply, paths: &[RefusedPath]) -> Vec<RefusedFile> {
    let line = |path: &str| {
        let files = reply
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.lines.0));
        let deletions = reply
            .deletions
            .iter()
            .map(|one| (one.path.as_str(), one.lines.0));
        let mut all = files.chain(deletions);
        all.find(|(one, _)| *one == path)
            .map_or(0, |(_, line)| line)
    };
    paths
        .iter()
        .map(|refused| RefusedFile {
            path: Some(refused.path.clone()),
            reason: refused.reason.as_str().to_owned(),
            message: advice(refused.reason.as_str()).to_owned(),
            line: line(&refused.path),
        })
        .collect()
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
