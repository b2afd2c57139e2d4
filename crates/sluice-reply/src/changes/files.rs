//! The files of a base as a reply changes them, one after the other.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use sluice_path::RelPath;

use super::body::Body;
use super::kept::Kept;
use super::receipt::{EditReceipt, Receipt};
use super::refused::{EditCode, Why};
use super::text::{Numbers, Text};
use super::{Base, BaseError, Entry, FileAction, FileChange};

/// What a path holds at some point of a reply.
#[derive(Debug)]
pub(crate) enum Now {
    Missing,
    /// Something that is no regular file; what it is.
    Other(&'static str),
    Bytes(Vec<u8>),
    Text(Text),
}

/// One path.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: RelPath,
    pub(crate) now: Now,
    /// Whether the base has something here.
    pub(crate) was_there: bool,
    pub(crate) executable: bool,
    /// Whether something that the reply wants of it is refused.
    pub(crate) is_tainted: bool,
    /// How it came about; none while nothing was done to it.
    pub(crate) receipt: Option<Receipt>,
    is_changed: bool,
}

impl File {
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self.now, Now::Missing)
    }

    /// Sets what it holds.
    pub(crate) fn put(&mut self, now: Now) {
        self.now = now;
        self.is_changed = true;
    }

    /// Notes that its text was edited.
    pub(crate) fn touch(&mut self) {
        self.is_changed = true;
    }

    /// Adds edits to its receipt.
    pub(crate) fn add_edits(&mut self, body: &Body<'_>, edits: Vec<EditReceipt>) {
        let Some(first) = edits.first() else {
            return;
        };
        let receipt = self.receipt.get_or_insert_with(|| {
            let receipt = Receipt::of_edit(&self.path, "edit", body, &(0..0));
            Receipt {
                lines: first.lines,
                bytes: first.bytes,
                ..receipt
            }
        });
        receipt.add(edits);
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        match &self.now {
            Now::Bytes(bytes) => Some(bytes.clone()),
            Now::Text(text) => Some(text.to_text().into_bytes()),
            Now::Missing | Now::Other(_) => None,
        }
    }
}

/// What came of the files.
pub(crate) struct Finished {
    /// Of those with nothing refused.
    pub(crate) changes: Vec<FileChange>,
    pub(crate) receipts: Vec<Receipt>,
    /// Of all, as far as it fitted.
    pub(crate) all: Vec<(FileChange, Option<Receipt>)>,
}

/// All paths that a reply touches, in order.
pub(crate) struct Files<'b> {
    base: &'b dyn Base,
    all: Vec<File>,
    index: HashMap<String, usize>,
}

impl<'b> Files<'b> {
    /// The files of a base with what is kept of replies before.
    pub(crate) fn new(base: &'b dyn Base, kept: &Kept) -> Result<Files<'b>, BaseError> {
        let mut files = Files {
            base,
            all: Vec::new(),
            index: HashMap::new(),
        };
        for (change, receipt) in &kept.files {
            let file = files.at(&change.path)?;
            match &change.action {
                FileAction::Write { bytes, executable } => {
                    file.put(Now::Bytes(bytes.clone()));
                    file.executable = *executable;
                }
                FileAction::Delete => file.put(Now::Missing),
            }
            file.receipt.clone_from(receipt);
        }
        Ok(files)
    }

    /// The file at a path, as it is now.
    pub(crate) fn at(&mut self, path: &RelPath) -> Result<&mut File, BaseError> {
        if let Some(&index) = self.index.get(path.as_str()) {
            return Ok(&mut self.all[index]);
        }
        let (now, executable) = match self.base.entry(path.as_str())? {
            Entry::Missing => (Now::Missing, false),
            Entry::Other(what) => (Now::Other(what), false),
            Entry::File { bytes, executable } => (Now::Bytes(bytes), executable),
        };
        self.index.insert(path.as_str().to_owned(), self.all.len());
        self.all.push(File {
            path: path.clone(),
            was_there: !matches!(now, Now::Missing),
            now,
            executable,
            is_tainted: false,
            receipt: None,
            is_changed: false,
        });
        Ok(self.all.last_mut().expect("it was just pushed"))
    }

    pub(crate) fn base_paths(&self) -> Result<Vec<String>, BaseError> {
        self.base.paths()
    }

    /// What changed of the files with nothing refused, and of all files.
    pub(crate) fn finish(self) -> Finished {
        let mut changes = Vec::new();
        let mut receipts = Vec::new();
        let mut all = Vec::new();
        for file in self.all {
            let came_and_went = !file.was_there && !file.is_there() && file.receipt.is_none();
            if !file.is_changed || came_and_went {
                continue;
            }
            let bytes = file.bytes();
            let digest = hex::encode(Sha256::digest(bytes.as_deref().unwrap_or_default()));
            let size = bytes.as_ref().map_or(0, Vec::len);
            let action = match bytes {
                Some(bytes) => FileAction::Write {
                    bytes,
                    executable: file.executable,
                },
                None => FileAction::Delete,
            };
            let change = FileChange {
                path: file.path.clone(),
                action,
            };
            let receipt = file.receipt.map(|receipt| Receipt {
                sha256: digest,
                size,
                ..receipt
            });
            if !file.is_tainted {
                changes.push(change.clone());
                receipts.extend(receipt.clone());
            }
            all.push((change, receipt));
        }
        Finished {
            changes,
            receipts,
            all,
        }
    }
}

/// The file's text, for an edit.
pub(crate) fn text<'f>(file: &'f mut File, numbers: &mut Numbers) -> Result<&'f mut Text, Why> {
    let unsupported = |message: String| Why::edit(EditCode::EditUnsupported, message);
    match &file.now {
        Now::Other(what) => {
            return Err(unsupported(format!(
                "{what} is at this path, which cannot be edited"
            )));
        }
        Now::Missing => return Err(Why::edit(EditCode::EditNoFile, "the file is not there")),
        Now::Bytes(bytes) => {
            const LARGEST: usize = 16 << 20;
            const MOST_LINES: usize = 1_000_000;
            let text = match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => text,
                _ => {
                    return Err(unsupported(
                        "the file is not text in UTF-8: it can only be replaced as a whole"
                            .to_owned(),
                    ));
                }
            };
            if bytes.len() > LARGEST || memchr::memchr_iter(b'\n', bytes).count() > MOST_LINES {
                return Err(unsupported(
                    "the file is too large to be edited: send it whole".to_owned(),
                ));
            }
            file.now = Now::Text(Text::new(text, numbers));
        }
        Now::Text(_) => {}
    }
    match &mut file.now {
        Now::Text(text) => Ok(text),
        _ => Err(unsupported("the file cannot be edited".to_owned())),
    }
}
