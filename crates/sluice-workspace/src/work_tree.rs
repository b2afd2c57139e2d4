//! Brings a working tree from one tree to another without losing what a person did to it.

use std::path::Path;

use git2::{Delta, DiffOptions};
use sluice_path::{Reason, RelPath};

use crate::guard::{OnDisk, Root};
use crate::tree::{MODE_EXECUTABLE, MODE_FILE, find_tree};
use crate::{Oid, Repo, WorkspaceError};

/// Files of a working tree above this size are taken for a person's and kept, bytes.
const READ_LIMIT: u64 = 256 * 1024 * 1024;

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Synced {
    /// Paths written.
    pub written: Vec<String>,
    /// Paths deleted.
    pub deleted: Vec<String>,
    /// Paths left alone, with the reason.
    pub kept_conflicts: Vec<KeptConflict>,
}

/// A path that a sync left as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptConflict {
    /// The path.
    pub path: String,
    /// Why.
    pub reason: KeptReason,
}

/// Why a sync left a path as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptReason {
    /// What is on disk is neither the old nor the new content: a person edited it.
    Edited,
    /// A folder or something else that is no regular file stands in the way.
    InTheWay,
    /// The guard refused the path.
    Refused(Reason),
    /// The new tree has a link or a submodule here; neither is written.
    NotRegular,
}

/// A regular file as a tree has it.
#[derive(Clone, Copy)]
struct Side {
    oid: Oid,
    executable: bool,
}

impl Side {
    fn is(self, disk: &OnDisk) -> bool {
        self.executable == disk.executable && self.oid == Oid::of_blob(&disk.bytes)
    }
}

impl Repo {
    /// Writes into `dir` what differs between the trees `from` (`None`: nothing) and `to`. A file
    /// that is not as `from` has it is a person's and is kept. Repeating a sync that was killed
    /// finishes it. The caller is the only sync of `dir` at a time.
    ///
    /// # Errors
    /// A tree that is not in the repository, or the disk's fault; a repeat goes on.
    pub fn work_tree_sync(
        &self,
        dir: &Path,
        from: Option<&Oid>,
        to: &Oid,
    ) -> Result<Synced, WorkspaceError> {
        let failed = || WorkspaceError::git("compare trees");
        let root = Root::create(dir)?;
        let repo = self.raw()?;
        let from = from.map(|oid| find_tree(&repo, *oid)).transpose()?;
        let to = find_tree(&repo, *to)?;
        let mut options = DiffOptions::new();
        options.include_typechange(true).skip_binary_check(true);
        let diff = repo
            .diff_tree_to_tree(from.as_ref(), Some(&to), Some(&mut options))
            .map_err(failed())?;

        let mut synced = Synced::default();
        // Deletions first: a file may have to make room for a folder of its name.
        let (gone, kept): (Vec<_>, Vec<_>) = diff
            .deltas()
            .partition(|delta| delta.status() == Delta::Deleted);
        let mut swept = None;
        for delta in gone.into_iter().chain(kept) {
            let deleted = delta.status() == Delta::Deleted;
            let file = if deleted {
                delta.old_file()
            } else {
                delta.new_file()
            };
            let path = String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned();
            let outcome = match (RelPath::parse(&path), side(&delta.new_file()), deleted) {
                (Err(refusal), ..) => Err(KeptReason::Refused(refusal.reason)),
                (Ok(_), None, false) => Err(KeptReason::NotRegular),
                (Ok(rel), new, _) => {
                    let folder = rel.parent().map(str::to_owned);
                    if swept.as_ref() != Some(&folder) {
                        root.folder_sweep(folder.as_deref());
                        swept = Some(folder);
                    }
                    let new = new.filter(|_| !deleted);
                    self.path_sync(&root, &repo, &rel, side(&delta.old_file()), new)?
                }
            };
            match outcome {
                Ok(false) => {}
                Ok(true) if deleted => synced.deleted.push(path),
                Ok(true) => synced.written.push(path),
                Err(reason) => synced.kept_conflicts.push(KeptConflict { path, reason }),
            }
        }
        Ok(synced)
    }

    /// True when the path was changed, false when it was right already.
    fn path_sync(
        &self,
        root: &Root,
        repo: &git2::Repository,
        path: &RelPath,
        old: Option<Side>,
        new: Option<Side>,
    ) -> Result<Result<bool, KeptReason>, WorkspaceError> {
        let changed = match root.read(path, READ_LIMIT) {
            Ok(None) if new.is_none() => return Ok(Ok(false)),
            Ok(Some(disk)) if new.is_some_and(|new| new.is(&disk)) => return Ok(Ok(false)),
            Ok(Some(disk)) if !old.is_some_and(|old| old.is(&disk)) => {
                return Ok(Err(KeptReason::Edited));
            }
            // A file that a person deleted and the new tree changes is a conflict, too.
            Ok(None) if old.is_some() => return Ok(Err(KeptReason::Edited)),
            Ok(_) => match new {
                None => root.delete(path).map(|_| ()),
                Some(new) => {
                    let blob = repo
                        .find_blob(new.oid.0)
                        .map_err(WorkspaceError::object(new.oid))?;
                    root.write(path, blob.content(), new.executable)
                }
            },
            Err(e) => Err(e),
        };
        match changed {
            Ok(()) => Ok(Ok(true)),
            Err(WorkspaceError::Refused { reason, .. }) if new.is_some() => {
                Ok(Err(KeptReason::Refused(reason)))
            }
            // Nothing of ours can be there: what was to be deleted is gone.
            Err(WorkspaceError::Refused {
                reason: Reason::NotADirectory,
                ..
            }) => Ok(Ok(false)),
            Err(WorkspaceError::Refused { reason, .. }) => Ok(Err(KeptReason::Refused(reason))),
            Err(WorkspaceError::TooLarge { .. }) => Ok(Err(KeptReason::Edited)),
            Err(
                WorkspaceError::NotAFile { .. }
                | WorkspaceError::PathConflict { .. }
                | WorkspaceError::MountPoint { .. },
            ) => Ok(Err(KeptReason::InTheWay)),
            Err(e) => Err(e),
        }
    }
}

fn side(file: &git2::DiffFile<'_>) -> Option<Side> {
    let mode = i32::try_from(u32::from(file.mode())).ok()?;
    matches!(mode, MODE_FILE | MODE_EXECUTABLE).then(|| Side {
        oid: Oid(file.id()),
        executable: mode == MODE_EXECUTABLE,
    })
}
