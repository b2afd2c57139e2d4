//! What a person or an agent should know about a reply.

use std::fmt;

use serde::Serialize;
use sluice_path::Reason;

/// What a warning is about; `as_str` gives the contract's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Fences inside a block leave more than one reading of where it ends.
    AmbiguousNesting,
    /// Two paths are one file where case does not count.
    CaseCollision,
    /// A diff was not applied: there is no base here.
    DiffSkipped,
    /// A path came more than once; the last one wins.
    DuplicatePath,
    /// A SEARCH/REPLACE block was not applied: there is no base here.
    EditBlockSkipped,
    /// A block has no path and is no file.
    NoPath,
    /// A path is a file and a folder; the second is dropped.
    PathConflict,
    /// Two sources give different paths; the stronger one wins.
    PathDisagreement,
    /// A path was inferred.
    PathInferred,
    /// A path was refused, and its block with it.
    PathRejected,
    /// A comment stands where content was left out.
    PlaceholderElision,
    /// The path is one that a person should look at.
    SensitivePath,
    /// Commands to type are no file.
    ShellSkipped,
    /// A block was never closed.
    Truncated,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 14] = [
        Code::AmbiguousNesting,
        Code::CaseCollision,
        Code::DiffSkipped,
        Code::DuplicatePath,
        Code::EditBlockSkipped,
        Code::NoPath,
        Code::PathConflict,
        Code::PathDisagreement,
        Code::PathInferred,
        Code::PathRejected,
        Code::PlaceholderElision,
        Code::SensitivePath,
        Code::ShellSkipped,
        Code::Truncated,
    ];

    /// The contract's word, in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::AmbiguousNesting => "ambiguous_nesting",
            Code::CaseCollision => "case_collision",
            Code::DiffSkipped => "diff_skipped",
            Code::DuplicatePath => "duplicate_path",
            Code::EditBlockSkipped => "edit_block_skipped",
            Code::NoPath => "no_path",
            Code::PathConflict => "path_conflict",
            Code::PathDisagreement => "path_disagreement",
            Code::PathInferred => "path_inferred",
            Code::PathRejected => "path_rejected",
            Code::PlaceholderElision => "placeholder_elision",
            Code::SensitivePath => "sensitive_path",
            Code::ShellSkipped => "shell_skipped",
            Code::Truncated => "truncated",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing to know about a reply, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is about.
    pub code: Code,
    /// What happened and what to do, for a person or an agent; safe to print.
    pub message: String,
    /// 1-based line of the reply.
    pub line: usize,
    /// The path it is about: normalised, or as written when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why the path was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Warning {
    pub(crate) fn new(
        code: Code,
        line: usize,
        path: Option<&str>,
        message: impl Into<String>,
    ) -> Warning {
        Warning {
            code,
            message: message.into(),
            line,
            path: path.map(str::to_owned),
            reason: None,
        }
    }
}
