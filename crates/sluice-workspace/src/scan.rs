//! Reads a folder on disk into a tree, by handle, minding its `.gitignore` files.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use git2::Repository;
use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;
use sluice_path::{Reason, RelPath};

use crate::embedded::{Marks, is_mark};
use crate::guard::{OnDisk, Root, is_temporary_name, read_regular, resolve};
use crate::tree::{MODE_EXECUTABLE, MODE_FILE, MODE_FOLDER};
use crate::{Oid, Repo, WorkspaceError};

pub(crate) mod ignores;
mod listing;

use ignores::Ignores;
use listing::Entries;
pub use listing::{Exported, FileOfDir, ListingOfDir};

/// Larger files are left out, bytes.
const FILE_LIMIT: u64 = 256 * 1024 * 1024;
/// Larger ignore files are not read, bytes.
const IGNORE_LIMIT: u64 = 1024 * 1024;
/// Deeper folders are left out.
pub(crate) const MAX_DEPTH: usize = 64;

/// The tree of a folder as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeOfDir {
    /// The tree, in the object database of the repository that was asked.
    pub oid: Oid,
    /// What is in the folder, is not ignored, and is not in the tree.
    pub skipped: Vec<Skipped>,
}

/// Something that was left out of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Below the folder; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why something was left out of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// A symbolic link.
    Symlink,
    /// A socket, FIFO or device, or another file system.
    NotRegular,
    /// The path rules forbid it: git's own data (a bare repository in a folder is, too), or a
    /// folder that a tool owns.
    Refused(Reason),
    /// The name is no UTF-8.
    NotUtf8,
    /// Larger than 256 MiB, or more than 64 folders deep.
    TooLarge,
    /// The user may not read it.
    Unreadable,
}

impl Repo {
    /// Writes the files below `dir` as a tree. Left out: `.git` and its disguises, what the
    /// folder's own `.gitignore` files ignore (unless its index tracks it), `node_modules` and its like, and everything that
    /// is no regular file. Nothing is executed, no filter and no line-ending rule is applied.
    ///
    /// # Errors
    /// A folder that cannot be read, or a repository that cannot be written.
    pub fn tree_of_dir(&self, dir: &Path) -> Result<TreeOfDir, WorkspaceError> {
        let repo = self.raw()?;
        let root = Root::open(dir)?;
        let mut scan = Scan::new(Some(&repo), &root);
        let oid = match scan.root()? {
            Some(oid) => oid,
            None => crate::tree_update::tree_update(&repo, None, [])?,
        };
        Ok(TreeOfDir {
            oid,
            skipped: scan.skipped,
        })
    }
}

struct Scan<'a> {
    /// Where objects go; without one they are only named.
    repo: Option<&'a Repository>,
    root: &'a Root,
    ignores: Ignores,
    files: Vec<FileOfDir>,
    skipped: Vec<Skipped>,
}

impl<'a> Scan<'a> {
    fn new(repo: Option<&'a Repository>, root: &'a Root) -> Self {
        Self {
            repo,
            root,
            ignores: Ignores::new(root),
            files: Vec::new(),
            skipped: Vec::new(),
        }
    }

    fn root(&mut self) -> Result<Option<Oid>, WorkspaceError> {
        let folder = self.root.folder(None);
        let folder = folder.map_err(|e| self.root.failed("open", ".", e))?;
        self.folder(folder, "", 0, false)
    }

    fn folder(
        &mut self,
        folder: impl AsFd,
        path: &str,
        depth: usize,
        ignored: bool,
    ) -> Result<Option<Oid>, WorkspaceError> {
        let failed = |e: Errno| self.root.failed("list", path, e);
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_owned();
            if !matches!(name.to_bytes(), b"." | b"..") {
                names.push(name);
            }
        }
        names.sort();
        let mut marks = Marks::default();
        for name in names.iter().filter(|name| name.to_str().is_ok_and(is_mark)) {
            let kind = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
            let is_folder =
                kind.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
            marks.see(name.to_bytes(), is_folder);
        }
        if marks.is_repository() {
            if !path.is_empty() {
                self.skip(path.to_owned(), SkipReason::Refused(Reason::Git));
                return Ok(None);
            }
            // Of the folder that was asked for, only what makes it a repository is left out.
            names.retain(|name| {
                let is_mark = name.to_str().is_ok_and(is_mark);
                if is_mark {
                    self.skip(
                        name.to_string_lossy().into_owned(),
                        SkipReason::Refused(Reason::Git),
                    );
                }
                !is_mark
            });
        }
        let built = WorkspaceError::git(format!("build the tree of {path:?}"));
        let builder = self.repo.map(|repo| repo.treebuilder(None)).transpose();
        let mut entries = match builder {
            Ok(Some(builder)) => Entries::Kept(builder),
            Ok(None) => Entries::Named(Vec::new()),
            Err(e) => return Err(built(e)),
        };
        self.ignores
            .push(path, &ignore_file(self.root, &folder, path));
        for name in names {
            let Ok(name) = name.to_str() else {
                self.skip(join(path, &name.to_string_lossy()), SkipReason::NotUtf8);
                continue;
            };
            if let Some((oid, mode)) =
                self.entry(&folder, name, join(path, name), depth, ignored)?
                && !entries.insert(name, oid, mode)
            {
                // The object is there, so it is the name that libgit2 will not have.
                self.skip(join(path, name), SkipReason::Refused(Reason::Git));
            }
        }
        self.ignores.pop();
        entries.write()
    }

    fn entry(
        &mut self,
        folder: impl AsFd,
        name: &str,
        path: String,
        depth: usize,
        within_ignored: bool,
    ) -> Result<Option<(Oid, i32)>, WorkspaceError> {
        let kind = match crate::guard::kind_at(&folder, name) {
            Ok(kind) => kind,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(self.root.failed("look at", &path, e)),
        };
        let is_dir = kind == FileType::Directory;
        // Git's own folder is nobody's omission; it is not worth a line.
        if name == ".git" {
            return Ok(None);
        }
        // An ignored folder is still read for what is tracked in it.
        let ignored = within_ignored || self.ignores.ignores(&path, is_dir);
        if ignored && !self.ignores.tracks(&path, is_dir) {
            return Ok(None);
        }
        if let Some(reason) = refused(&path, name) {
            self.skip(path, SkipReason::Refused(reason));
            return Ok(None);
        }
        match kind {
            FileType::Symlink => self.skip(path, SkipReason::Symlink),
            FileType::Directory if depth + 1 >= MAX_DEPTH => self.skip(path, SkipReason::TooLarge),
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                match resolve(folder.as_fd(), name, flags) {
                    Ok(below) => {
                        let tree = self.folder(below, &path, depth + 1, ignored)?;
                        return Ok(tree.map(|oid| (oid, MODE_FOLDER)));
                    }
                    Err(e) => self.skip_failed(path, e)?,
                }
            }
            FileType::RegularFile if is_temporary_name(name) => {}
            FileType::RegularFile => match self.file(folder, name, &path) {
                Ok(Some(disk)) => {
                    let mode = if disk.executable {
                        MODE_EXECUTABLE
                    } else {
                        MODE_FILE
                    };
                    let oid = match self.repo {
                        None => Oid::of_blob(&disk.bytes),
                        Some(repo) => repo
                            .blob(&disk.bytes)
                            .map(Oid)
                            .map_err(WorkspaceError::git(format!("write {path}")))?,
                    };
                    self.files.push(FileOfDir {
                        path,
                        oid,
                        executable: disk.executable,
                    });
                    return Ok(Some((oid, mode)));
                }
                Ok(None) => {}
                Err(WorkspaceError::TooLarge { .. }) => self.skip(path, SkipReason::TooLarge),
                Err(WorkspaceError::NotAFile { .. }) => self.skip(path, SkipReason::NotRegular),
                Err(e) => return Err(e),
            },
            _ => self.skip(path, SkipReason::NotRegular),
        }
        Ok(None)
    }

    fn file(
        &mut self,
        folder: impl AsFd,
        name: &str,
        path: &str,
    ) -> Result<Option<OnDisk>, WorkspaceError> {
        match file_open(folder, name) {
            Ok(file) => {
                read_regular(file, path, FILE_LIMIT, || self.root.path().join(path)).map(Some)
            }
            Err(e) => self.skip_failed(path.to_owned(), e).map(|()| None),
        }
    }

    fn skip(&mut self, path: String, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }

    fn skip_failed(&mut self, path: String, errno: Errno) -> Result<(), WorkspaceError> {
        let reason = match errno {
            // It went away, or changed its kind, while we looked.
            Errno::NOENT | Errno::NOTDIR => return Ok(()),
            Errno::LOOP => SkipReason::Symlink,
            Errno::XDEV | Errno::NXIO => SkipReason::NotRegular,
            Errno::ACCESS | Errno::PERM => SkipReason::Unreadable,
            _ => return Err(self.root.failed("open", &path, errno)),
        };
        self.skip(path, reason);
        Ok(())
    }
}

/// Names of a person's own folder need not be what a reply may write, but git's own data and
/// what tools make never belong to a tree.
fn refused(path: &str, name: &str) -> Option<Reason> {
    match RelPath::parse(name).or_else(|_| RelPath::parse(path)) {
        Err(refusal) if matches!(refusal.reason, Reason::Git | Reason::ToolOwned) => {
            Some(refusal.reason)
        }
        _ => None,
    }
}

/// The ignore file of one folder; a link or a FIFO of that name has no rules.
pub(crate) fn ignore_file(root: &Root, folder: impl AsFd, path: &str) -> Vec<u8> {
    let at = || root.path().join(path);
    file_open(folder, ".gitignore")
        .ok()
        .and_then(|file| read_regular(file, ".gitignore", IGNORE_LIMIT, at).ok())
        .map_or_else(Vec::new, |disk| disk.bytes)
}

pub(crate) fn file_open(folder: impl AsFd, name: &str) -> Result<File, Errno> {
    let flags =
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    resolve(folder.as_fd(), name, flags).map(File::from)
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}
