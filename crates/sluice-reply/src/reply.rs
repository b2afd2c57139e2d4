//! What a reply comes to: files, edits, deletions, warnings.

use std::ops::Range;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sluice_path::RelPath;

use crate::{ReplyJson, Warning};

/// Everything that a reply says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// One per path, in the order of the blocks that won. Incomplete ones are listed, never to be written.
    pub files: Vec<FileBlock>,
    /// Edits of existing files, in order.
    pub edits: Vec<EditBlock>,
    /// Files to delete, in order.
    pub deletions: Vec<Deletion>,
    /// In the order of their lines.
    pub warnings: Vec<Warning>,
    /// How many fenced blocks there were, of any kind.
    pub blocks: usize,
}

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileBlock {
    /// Where it goes.
    pub path: RelPath,
    /// As the info string names it, in lower case; may be empty.
    pub language: String,
    /// The file's text: the block's body, byte for byte.
    pub content: String,
    /// Whether the block was closed. An incomplete file must not be written.
    pub complete: bool,
    /// Whether the path was inferred; such a file must not overwrite one.
    pub inferred: bool,
    /// Where the path comes from.
    pub source: Source,
    /// 1-based lines of the opening and closing fence.
    pub lines: (usize, usize),
    /// The body in the reply, between the fences.
    pub bytes: Range<usize>,
}

impl FileBlock {
    /// SHA-256 of `content`, in lower-case hex; computed when asked, as not every caller does.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.content.as_bytes()))
    }
}

/// An edit of an existing file, not applied here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditBlock {
    /// The file to edit, where the block or the line before it says so.
    pub path: Option<RelPath>,
    /// Where that path comes from; none where the edit's own text names it.
    pub source: Option<Source>,
    /// The notation.
    pub kind: EditKind,
    /// The block's body, byte for byte.
    pub text: String,
    /// Whether the block was closed. An incomplete edit must not be applied.
    pub complete: bool,
    /// 1-based lines of the opening and closing fence.
    pub lines: (usize, usize),
    /// The body in the reply, between the fences.
    pub bytes: Range<usize>,
}

/// How an edit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EditKind {
    /// A unified diff, or a `*** Begin Patch` one.
    Diff,
    /// SEARCH/REPLACE blocks.
    SearchReplace,
}

impl EditKind {
    /// The notation in words, with its article.
    pub fn as_words(self) -> &'static str {
        match self {
            EditKind::Diff => "a diff",
            EditKind::SearchReplace => "a SEARCH/REPLACE block",
        }
    }
}

/// A file to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Which.
    pub path: RelPath,
    /// 1-based lines of the opening and closing fence.
    pub lines: (usize, usize),
    /// The body in the reply, between the fences: empty, or blank.
    pub bytes: Range<usize>,
}

/// Where a path comes from, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// `lang:path`.
    InfoString,
    /// `title=`, `file=` and the like.
    Attribute,
    /// A word of the info string.
    InfoWord,
    /// The line before the fence.
    Label,
    /// A comment on the first line.
    Comment,
    /// What is in the block.
    Inferred,
}

impl Source {
    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::InfoString => "info-string",
            Source::Attribute => "attribute",
            Source::InfoWord => "info-word",
            Source::Label => "label",
            Source::Comment => "comment",
            Source::Inferred => "inferred",
        }
    }
}

impl Reply {
    /// The contract's JSON; with `contents`, each file's text as well.
    pub fn to_json(&self, contents: bool) -> ReplyJson<'_> {
        ReplyJson {
            reply: self,
            contents,
        }
    }
}
