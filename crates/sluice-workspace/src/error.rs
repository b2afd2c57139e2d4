//! Says what went wrong with a repository or a folder, and what to do about it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::oid::{InvalidOid, Oid};
use sluice_path::Reason;

/// Why a call of this crate did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// The ref is not where the caller last saw it.
    #[error("{name} moved meanwhile: expected {}, found {}", shown(.expected), shown(.found))]
    Conflict {
        /// Full ref name.
        name: String,
        /// What the caller expected, `None` for a ref that is not there.
        expected: Option<Oid>,
        /// What is there.
        found: Option<Oid>,
    },
    /// A path is refused: a link or something else that is no folder stands in its way.
    #[error("{path}: refused ({reason:?}): {}", advice(.reason))]
    Refused {
        /// The path, relative to its root.
        path: String,
        /// The word for it.
        reason: Reason,
    },
    /// A path would be a file and a folder at once.
    #[error(
        "{path}: a file and a folder cannot have the same name; delete one of them in the same change"
    )]
    PathConflict {
        /// The path that is claimed twice.
        path: String,
    },
    /// A path is named twice in one set of changes.
    #[error("{path}: named twice in one set of changes")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// The changes would leave no file at all.
    #[error("the changes would delete every file; keep at least one")]
    DeletesEverything,
    /// An empty change set for a repository without a commit.
    #[error("there is nothing to apply")]
    NothingToApply,
    /// A mount point lies on the way to a path.
    #[error("{path}: another file system is mounted on the way; unmount it")]
    MountPoint {
        /// The path, relative to its root.
        path: String,
    },
    /// A file is larger than the caller wants to read.
    #[error("{path}: larger than {limit} bytes")]
    TooLarge {
        /// The path, relative to its root.
        path: String,
        /// The limit, bytes.
        limit: u64,
    },
    /// Something that is no regular file was to be read as one.
    #[error("{path}: not a regular file")]
    NotAFile {
        /// The path, relative to its root.
        path: String,
    },
    /// Text that is no object name.
    #[error(transparent)]
    InvalidOid(#[from] InvalidOid),
    /// A name that git does not allow for a ref.
    #[error("{name:?} is no valid ref name")]
    InvalidRefName {
        /// The text.
        name: String,
    },
    /// A trailer that would not be read back as it was written.
    #[error("trailer {key:?}: a key has letters, digits and hyphens, a value is one line")]
    InvalidTrailer {
        /// The trailer's key.
        key: String,
    },
    /// An author or committer that git cannot store.
    #[error("{name:?} <{email}>: an identity needs a name and an email")]
    InvalidIdentity {
        /// The name as given.
        name: String,
        /// The email as given.
        email: String,
    },
    /// The object is not in the repository.
    #[error("object {oid} is not in the repository")]
    Missing {
        /// The object.
        oid: Oid,
    },
    /// A tree lists more entries than any real one.
    #[error("tree {tree} has more than {limit} entries; it was made to exhaust a reader")]
    TooManyEntries {
        /// The tree.
        tree: Oid,
        /// The limit.
        limit: usize,
    },
    /// A cursor is not of the history that is asked for.
    #[error("the cursor is of another history")]
    OtherCursor,
    /// A git client said something that is not understood.
    #[error("{message}")]
    Protocol {
        /// What, for the person at the client.
        message: String,
    },
    /// There is no repository.
    #[error("no git repository at {}", .path.display())]
    NoRepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The repository is of a kind that is not written to.
    #[error("{}: {problem}", .path.display())]
    Unsupported {
        /// The repository.
        path: PathBuf,
        /// What it is and what to do.
        problem: String,
    },
    /// Another process works on the same thing.
    #[error("another sluice process is working on {}; try again when it is done", .path.display())]
    Busy {
        /// The folder in use.
        path: PathBuf,
    },
    /// The signer given by the caller failed.
    #[error("signing the commit failed")]
    Sign {
        /// What the signer said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// libgit2 failed.
    #[error("git: {what}")]
    Git {
        /// What was being done.
        what: String,
        /// libgit2's own words.
        #[source]
        source: git2::Error,
    },
    /// The file system failed.
    #[error("{what} {}", .path.display())]
    Io {
        /// What was being done, as in `write`.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
}

impl WorkspaceError {
    /// True when the disk, quota or inodes are used up, so that the caller can say so.
    pub fn is_full_disk(&self) -> bool {
        let text = match self {
            Self::Io { source, .. } => {
                return matches!(
                    source.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                );
            }
            // libgit2 keeps the system's message, not its number.
            Self::Git { source, .. } => source.message(),
            _ => return false,
        };
        text.contains("No space left on device") || text.contains("quota exceeded")
    }

    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn git(what: impl Into<String>) -> impl FnOnce(git2::Error) -> Self {
        let what = what.into();
        move |source| Self::Git {
            what,
            source: named(source),
        }
    }

    /// As [`Self::git`], with a missing object told apart.
    pub(crate) fn object(oid: Oid) -> impl FnOnce(git2::Error) -> Self {
        move |source| match source.code() {
            git2::ErrorCode::NotFound => Self::Missing { oid },
            _ => Self::Git {
                what: format!("read {oid}"),
                source,
            },
        }
    }
}

/// libgit2 has no words for an object that found no space, and forgets the system's number.
fn named(source: git2::Error) -> git2::Error {
    if source.message() != "no error" {
        return source;
    }
    let likely = "libgit2 does not say why; see whether the disk has space left";
    git2::Error::new(source.code(), source.class(), likely)
}

fn shown(oid: &Option<Oid>) -> String {
    oid.map_or_else(|| "no ref".to_owned(), |oid| oid.to_string())
}

fn advice(reason: &Reason) -> &'static str {
    match reason {
        Reason::Symlink => "a part of it is a symbolic link; replace the link by what it points to",
        Reason::NotADirectory => "a part of it is in the way; remove it or choose another path",
        Reason::Git => {
            "a folder with HEAD, objects and refs is a git repository to git, which would run what \
             its configuration says; choose another name for one of them"
        }
        _ => "choose another path",
    }
}
