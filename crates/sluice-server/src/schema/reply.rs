//! What a reply holds: contract section 2.

use serde::Serialize;
use utoipa::ToSchema;

/// What a reply holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reply {
    /// One a path.
    pub files: Vec<ReplyFile>,
    /// Edits of existing files.
    pub edits: Vec<ReplyEdit>,
    /// Files to delete.
    pub deletions: Vec<ReplyDeletion>,
    /// What a person should know.
    pub warnings: Vec<ReplyWarning>,
}

/// A file of a reply.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplyFile {
    /// Its path.
    pub path: String,
    /// The language that the block names.
    pub language: String,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
    /// Bytes.
    pub size: usize,
    /// Whether the block is closed; one that is not is never written.
    pub complete: bool,
    /// Whether the path is a guess.
    pub inferred: bool,
    /// `info-string`, `attribute`, `info-word`, `label`, `comment` or `inferred`.
    pub source: String,
    /// First and last line of the block, from 1.
    pub lines: [usize; 2],
    /// The body's range in the input.
    pub bytes: [usize; 2],
    /// The content, when it was asked for.
    #[schema(nullable = false)]
    pub content: Option<String>,
}

/// An edit of an existing file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplyEdit {
    /// Its path, where there is one.
    pub path: Option<String>,
    /// What form the edit has.
    pub kind: String,
    /// Whether the block is closed.
    pub complete: bool,
    /// First and last line of the block, from 1.
    pub lines: [usize; 2],
    /// The body's range in the input.
    pub bytes: [usize; 2],
    /// The edit's text, when it was asked for.
    #[schema(nullable = false)]
    pub content: Option<String>,
}

/// A file to delete.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplyDeletion {
    /// Its path.
    pub path: String,
    /// First and last line of the block, from 1.
    pub lines: [usize; 2],
}

/// What a person should know of a reply.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplyWarning {
    /// The contract's word for it.
    pub code: String,
    /// What it is, for a person.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The path that it is about.
    pub path: Option<String>,
    /// Why the path is refused.
    pub reason: Option<String>,
}
