//! Edits of people that were held.

use serde::Serialize;
use utoipa::ToSchema;

/// An edit that was held.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditSummary {
    /// Its number in the project.
    pub id: u64,
    /// `held` (it waits for the open run), `conflict` (a person has to say what holds), `applied`, `resolved` or
    /// `dropped`.
    pub state: String,
    /// `working_tree` or `api`.
    pub source: String,
    /// Whose it is.
    pub by: String,
    /// When it was first held, RFC 3339.
    pub at: String,
    /// The run that held it.
    pub run: Option<String>,
    /// The commit on `work` that it became, or met in conflict.
    pub commit: Option<String>,
    /// Who resolved or dropped it.
    pub ended_by: Option<String>,
    /// The paths.
    pub paths: Vec<String>,
}

/// An edit with its sides.
#[derive(Debug, Serialize, ToSchema)]
pub struct Edit {
    /// Its number in the project.
    pub id: u64,
    /// `held`, `conflict`, `applied`, `resolved` or `dropped`.
    pub state: String,
    /// `working_tree` or `api`.
    pub source: String,
    /// Whose it is.
    pub by: String,
    /// When it was first held, RFC 3339.
    pub at: String,
    /// The run that held it.
    pub run: Option<String>,
    /// The commit on `work` that it became, or met in conflict.
    pub commit: Option<String>,
    /// Who resolved or dropped it.
    pub ended_by: Option<String>,
    /// The paths.
    pub paths: Vec<String>,
    /// Changes when the edit, or what it is merged with, changes; also its ETag.
    pub version: String,
    /// The commit that the person saw.
    pub base: String,
    /// The commit that has the person's side.
    pub mine: String,
    /// The commit of `work` now.
    pub theirs: String,
    /// Its files, by path.
    pub files: Vec<EditFile>,
}

/// A file of an edit.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditFile {
    /// The path.
    pub path: String,
    /// As the person saw it; `null`: it was not there.
    pub base: Option<EditSide>,
    /// As the person wants it; `null`: deleted.
    pub mine: Option<EditSide>,
    /// As `work` has it now.
    pub theirs: Option<EditSide>,
    /// Whether a person has to decide, as things stand now.
    pub conflict: bool,
    /// Both sides between git's marks, where they can be shown so.
    pub marked: Option<String>,
}

/// One version of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditSide {
    /// The blob.
    pub oid: String,
    /// Whether it carries the executable bit.
    pub executable: bool,
    /// The content; `null` when it is no text, or longer than 200,000 bytes: `GET …/files/{path}?ref=` with the
    /// edit's `base`, `mine` or `theirs` has it.
    pub text: Option<String>,
}

/// What a working tree has that never becomes part of the project.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkTree {
    /// By path.
    pub left_alone: Vec<LeftAlone>,
}

/// Something that is left alone.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftAlone {
    /// The path.
    pub path: String,
    /// `symlink`, `not_regular`, `not_utf8`, `too_large`, `unreadable`, or a reason of the path rules.
    pub reason: String,
}
