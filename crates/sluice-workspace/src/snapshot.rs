//! Exports a tree into a folder of its own, without git data, for a sandbox to read.
//!
//! With an earlier export at hand, files that are the same are hard links to its files. Those are
//! taken over only as long as they are what this process wrote there: a file that somebody has
//! touched, replaced or reached through a link since is written anew.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Repository, Tree};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::guard::{Root, Stamp, file_create, resolve};
use crate::tree::{MODE_EXECUTABLE, MODE_FILE, find_tree};
use crate::{Oid, Repo, WorkspaceError, beside};

/// An exported tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder.
    pub path: PathBuf,
    /// Regular files in it.
    pub files: usize,
    /// Of these, files that were taken over from the export before.
    pub linked: usize,
    /// Entries of the tree that were not written: links, submodules, names that no folder takes.
    pub refused: Vec<String>,
    /// Set when the folder was there already, from an earlier export.
    pub reused: bool,
    /// The files as they were left. Only this process knows it, so that nobody else can say it.
    left: HashMap<String, Left>,
}

/// A file that was written: what it is, and how it stood on disk then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    oid: git2::Oid,
    mode: i32,
    stamp: Stamp,
}

impl Repo {
    /// Writes the files of `tree` into the new folder `dest`: regular files 0644 or 0755, folders
    /// 0755 whatever the umask says, so that a sandbox's user can read them.
    ///
    /// Built beside and renamed, so a killed export leaves nothing at `dest`, and a folder that
    /// is there is whole: it is kept as it is. Name it after the tree.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] for a tree that is not there, or the disk's fault.
    pub fn snapshot(&self, tree: &Oid, dest: &Path) -> Result<Snapshot, WorkspaceError> {
        self.snapshot_after(tree, dest, None)
    }

    /// As [`Repo::snapshot`]. With `before`, an export of this process that is still there, it
    /// costs what differs, and a link for each other file. Nobody may write to either of them then.
    ///
    /// # Errors
    /// As [`Repo::snapshot`].
    pub fn snapshot_after(
        &self,
        tree: &Oid,
        dest: &Path,
        before: Option<&Snapshot>,
    ) -> Result<Snapshot, WorkspaceError> {
        let repo = self.raw()?;
        let root = find_tree(&repo, *tree)?;
        let mut done = Export::new(&repo, before);
        let placed = beside::build(dest, |part| {
            let folder = Root::open(part)?;
            mode_set(folder.dir(), part)?;
            done.root = part.to_owned();
            let here = folder
                .folder(None)
                .map_err(|e| folder.failed("open", ".", e))?;
            done.folder(&root, Some(&here), &mut String::new(), 0)
        })?;
        let reused = placed == beside::Placed::Already;
        if reused {
            done = Export::new(&repo, None);
            done.folder(&root, None, &mut String::new(), 0)?;
        }
        Ok(Snapshot {
            path: dest.to_owned(),
            files: done.files,
            linked: done.linked,
            refused: done.refused,
            reused,
            left: done.left,
        })
    }
}

impl Snapshot {
    /// Removes the export before this one. The files that both have stay known as they were left,
    /// which they would not if somebody else removed it: a link less counts as a change.
    ///
    /// # Errors
    /// The disk's fault; the folder may be there still, in part.
    pub fn succeed(&mut self, before: &Snapshot) -> Result<(), WorkspaceError> {
        let (new, old) = (Root::open(&self.path)?, Root::open(&before.path)?);
        let mut folders: Option<(&str, Option<(OwnedFd, OwnedFd)>)> = None;
        let mut shared: Vec<&str> = Vec::new();
        let same = |path: &String, left: &Left| {
            let then = before.left.get(path);
            then.is_some_and(|then| left.stamp.is_same_file(&then.stamp))
        };
        shared.extend(
            self.left
                .iter()
                .filter(|(path, left)| same(path, left))
                .map(|(path, _)| path.as_str()),
        );
        shared.sort_unstable();
        let mut stamps = HashMap::new();
        for path in shared {
            let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
            if folders.as_ref().is_none_or(|(open, _)| *open != above) {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let open = |root: &Root| resolve(root.dir(), above, flags).ok();
                folders = Some((above, open(&new).zip(open(&old))));
            }
            let left = self.left[path].stamp;
            let stamp = match &folders {
                Some((_, Some((new, old)))) if stamp_at(new, name) == Some(left) => {
                    // Best effort: what stays goes with the folder.
                    let _ = rustix::fs::unlinkat(old, name, AtFlags::empty());
                    stamp_at(new, name).filter(|now| now.is_but_linked(&left))
                }
                _ => None,
            };
            stamps.insert(path.to_owned(), stamp);
        }
        for (path, stamp) in stamps {
            match (stamp, self.left.get_mut(&path)) {
                (Some(stamp), Some(left)) => left.stamp = stamp,
                _ => {
                    self.left.remove(&path);
                }
            }
        }
        std::fs::remove_dir_all(&before.path).map_err(WorkspaceError::io("remove", &before.path))
    }
}

/// Folders deeper than this are refused; no path of ours is.
const MAX_DEPTH: usize = 128;

/// An export under way.
struct Export<'a> {
    repo: &'a Repository,
    before: Option<(Root, &'a Snapshot)>,
    root: PathBuf,
    files: usize,
    linked: usize,
    refused: Vec<String>,
    left: HashMap<String, Left>,
}

impl<'a> Export<'a> {
    fn new(repo: &'a Repository, before: Option<&'a Snapshot>) -> Self {
        Self {
            repo,
            // One that is gone is no help, and no fault.
            before: before.and_then(|before| Some((Root::open(&before.path).ok()?, before))),
            root: PathBuf::new(),
            files: 0,
            linked: 0,
            refused: Vec::new(),
            left: HashMap::new(),
        }
    }

    /// Writes what is below a tree into the folder `here`; without one it only counts.
    fn folder(
        &mut self,
        tree: &Tree<'_>,
        here: Option<&OwnedFd>,
        prefix: &mut String,
        depth: usize,
    ) -> Result<(), WorkspaceError> {
        let length = prefix.len();
        let above = prefix.trim_end_matches('/');
        let above = if above.is_empty() { "." } else { above };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let old = self
            .before
            .as_ref()
            .and_then(|(root, _)| resolve(root.dir(), above, flags).ok());
        for entry in tree {
            let name = String::from_utf8_lossy(entry.name_bytes());
            prefix.push_str(&name);
            let mode = entry.filemode();
            let plain = entry.name().is_ok() && is_plain_name(&name);
            match entry.kind() {
                Some(ObjectType::Tree) if plain && depth < MAX_DEPTH => {
                    let made = here
                        .map(|here| self.mkdir(here, &name, prefix))
                        .transpose()?;
                    let below = find_tree(self.repo, Oid(entry.id()))?;
                    prefix.push('/');
                    self.folder(&below, made.as_ref(), prefix, depth + 1)?;
                }
                Some(ObjectType::Blob) if plain && matches!(mode, MODE_FILE | MODE_EXECUTABLE) => {
                    self.files += 1;
                    if let Some(here) = here {
                        let oid = entry.id();
                        self.file(here, old.as_ref(), &name, prefix, (oid, mode))?;
                    }
                }
                _ => self.refused.push(prefix.clone()),
            }
            prefix.truncate(length);
        }
        Ok(())
    }

    fn mkdir(&self, here: &OwnedFd, name: &str, path: &str) -> Result<OwnedFd, WorkspaceError> {
        let full = self.root.join(path);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::mkdirat(here, name, Mode::from_raw_mode(0o755))
            .and_then(|()| rustix::fs::openat(here, name, flags, Mode::empty()))
            .map_err(|e| WorkspaceError::io("create", &full)(e.into()))?;
        mode_set(&made, &full)?;
        Ok(made)
    }

    fn file(
        &mut self,
        here: &OwnedFd,
        old: Option<&OwnedFd>,
        name: &str,
        path: &str,
        (oid, mode): (git2::Oid, i32),
    ) -> Result<(), WorkspaceError> {
        let failed = || WorkspaceError::io("write", self.root.join(path));
        let known = self
            .before
            .as_ref()
            .and_then(|(_, before)| before.left.get(path))
            .filter(|left| left.oid == oid && left.mode == mode);
        let mut stamp = match (old, known) {
            (Some(old), Some(left)) => {
                link(old, here, name, left.stamp).map_err(|e| failed()(e.into()))?
            }
            _ => None,
        };
        self.linked += usize::from(stamp.is_some());
        if stamp.is_none() {
            let blob = self
                .repo
                .find_blob(oid)
                .map_err(WorkspaceError::object(Oid(oid)))?;
            let bits = if mode == MODE_EXECUTABLE {
                0o755
            } else {
                0o644
            };
            file_create(here, name, blob.content(), bits, false).map_err(failed())?;
            stamp = stamp_at(here, name);
        }
        if let Some(stamp) = stamp {
            self.left.insert(path.to_owned(), Left { oid, mode, stamp });
        }
        Ok(())
    }
}

/// Links a file of the folder `old` into `here`, if it stands there as it was left, and gives its
/// stamp now; otherwise nothing is at `here`.
fn link(old: &OwnedFd, here: &OwnedFd, name: &str, left: Stamp) -> Result<Option<Stamp>, Errno> {
    if stamp_at(old, name) != Some(left) {
        return Ok(None);
    }
    // A file system without links, or a file with too many: it is written.
    if rustix::fs::linkat(old, name, here, name, AtFlags::empty()).is_err() {
        return Ok(None);
    }
    match stamp_at(here, name) {
        // The link itself counts as a change, and nothing else may have.
        Some(now) if now.is_but_linked(&left) => Ok(Some(now)),
        _ => rustix::fs::unlinkat(here, name, AtFlags::empty()).map(|()| None),
    }
}

fn stamp_at(folder: impl AsFd, name: &str) -> Option<Stamp> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(Stamp::of(&stat))
}

/// A tree made by a stranger can hold any bytes as a name.
fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && !name.eq_ignore_ascii_case(".git")
        && !name.contains(['/', '\0'])
}

fn mode_set(folder: impl std::os::fd::AsFd, path: &Path) -> Result<(), WorkspaceError> {
    rustix::fs::fchmod(folder, Mode::from_raw_mode(0o755))
        .map_err(|e| WorkspaceError::io("set the mode of", path)(e.into()))
}
