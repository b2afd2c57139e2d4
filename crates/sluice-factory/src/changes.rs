//! From a parsed reply to one atomic set of changes with a receipt for each file.

use std::cell::OnceCell;

use sha2::{Digest, Sha256};
use sluice_checks::{Class, Finding, Fixable, Level};
use sluice_reply::changes::{
    Base, BaseError, Entry, FileAction, FileChange, Kept, Refused, Taker, resolve_after,
};
use sluice_reply::{Code, Reply};
use sluice_workspace::{Action, Change, EntryKind, Oid, PathKind, Repo};

pub use sluice_reply::changes::Receipt;

/// What a reply comes to before git is asked.
#[derive(Debug)]
pub enum Taken {
    /// It holds no file; why, for the agent.
    Nothing(String),
    /// It cannot be taken, and nothing of it is.
    Refused {
        /// Why not.
        findings: Vec<Finding>,
        /// The edits that fitted nevertheless, a line each.
        fitting: Vec<String>,
        /// Whether what fitted is kept for the next reply.
        is_kept: bool,
    },
    /// All of it can be taken.
    Changes(Vec<Change>, Vec<Receipt>),
}

/// Decides what a reply changes. A reply is one atomic change: one path that is refused, one file that is cut off or one
/// edit that does not fit refuses all of it. `kept` is what fitted of refused replies before it on the same base.
///
/// # Errors
/// The base cannot be read.
pub fn take(reply: &Reply, kept: &Kept, base: &dyn Base) -> Result<Taken, BaseError> {
    let resolved = resolve_after(kept, reply, base, Taker::Gate)?;
    if !resolved.refused.is_empty() {
        return Ok(Taken::Refused {
            findings: resolved.refused.iter().map(of_refused).collect(),
            fitting: resolved.fitting(),
            is_kept: resolved.kept.is_some(),
        });
    }
    if resolved.changes.is_empty() {
        return Ok(Taken::Nothing(nothing(reply)));
    }
    let changes = resolved.changes.into_iter().map(change).collect();
    Ok(Taken::Changes(changes, resolved.receipts))
}

/// How a reply says what changes.
pub(crate) const EXPECTED: &str = "Put each file whole into a fenced block whose info string is `language:path`, or edit \
    it with a `diff` or a SEARCH/REPLACE block";

/// Why a reply without any file is none, and what was expected.
fn nothing(reply: &Reply) -> String {
    let what = match reply.blocks {
        0 => "it only talks, and has no fenced block at all".to_owned(),
        1 => "its one fenced block names no path".to_owned(),
        many => format!("none of its {many} fenced blocks names a path"),
    };
    // What was meant as a file and is none, such as a tool's call.
    let meant = reply
        .warnings
        .iter()
        .filter(|warning| warning.code == Code::NoPath);
    let meant: String = meant
        .take(3)
        .map(|warning| format!(" Line {}: {}.", warning.line, warning.message))
        .collect();
    format!("the reply holds no file: {what}.{meant} {EXPECTED}")
}

/// A change as git takes it.
pub fn change(change: FileChange) -> Change {
    Change {
        path: change.path,
        action: match change.action {
            FileAction::Write { bytes, executable } => Action::Write { bytes, executable },
            FileAction::Delete => Action::Delete,
        },
    }
}

fn of_refused(refused: &Refused) -> Finding {
    let path = refused.path.as_deref();
    finding(refused.code, refused.text(), path, refused.line)
}

/// A git tree as the base of a reply.
pub struct TreeBase<'r> {
    repo: &'r Repo,
    tree: Oid,
    paths: OnceCell<Vec<String>>,
}

impl<'r> TreeBase<'r> {
    /// The files of `tree`.
    pub fn new(repo: &'r Repo, tree: Oid) -> TreeBase<'r> {
        TreeBase {
            repo,
            tree,
            paths: OnceCell::new(),
        }
    }
}

impl Base for TreeBase<'_> {
    fn entry(&self, path: &str) -> Result<Entry, BaseError> {
        Ok(match self.repo.kind_at(&self.tree, path)? {
            None => Entry::Missing,
            Some(PathKind::Folder) => Entry::Other("a folder"),
            Some(PathKind::Symlink) => Entry::Other("a symbolic link"),
            Some(PathKind::Submodule) => Entry::Other("another repository"),
            Some(PathKind::File) => match self.repo.file_read_raw(&self.tree, path)? {
                Some(file) => Entry::File {
                    bytes: file.bytes,
                    executable: file.executable,
                },
                None => Entry::Missing,
            },
        })
    }

    fn paths(&self) -> Result<Vec<String>, BaseError> {
        if let Some(paths) = self.paths.get() {
            return Ok(paths.clone());
        }
        let entries = self.repo.tree_list(&self.tree)?.into_iter();
        let files = entries.filter(|entry| entry.kind == EntryKind::File);
        let paths: Vec<String> = files.map(|entry| entry.path).collect();
        Ok(self.paths.get_or_init(|| paths).clone())
    }
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
        class: Class::Other,
        fixable: Fixable::Agent,
        fingerprint: hex::encode(hash.finalize()),
    }
}

#[cfg(test)]
mod tests;
