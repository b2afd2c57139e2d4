//! Finds what a person changed in a working tree, by a stat walk that reads only what may differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, SystemTime};

use git2::Repository;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sluice_path::{Reason, RelPath};

use crate::guard::{Root, is_temporary_name, read_regular, resolve};
use crate::scan::ignores::Ignores;
use crate::scan::{MAX_DEPTH, file_open, ignore_file, join};
use crate::tree::{find_tree, walk};
use crate::{FileDifference, FileState, Oid, Repo, SkipReason, Skipped, WorkspaceError};

mod leftovers;

use leftovers::is_leftover;

/// A file that changed this shortly before it was read may change again within the same tick of the
/// file system's clock, so it is read again next time, as git does with a racily clean index.
const TICK_NS: i64 = 20_000_000;

/// What is known of the files of one working tree: a file whose stat is the same was not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seen(BTreeMap<String, SeenFile>);

/// A file's stat when it was read, and what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct SeenFile {
    stat: Key,
    oid: Oid,
}

/// What a change of a file changes: size, times in nanoseconds, inode, mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Key(i64, i64, i64, u64, u32);

impl Key {
    fn of(stat: &Stat) -> Key {
        Key(
            stat.st_size,
            nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed_at(stat),
            stat.st_ino,
            stat.st_mode,
        )
    }
}

/// How a working tree differs from the tree that it was last brought to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// The regular files that differ, by path; their blobs are in the repository.
    pub changes: Vec<FileDifference>,
    /// What is there and never becomes part of a tree, with the reason.
    pub left_alone: Vec<Skipped>,
    /// Files that were being written; look again.
    pub unsettled: Vec<String>,
    /// The folders that were looked into, `""` for the working tree itself.
    pub folders: Vec<String>,
    /// Every file is gone: that is no edit, and `changes` is empty.
    pub is_emptied: bool,
    /// How many files were looked at.
    pub files: usize,
    /// How many of them were read.
    pub read: usize,
}

impl Repo {
    /// Compares the folder `dir` with the tree `shown`. Left out is what the folder's `.gitignore` files
    /// ignore, what editors leave, and what tools own, unless `shown` has it. No link is followed, nothing but regular
    /// files is opened. A file that changed less than `quiet` ago counts as unsettled.
    ///
    /// # Errors
    /// A folder that cannot be read, or a repository that cannot be written.
    pub fn work_tree_look(
        &self,
        dir: &Path,
        shown: Option<&Oid>,
        seen: &mut Seen,
        quiet: Duration,
        largest: u64,
    ) -> Result<Looked, WorkspaceError> {
        let repo = self.raw()?;
        let root = Root::open(dir)?;
        let mut known = BTreeMap::new();
        if let Some(shown) = shown {
            let tree = find_tree(&repo, *shown)?;
            walk(&repo, &tree, &mut String::new(), &mut |path, entry| {
                if let Some(file) = FileState::of(entry) {
                    known.insert(path.to_owned(), file);
                }
                Ok(())
            })?;
        }
        let tracked = known.keys().map(|path| path.clone().into_bytes()).collect();
        let mut walking = Walking {
            repo: &repo,
            root: &root,
            ignores: Ignores::with(tracked),
            known: &known,
            before: std::mem::take(&mut seen.0),
            after: BTreeMap::new(),
            found: BTreeSet::new(),
            blocked: BTreeSet::new(),
            folders: BTreeSet::new(),
            fresh: BTreeSet::new(),
            now: now(),
            quiet: i64::try_from(quiet.as_nanos()).unwrap_or(i64::MAX),
            largest,
            looked: Looked::default(),
        };
        let folder = root.folder(None).map_err(|e| root.failed("open", ".", e))?;
        walking.folder(folder, "", 0, false)?;
        walking.deletions();
        let Walking {
            after,
            folders,
            looked,
            ..
        } = walking;
        seen.0 = after;
        Ok(Looked {
            folders: folders.into_iter().collect(),
            ..looked
        })
    }
}

struct Walking<'a> {
    repo: &'a Repository,
    root: &'a Root,
    ignores: Ignores,
    known: &'a BTreeMap<String, FileState>,
    before: BTreeMap<String, SeenFile>,
    after: BTreeMap<String, SeenFile>,
    /// Regular files that are there.
    found: BTreeSet<String>,
    /// Paths of which, and below which, nothing can be said.
    blocked: BTreeSet<String>,
    folders: BTreeSet<String>,
    /// Folders in which something changed just now.
    fresh: BTreeSet<String>,
    now: i64,
    quiet: i64,
    largest: u64,
    looked: Looked,
}

impl Walking<'_> {
    fn folder(
        &mut self,
        folder: OwnedFd,
        path: &str,
        depth: usize,
        ignored: bool,
    ) -> Result<(), WorkspaceError> {
        let failed = |e: Errno| self.root.failed("list", path, e);
        let stat = rustix::fs::fstat(&folder).map_err(failed)?;
        if self.is_fresh(&stat) {
            self.fresh.insert(path.to_owned());
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_owned();
            if !matches!(name.to_bytes(), b"." | b".." | b".git") {
                names.push(name);
            }
        }
        names.sort();
        self.folders.insert(path.to_owned());
        let rules = ignore_file(self.root, &folder, path);
        self.ignores.push(path, &rules);
        for name in names {
            let Ok(name) = name.to_str() else {
                self.leave(join(path, &name.to_string_lossy()), SkipReason::NotUtf8);
                continue;
            };
            self.entry(&folder, name, join(path, name), depth, ignored)?;
        }
        self.ignores.pop();
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: &str,
        path: String,
        depth: usize,
        within_ignored: bool,
    ) -> Result<(), WorkspaceError> {
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return self.leave_failed(path, e),
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let is_dir = kind == FileType::Directory;
        let ignored = within_ignored
            || (!is_dir && (is_temporary_name(name) || is_leftover(name)))
            || self.ignores.ignores(&path, is_dir);
        if ignored && !self.ignores.tracks(&path, is_dir) {
            return Ok(());
        }
        match RelPath::parse(&path) {
            // What tools make is always there, and nobody's omission.
            Err(refusal) if refusal.reason == Reason::ToolOwned => return Ok(()),
            Err(refusal) => {
                self.leave(path, SkipReason::Refused(refusal.reason));
                return Ok(());
            }
            // Written in another way than a tree would have it.
            Ok(plain) if plain.as_str() != path => {
                self.leave(path, SkipReason::Refused(Reason::Reserved));
                return Ok(());
            }
            Ok(_) => {}
        }
        match kind {
            FileType::Symlink => self.leave(path, SkipReason::Symlink),
            FileType::Directory if depth + 1 >= MAX_DEPTH => self.leave(path, SkipReason::TooLarge),
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                match resolve(folder.as_fd(), name, flags) {
                    Ok(below) => self.folder(below, &path, depth + 1, ignored)?,
                    Err(e) => self.leave_failed(path, e)?,
                }
            }
            FileType::RegularFile => self.file(folder, name, path, &stat)?,
            _ => self.leave(path, SkipReason::NotRegular),
        }
        Ok(())
    }

    fn file(
        &mut self,
        folder: &OwnedFd,
        name: &str,
        path: String,
        stat: &Stat,
    ) -> Result<(), WorkspaceError> {
        self.looked.files += 1;
        self.found.insert(path.clone());
        let known = self.known.get(&path).copied();
        let executable = stat.st_mode & 0o100 != 0;
        if let Some(seen) = self.before.get(&path).copied()
            && seen.stat == Key::of(stat)
            && (known.is_some_and(|known| known.oid == seen.oid) || self.has(seen.oid))
        {
            self.after.insert(path.clone(), seen);
            self.changed(path, seen.oid, executable);
            return Ok(());
        }
        if self.is_fresh(stat) {
            self.looked.unsettled.push(path);
            return Ok(());
        }
        let file = match file_open(folder, name) {
            Ok(file) => file,
            Err(e) => return self.leave_failed(path, e),
        };
        match self.read(folder, name, file, &path)? {
            Read::Whole { oid, stat } => {
                let executable = stat.st_mode & 0o100 != 0;
                let at = changed_at(&stat);
                // A clock that was set back says nothing about what is newer.
                if at < self.now - TICK_NS {
                    let stat = Key::of(&stat);
                    self.after.insert(path.clone(), SeenFile { stat, oid });
                }
                self.changed(path, oid, executable);
            }
            Read::Moving => self.looked.unsettled.push(path),
            Read::Not(reason) => self.leave(path, reason),
        }
        Ok(())
    }

    /// Reads a file, and sees whether it changed meanwhile.
    fn read(
        &mut self,
        folder: &OwnedFd,
        name: &str,
        file: File,
        path: &str,
    ) -> Result<Read, WorkspaceError> {
        let full = || self.root.path().join(path);
        let failed = |e: Errno| self.root.failed("look at", path, e);
        let before = rustix::fs::fstat(&file).map_err(failed)?;
        let bytes = match read_regular(file, path, self.largest, full) {
            Ok(disk) => disk.bytes,
            Err(WorkspaceError::TooLarge { .. }) => return Ok(Read::Not(SkipReason::TooLarge)),
            Err(WorkspaceError::NotAFile { .. }) => return Ok(Read::Not(SkipReason::NotRegular)),
            Err(e) => return Err(e),
        };
        self.looked.read += 1;
        match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(after) if Key::of(&after) == Key::of(&before) => {}
            Ok(_) | Err(Errno::NOENT) => return Ok(Read::Moving),
            Err(e) => return Err(failed(e)),
        }
        let oid = Oid::of_blob(&bytes);
        if self.known.get(path).is_none_or(|known| known.oid != oid) {
            let written = self.repo.blob(&bytes);
            written.map_err(WorkspaceError::git(format!("write {path}")))?;
        }
        Ok(Read::Whole { oid, stat: before })
    }

    fn changed(&mut self, path: String, oid: Oid, executable: bool) {
        let from = self.known.get(&path).copied();
        let to = Some(FileState { oid, executable });
        if from != to {
            let change = FileDifference { path, from, to };
            self.looked.changes.push(change);
        }
    }

    /// Known files that are not there any more.
    fn deletions(&mut self) {
        let mut gone = Vec::new();
        for (path, file) in self.known {
            if self.found.contains(path) || self.is_blocked(path) {
                continue;
            }
            if self.is_in_the_way(path) {
                self.leave(path.clone(), SkipReason::NotRegular);
            } else if self.is_in_fresh(path) {
                // An editor may be about to put it back.
                self.looked.unsettled.push(path.clone());
            } else {
                gone.push((path.clone(), *file));
            }
        }
        self.looked.is_emptied = !gone.is_empty() && self.found.is_empty();
        if self.looked.is_emptied {
            return;
        }
        let gone = gone.into_iter().map(|(path, file)| FileDifference {
            path,
            from: Some(file),
            to: None,
        });
        self.looked.changes.extend(gone);
        self.looked.changes.sort_by(|a, b| a.path.cmp(&b.path));
    }

    fn is_blocked(&self, path: &str) -> bool {
        above(path).any(|path| self.blocked.contains(path))
    }

    /// A folder without files of its own stands where the file was.
    fn is_in_the_way(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let next = self.found.range(below.clone()..).next();
        let is_folder = self.folders.contains(path);
        is_folder && !next.is_some_and(|next| next.starts_with(&below))
    }

    /// Whether the nearest folder that is left changed just now.
    fn is_in_fresh(&self, path: &str) -> bool {
        let folder = above(path)
            .skip(1)
            .find(|folder| self.folders.contains(*folder));
        self.fresh.contains(folder.unwrap_or(""))
    }

    fn is_fresh(&self, stat: &Stat) -> bool {
        // What lies in the future was not changed just now: somebody set the clock.
        (0..self.quiet).contains(&(self.now - changed_at(stat)))
    }

    fn has(&self, oid: Oid) -> bool {
        self.repo.odb().is_ok_and(|odb| odb.exists(oid.0))
    }

    fn leave(&mut self, path: String, reason: SkipReason) {
        self.blocked.insert(path.clone());
        self.looked.left_alone.push(Skipped { path, reason });
    }

    fn leave_failed(&mut self, path: String, errno: Errno) -> Result<(), WorkspaceError> {
        let reason = match errno {
            // It went away, or changed its kind, while we looked.
            Errno::NOENT | Errno::NOTDIR => {
                self.blocked.insert(path.clone());
                self.looked.unsettled.push(path);
                return Ok(());
            }
            Errno::LOOP => SkipReason::Symlink,
            Errno::XDEV | Errno::NXIO => SkipReason::NotRegular,
            Errno::ACCESS | Errno::PERM => SkipReason::Unreadable,
            _ => return Err(self.root.failed("open", &path, errno)),
        };
        self.leave(path, reason);
        Ok(())
    }
}

enum Read {
    Whole { oid: Oid, stat: Stat },
    Moving,
    Not(SkipReason),
}

/// A path and the folders above it, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        path.rsplit_once('/').map(|(above, _)| above)
    })
}

fn changed_at(stat: &Stat) -> i64 {
    nanoseconds(stat.st_ctime, stat.st_ctime_nsec)
}

fn nanoseconds(seconds: i64, part: impl TryInto<i64>) -> i64 {
    let part = part.try_into().unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(part)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}
