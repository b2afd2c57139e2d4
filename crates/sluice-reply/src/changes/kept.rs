//! Keeps what fitted of a reply that was refused for edits that did not, so that nobody has to send it again.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use sluice_path::RelPath;

use super::FileChange;
use super::receipt::Receipt;
use super::refused::{EditCode, Refused};
use crate::edit::{FileEdit, Hunk, NewLine, What};

/// What replies before said, that fitted and waits for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// What happens to each file, against the base, and where that comes from.
    pub(crate) files: Vec<(FileChange, Option<Receipt>)>,
    /// Each edit that is done.
    pub(crate) said: HashSet<Key>,
}

impl Kept {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What happens to each file, against the base.
    pub fn changes(&self) -> impl Iterator<Item = &FileChange> {
        self.files.iter().map(|(change, _)| change)
    }

    /// Notes that what was not said by a reply before was said by this one, by its SHA-256 in hex.
    #[must_use]
    pub fn said_by(mut self, reply: &str) -> Kept {
        for receipt in self
            .files
            .iter_mut()
            .filter_map(|(_, receipt)| receipt.as_mut())
        {
            let edits = receipt.edits.iter_mut().map(|edit| &mut edit.reply);
            for by in edits.chain([&mut receipt.reply]) {
                by.get_or_insert_with(|| reply.to_owned());
            }
        }
        self
    }

    /// What is kept, a line for each file.
    pub fn lines(&self) -> Vec<String> {
        let receipts = self
            .files
            .iter()
            .filter_map(|(_, receipt)| receipt.as_ref());
        let lines = receipts.map(|receipt| {
            let path = &receipt.path;
            let at: Vec<String> = receipt
                .edits
                .iter()
                .map(|edit| edit.at.to_string())
                .collect();
            let edits = match at.len() {
                0 => String::new(),
                1 => format!("the edit of line {}", at[0]),
                _ => format!("the edits of lines {}", at.join(", ")),
            };
            let whole = match receipt.action.as_str() {
                "edit" => "",
                "delete" => "its deletion",
                "rename" | "copy" => "its new name",
                _ => "the whole file",
            };
            let and = if whole.is_empty() || edits.is_empty() {
                ""
            } else {
                ", and "
            };
            let what = format!("{whole}{and}{edits}");
            format!(
                "{path}: {}",
                if what.is_empty() { "its mode" } else { &what }
            )
        });
        lines.collect()
    }
}

/// Whether a reply is refused for nothing but edits that have no place, so that the rest of it is good.
pub(crate) fn is_only_edits(refused: &[Refused]) -> bool {
    let codes = [
        EditCode::EditNotFound,
        EditCode::EditAmbiguous,
        EditCode::EditNoFile,
        EditCode::EditExists,
        EditCode::EditNoPath,
        EditCode::EditMalformed,
        EditCode::EditUnsupported,
    ];
    let mut all = refused.iter();
    !refused.is_empty() && all.all(|one| codes.iter().any(|code| code.as_str() == one.code))
}

/// What tells an edit from others: the SHA-256 of all that it says.
pub(crate) type Key = [u8; 32];

/// What makes two hunks of a file the same: its lines, wherever they say they stand.
pub(crate) fn hunk_key(path: &RelPath, hunk: &Hunk<'_>) -> Key {
    let mut key = Sha256::new();
    key.update(format!("hunk\n{path}\n"));
    add(&mut key, hunk);
    key.finalize().into()
}

/// The same of anything else that an edit says of a file.
pub(crate) fn part_key<'p>(part: &FileEdit<'_>, paths: impl Iterator<Item = &'p RelPath>) -> Key {
    let mut key = Sha256::new();
    let (word, hunks) = match &part.what {
        // All alternatives are made of the same lines.
        What::Search { alternatives, .. } => ("search", alternatives.get(..1).unwrap_or_default()),
        What::Hunks { hunks, .. } => ("edit", hunks.as_slice()),
        What::Delete { hunks, .. } => ("delete", hunks.as_slice()),
        What::Rename { hunks, .. } => ("rename", hunks.as_slice()),
        What::Copy { hunks, .. } => ("copy", hunks.as_slice()),
        What::New { lines, .. } => {
            key.update(lines.join("\n"));
            ("new", &[][..])
        }
    };
    for part in std::iter::once(word).chain(paths.map(RelPath::as_str)) {
        key.update(format!("\n{part}\n"));
    }
    for hunk in hunks {
        add(&mut key, hunk);
    }
    key.finalize().into()
}

fn add(key: &mut Sha256, hunk: &Hunk<'_>) {
    let mut line = |mark: &str, line: &str| {
        for part in [mark, line, "\n"] {
            key.update(part);
        }
    };
    hunk.old.iter().for_each(|old| line("-", old));
    for new in &hunk.new {
        match new {
            NewLine::Add(new) => line("+", new),
            NewLine::Keep(at) => line(" ", &at.to_string()),
        }
    }
    line(
        "@",
        &format!("{} {} {}", hunk.old_unended, hunk.new_unended, hunk.at_end),
    );
}
