//! What an apply is given, and how it ends.

use sluice_path::Reason;

use crate::{Change, Identity, Oid};

/// What to apply, and as whose commit.
#[derive(Debug, Clone)]
pub struct Apply<'a> {
    /// The change set.
    pub changes: &'a [Change],
    /// Subject, empty line, body.
    pub message: &'a str,
    /// Lines of the commit's last paragraph.
    pub trailers: &'a [(String, String)],
    /// Author and committer.
    pub identity: Identity,
    /// Seconds since 1970 (UTC).
    pub time: i64,
    /// Applies the rest when a path is refused, instead of nothing.
    pub partial: bool,
    /// Where HEAD must be, for changes that were made from what it has; `None` allows any place.
    pub onto: Option<Oid>,
}

/// How an apply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// The commit is on the branch and on disk.
    Applied(Applied),
    /// Nothing was changed, because of these paths.
    Refused(Vec<RefusedPath>),
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The commit that HEAD is on now.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
    /// False when everything was so already and no commit was made.
    pub changed: bool,
    /// Paths whose content the commit sets, in the order given.
    pub written: Vec<String>,
    /// Paths that the commit removes.
    pub deleted: Vec<String>,
    /// Paths left out of a partial apply.
    pub refused: Vec<RefusedPath>,
}

/// A path that was not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPath {
    /// The path.
    pub path: String,
    /// Why.
    pub reason: RefusedReason,
}

/// Why a path was not touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedReason {
    /// A link, or something that is no folder, stands in its way.
    Path(Reason),
    /// The file on disk or in the index is not what HEAD has: someone's work would be lost.
    UncommittedChanges,
    /// A folder, or something else that is no regular file, has this name.
    PathConflict,
}

impl RefusedReason {
    /// One word for it, as reports print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path(reason) => reason.as_str(),
            Self::UncommittedChanges => "uncommitted_changes",
            Self::PathConflict => "path_conflict",
        }
    }
}
