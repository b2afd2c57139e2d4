//! Makes trees and commits, moves refs, exports snapshots, writes working trees by directory handle.
//!
//! Everything here blocks and nothing here starts a program: git data is read and written with
//! libgit2, which runs no hook, filter or command of a configuration; files are written through
//! [`guard::Root`], which follows no link. All calls may be repeated after a crash.

mod beside;
mod blame;
mod change;
pub mod checkout;
mod commit;
mod copy;
mod diff;
mod embedded;
mod error;
mod file_state;
pub mod guard;
mod hermetic;
mod history;
mod look;
mod notes;
mod oid;
mod packing;
mod refs;
mod repo;
mod scan;
mod sink;
mod snapshot;
mod tree;
mod tree_update;
mod upload_pack;
pub mod watch;
mod work_tree;

pub use blame::{Blame, BlameRange};
pub use change::{Action, Change};
pub use commit::{CommitInfo, CommitSignature, Identity, NewCommit, SignFailure, Signer};
pub use diff::{Diff, DiffFile, DiffStatus};
pub use error::WorkspaceError;
pub use file_state::{FileDifference, FileMerge, FileState};
pub use history::{HistoryCursor, HistoryPage, InvalidCursor};
pub use look::{Looked, Seen};
pub use oid::{InvalidOid, Oid};
pub use packing::{PackFrom, Packed};
pub use refs::Moved;
pub use repo::Repo;
pub use scan::{Exported, FileOfDir, ListingOfDir, SkipReason, Skipped, TreeOfDir};
pub use snapshot::Snapshot;
pub use tree::{Entry, EntryKind, FileEntry, PathKind};
pub use upload_pack::WireProtocol;
pub use work_tree::{KeptConflict, KeptReason, Synced};

#[cfg(test)]
mod tests;
