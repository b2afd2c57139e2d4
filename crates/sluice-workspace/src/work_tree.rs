//! Brings a working tree from one tree to another without losing what a person did to it.

use std::path::Path;

use git2::{Delta, DiffOptions};
use sluice_path::{Reason, RelPath};

use std::collections::HashSet;

use crate::guard::{Durable, OnDisk, Root, Staged, Stamp};
use crate::tree::{MODE_EXECUTABLE, MODE_FILE, find_tree};
use crate::{Oid, Repo, WorkspaceError};

/// Files of a working tree above this size are taken for a person's and kept, bytes.
const READ_LIMIT: u64 = 256 * 1024 * 1024;

/// From so many paths on, one sync of the file system is cheaper than one of each file; it waits
/// for what others have written, too.
const SYNC_AT_ONCE_FROM: usize = 8;

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

        let durable = match diff.deltas().len() {
            few if few < SYNC_AT_ONCE_FROM => Durable::Now,
            _ => Durable::Later,
        };
        let mut sync = Sync {
            root: &root,
            repo: &repo,
            durable,
            staged: Vec::new(),
        };
        let mut synced = Synced::default();
        // Deletions first: a file may have to make room for a folder of its name.
        let (gone, kept): (Vec<_>, Vec<_>) = diff
            .deltas()
            .partition(|delta| delta.status() == Delta::Deleted);
        let mut swept = HashSet::new();
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
                    // Once for each: the second time, it would be our own that are swept.
                    if swept.insert(rel.parent().map(str::to_owned)) {
                        root.folder_sweep(rel.parent());
                    }
                    let new = new.filter(|_| !deleted);
                    sync.path(&rel, side(&delta.old_file()), new)?
                }
            };
            match outcome {
                Ok(Done::Right | Done::Staged) => {}
                Ok(Done::Changed) if deleted => synced.deleted.push(path),
                Ok(Done::Changed) => synced.written.push(path),
                Err(reason) => synced.kept_conflicts.push(KeptConflict { path, reason }),
            }
        }
        sync.place(&mut synced)?;
        Ok(synced)
    }
}

/// What was done about one path.
enum Done {
    /// It was right already.
    Right,
    /// It was written or deleted.
    Changed,
    /// It is written beside its place.
    Staged,
}

/// A sync under way.
struct Sync<'a> {
    root: &'a Root,
    repo: &'a git2::Repository,
    durable: Durable,
    staged: Vec<(RelPath, Staged<'a>, Option<Stamp>)>,
}

impl<'a> Sync<'a> {
    fn path(
        &mut self,
        path: &RelPath,
        old: Option<Side>,
        new: Option<Side>,
    ) -> Result<Result<Done, KeptReason>, WorkspaceError> {
        outcome(self.try_path(path, old, new), new.is_some())
    }

    fn try_path(
        &mut self,
        path: &RelPath,
        old: Option<Side>,
        new: Option<Side>,
    ) -> Result<Result<Done, KeptReason>, WorkspaceError> {
        let stamp = match self.durable {
            Durable::Now => None,
            Durable::Later => self.root.stamp(path.as_str())?,
        };
        match self.root.read(path, READ_LIMIT)? {
            None if new.is_none() => return Ok(Ok(Done::Right)),
            Some(disk) if new.is_some_and(|new| new.is(&disk)) => return Ok(Ok(Done::Right)),
            Some(disk) if !old.is_some_and(|old| old.is(&disk)) => {
                return Ok(Err(KeptReason::Edited));
            }
            // A file that a person deleted and the new tree changes is a conflict, too.
            None if old.is_some() => return Ok(Err(KeptReason::Edited)),
            _ => {}
        }
        let Some(new) = new else {
            self.root.delete_for(path, self.durable)?;
            return Ok(Ok(Done::Changed));
        };
        let blob = self
            .repo
            .find_blob(new.oid.0)
            .map_err(WorkspaceError::object(new.oid))?;
        let staged = self
            .root
            .stage_for(path, blob.content(), new.executable, self.durable)?;
        Ok(Ok(match self.durable {
            Durable::Now => {
                staged.place()?;
                Done::Changed
            }
            Durable::Later => {
                self.staged.push((path.clone(), staged.release(), stamp));
                Done::Staged
            }
        }))
    }

    /// Puts what was written beside into place, when all of it is durable: then no kill and no
    /// power cut leaves half a file.
    fn place(self, synced: &mut Synced) -> Result<(), WorkspaceError> {
        if self.durable == Durable::Now {
            return Ok(());
        }
        if !self.staged.is_empty() {
            self.root.sync()?;
        }
        for (path, staged, stamp) in self.staged {
            let placed = self.root.stamp(path.as_str()).and_then(|now| {
                // A person was here since it was read.
                if now != stamp {
                    return Ok(Err(KeptReason::Edited));
                }
                staged.place().map(|()| Ok(Done::Changed))
            });
            let path = path.as_str().to_owned();
            match outcome(placed, true)? {
                Ok(_) => synced.written.push(path),
                Err(reason) => synced.kept_conflicts.push(KeptConflict { path, reason }),
            }
        }
        self.root.sync()
    }
}

/// What a refusal of the guard means for a sync; another error stays one.
fn outcome(
    tried: Result<Result<Done, KeptReason>, WorkspaceError>,
    writes: bool,
) -> Result<Result<Done, KeptReason>, WorkspaceError> {
    match tried {
        Err(WorkspaceError::Refused { reason, .. }) if writes => {
            Ok(Err(KeptReason::Refused(reason)))
        }
        // Nothing of ours can be there: what was to be deleted is gone.
        Err(WorkspaceError::Refused {
            reason: Reason::NotADirectory,
            ..
        }) => Ok(Ok(Done::Right)),
        Err(WorkspaceError::Refused { reason, .. }) => Ok(Err(KeptReason::Refused(reason))),
        Err(WorkspaceError::TooLarge { .. }) => Ok(Err(KeptReason::Edited)),
        Err(
            WorkspaceError::NotAFile { .. }
            | WorkspaceError::PathConflict { .. }
            | WorkspaceError::MountPoint { .. },
        ) => Ok(Err(KeptReason::InTheWay)),
        other => other,
    }
}

fn side(file: &git2::DiffFile<'_>) -> Option<Side> {
    let mode = i32::try_from(u32::from(file.mode())).ok()?;
    matches!(mode, MODE_FILE | MODE_EXECUTABLE).then(|| Side {
        oid: Oid(file.id()),
        executable: mode == MODE_EXECUTABLE,
    })
}
