//! Holds the lock of a checkout's index and brings the touched entries up to date.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexTime, Repository};
use rustix::fs::AtFlags;
use sluice_path::RelPath;

use super::branch::Head;
use super::plan::Plan;
use super::repository::Checkout;
use crate::tree::find_tree;
use crate::{Action, Oid, WorkspaceError};

/// What a lock of ours holds; git's own is empty or starts with `DIRC`.
const MARK: &[u8] = b"sluice\n";

/// The index, with git's own lock file held so that no git program changes it meanwhile.
pub(super) struct LockedIndex {
    index: Index,
    /// The index as it was; nothing when there was none.
    before: Option<Vec<u8>>,
    place: PathBuf,
    copy: PathBuf,
    lock: PathBuf,
}

impl LockedIndex {
    pub(super) fn lock(checkout: &Checkout, head: &Head) -> Result<Self, WorkspaceError> {
        let place = checkout.git_dir.join("index");
        let lock = checkout.git_dir.join("index.lock");
        // One name is enough: the lock of the whole checkout is held.
        let copy = checkout.git_dir.join("sluice-index");
        lock_take(&lock, head)?;
        let mut locked = Self {
            index: empty()?,
            before: None,
            place,
            copy,
            lock,
        };
        locked.before = match fs::read(&locked.place) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(WorkspaceError::io("read", &locked.place)(e)),
        };
        replace(&locked.copy.with_extension("lock"), None)?;
        replace(&locked.copy, locked.before.as_deref())?;
        // Opened without its repository: libgit2 then never looks at the working tree.
        locked.index = Index::open(&locked.copy).map_err(WorkspaceError::git("read the index"))?;
        if locked.index.has_conflicts() {
            return Err(WorkspaceError::Unsupported {
                path: checkout.root.path().to_owned(),
                problem: "has unresolved conflicts; resolve them first".to_owned(),
            });
        }
        Ok(locked)
    }

    /// What is staged at a path.
    pub(super) fn oid_of(&self, path: &RelPath) -> Option<Oid> {
        self.index
            .get_path(path.as_str().as_ref(), 0)
            .map(|entry| Oid(entry.id))
    }

    /// Puts the new files into the index, with the times that the disk has for them.
    pub(super) fn update(
        mut self,
        checkout: &Checkout,
        repo: &Repository,
        tree: Oid,
        plans: &[Plan<'_>],
    ) -> Result<Self, WorkspaceError> {
        let failed = || WorkspaceError::git("write the index");
        let tree = find_tree(repo, tree)?;
        let (deletes, writes): (Vec<_>, Vec<_>) = plans
            .iter()
            .partition(|plan| plan.change.action == Action::Delete);
        for plan in deletes {
            let path = plan.change.path.as_str().as_ref();
            if self.index.get_path(path, 0).is_some() {
                self.index.remove(path, 0).map_err(failed())?;
            }
        }
        for plan in writes {
            let path = &plan.change.path;
            let entry = tree.get_path(path.as_str().as_ref()).map_err(failed())?;
            self.index
                .add(&stat_entry(checkout, path, &entry)?)
                .map_err(failed())?;
        }
        self.index.write().map_err(failed())?;
        File::open(&self.copy)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.copy, &self.place))
            .map_err(WorkspaceError::io("write", &self.place))?;
        Ok(self)
    }

    /// Puts the index back as it was, for an apply that failed after it; hands the error on.
    pub(super) fn undo(&self, error: WorkspaceError) -> WorkspaceError {
        let undone = match &self.before {
            Some(bytes) => replace(&self.copy, Some(bytes)).and_then(|()| {
                fs::rename(&self.copy, &self.place)
                    .map_err(WorkspaceError::io("rename", &self.place))
            }),
            None => replace(&self.place, None),
        };
        if let Err(e) = undone {
            tracing::error!(index = %self.place.display(), error = %e, "could not put the index back");
        }
        error
    }
}

impl Drop for LockedIndex {
    fn drop(&mut self) {
        // The copy is gone when it became the index. Best effort: a lock of ours that stays is
        // taken over by the next apply.
        let _ = fs::remove_file(&self.copy);
        let _ = fs::remove_file(&self.lock);
    }
}

/// Makes git's lock file, with our mark in it from its first moment. One of ours is a killed
/// apply's, since the checkout's lock is held, and so are the locks of the refs that it moves.
fn lock_take(lock: &Path, head: &Head) -> Result<(), WorkspaceError> {
    let failed = || WorkspaceError::io("lock", lock);
    let marked = lock.with_file_name("sluice-index.lock");
    replace(&marked, Some(MARK))?;
    let mut linked = fs::hard_link(&marked, lock);
    if matches!(&linked, Err(e) if e.kind() == io::ErrorKind::AlreadyExists) {
        let is_file = fs::symlink_metadata(lock).is_ok_and(|meta| meta.is_file());
        if !is_file || !fs::read(lock).is_ok_and(|text| text == MARK) {
            let problem = "is held by a git program; wait for it, or remove the file if it crashed";
            return Err(WorkspaceError::Unsupported {
                path: lock.to_owned(),
                problem: problem.to_owned(),
            });
        }
        tracing::warn!(lock = %lock.display(), "taking over from a killed apply");
        for name in [head.name(), "HEAD"] {
            replace(&lock.with_file_name(format!("{name}.lock")), None)?;
        }
        fs::remove_file(lock).map_err(failed())?;
        linked = fs::hard_link(&marked, lock);
    }
    linked.map_err(failed())?;
    replace(&marked, None)
}

/// Makes a new file in the place of whatever is there, or removes it; follows no link.
fn replace(path: &Path, bytes: Option<&[u8]>) -> Result<(), WorkspaceError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(WorkspaceError::io("remove", path)(e));
        }
        _ => {}
    }
    let Some(bytes) = bytes else { return Ok(()) };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(WorkspaceError::io("write", path))
}

fn empty() -> Result<Index, WorkspaceError> {
    Index::new().map_err(WorkspaceError::git("make an index"))
}

fn stat_entry(
    checkout: &Checkout,
    path: &RelPath,
    entry: &git2::TreeEntry<'_>,
) -> Result<IndexEntry, WorkspaceError> {
    let root = &checkout.root;
    let text = path.as_str();
    let stat = root
        .folder(path.parent())
        .and_then(|folder| rustix::fs::statat(&folder, path.file_name(), AtFlags::SYMLINK_NOFOLLOW))
        .map_err(|e| root.failed("look at", text, e))?;
    // The index keeps the low 32 bits of each, as git does.
    Ok(IndexEntry {
        ctime: IndexTime::new(stat.st_ctime as i32, stat.st_ctime_nsec as u32),
        mtime: IndexTime::new(stat.st_mtime as i32, stat.st_mtime_nsec as u32),
        dev: stat.st_dev as u32,
        ino: stat.st_ino as u32,
        mode: entry.filemode() as u32,
        uid: stat.st_uid,
        gid: stat.st_gid,
        file_size: stat.st_size as u32,
        id: entry.id(),
        flags: 0,
        flags_extended: 0,
        path: text.as_bytes().to_vec(),
    })
}
