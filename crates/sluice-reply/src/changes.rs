//! Turns a reply and a base into changes, each with a receipt. Pure; the one door for the factory and the command line.
//!
//! What a reply says is done in the order of its blocks: a whole file, an edit and a deletion of one path each act on
//! what those before left. Edits before a whole file or a deletion of the same path have no say and are not tried.
//! The hunks of one diff all relate to the file as it is before the first of them; SEARCH/REPLACE blocks act one after
//! the other.
//!
//! Each hunk and each search must mean one place (see `find`). A reply is all or nothing: [`Resolved::refused`] says
//! what stands in the way, and [`Resolved::edits`] which edits fitted nevertheless.

mod body;
mod files;
mod find;
mod hunks;
mod kept;
mod left_out;
mod nearest;
mod part;
mod receipt;
mod refused;
mod resolve;
mod splice;
mod text;

use sluice_path::RelPath;

pub use kept::Kept;
pub use nearest::Nearest;
pub use receipt::{EditReceipt, Receipt};
pub use refused::{EditCode, Refused};
pub use resolve::{resolve, resolve_after};

use crate::EditKind;

/// The files that a reply is taken on.
pub trait Base {
    /// What is at a path.
    ///
    /// # Errors
    /// It cannot be read, which is nobody's fault who wrote the reply.
    fn entry(&self, path: &str) -> Result<Entry, BaseError>;

    /// All paths, for the names that resemble a wrong one.
    ///
    /// # Errors
    /// As [`Base::entry`].
    fn paths(&self) -> Result<Vec<String>, BaseError>;
}

/// Why a base cannot be read.
pub type BaseError = Box<dyn std::error::Error + Send + Sync>;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Missing,
    /// A regular file.
    File {
        /// Its content.
        bytes: Vec<u8>,
        /// Whether it carries the executable bit.
        executable: bool,
    },
    /// Something else, in words: `a symbolic link`.
    Other(&'static str),
}

/// Who takes a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taker {
    /// A gate: a file with a part left out is refused wherever it goes, and so is deleting what is not there.
    Gate,
    /// Somebody's folder: a part left out is refused where a file would lose it, and deleting what is not there is
    /// done already.
    Folder,
}

/// What a reply comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// What happens to the files of which nothing is refused, one change a path.
    pub changes: Vec<FileChange>,
    /// Where each of these changes comes from.
    pub receipts: Vec<Receipt>,
    /// What cannot be taken; not empty means that nothing should be.
    pub refused: Vec<Refused>,
    /// What became of each edit, in order.
    pub edits: Vec<EditOutcome>,
    /// Where nothing but edits is refused: all that fitted, also of files of which another edit is refused. The next
    /// reply need not say it again ([`resolve_after`]).
    pub kept: Option<Kept>,
}

/// What becomes of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Which.
    pub path: RelPath,
    /// What.
    pub action: FileAction,
}

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAction {
    /// It holds these bytes.
    Write {
        /// The whole content.
        bytes: Vec<u8>,
        /// Whether it carries the executable bit: as before, or as the reply says.
        executable: bool,
    },
    /// It is gone.
    Delete,
}

/// What became of one hunk or one SEARCH/REPLACE block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditOutcome {
    /// The file, where it is known.
    pub path: Option<String>,
    /// The notation.
    pub kind: EditKind,
    /// First and last line in the reply, from 1.
    pub lines: (usize, usize),
    /// What became of it.
    pub state: EditState,
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditState {
    /// It fitted.
    Matched,
    /// It did not; [`Resolved::refused`] says why.
    Refused,
    /// A reply before said the same, and it is done.
    Kept,
    /// A later block of the reply sets or deletes the whole file, so it was not tried.
    Superseded,
}

impl Resolved {
    /// The edits that fitted and need not change, a line each; empty when nothing is refused.
    pub fn fitting(&self) -> Vec<String> {
        if self.refused.is_empty() {
            return Vec::new();
        }
        let fitting = self
            .edits
            .iter()
            .filter(|edit| edit.state == EditState::Matched);
        fitting
            .map(|edit| {
                let path = edit.path.as_deref().unwrap_or("?");
                format!(
                    "{path} (lines {}-{} of the reply)",
                    edit.lines.0, edit.lines.1
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
