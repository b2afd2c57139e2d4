//! Reads and writes below one folder by directory handle, so that no link leads out of it.
//!
//! The folder is opened once. Every path is resolved from that handle by `openat2` in one system
//! call that refuses links, magic links, mount points and leaving the root, so that swapping a
//! folder for a link at any moment gains nothing. A file is written under a temporary name in
//! its own folder and renamed: what stood there (a hard link, a FIFO, a link) is replaced and
//! never opened, and a reader sees the old file or the new one.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use sluice_path::{Reason, RelPath};

use crate::WorkspaceError;

mod folder;
mod stage;

pub(crate) use stage::Staged;

/// How often a lookup that lost a race is tried again before the caller hears of it.
const RETRIES: usize = 64;

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// A folder below which files are read and written.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    path: PathBuf,
}

/// When what is written is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// By each call, when it returns.
    Now,
    /// By [`Root::sync`], for all at once.
    Later,
}

/// What says that a file is not the one that it was, or not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    mode: u32,
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            mode: stat.st_mode,
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether both are of one file.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether nothing but the number of its links has changed since, as far as can be seen.
    pub(crate) fn is_but_linked(&self, before: &Self) -> bool {
        let changed = before.changed;
        Self { changed, ..*self } == *before
    }
}

/// A regular file as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

impl Root {
    /// Opens the folder. Links in `path` itself are followed: it is the caller's own word.
    ///
    /// # Errors
    /// No folder is there, or it may not be opened.
    pub fn open(path: &Path) -> Result<Self, WorkspaceError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|e| WorkspaceError::io("open", path)(e.into()))?;
        Ok(Self {
            dir,
            path: path.to_owned(),
        })
    }

    /// Opens the folder and makes it first if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made or opened.
    pub fn create(path: &Path) -> Result<Self, WorkspaceError> {
        fs::create_dir_all(path).map_err(WorkspaceError::io("create", path))?;
        Self::open(path)
    }

    /// Where the folder was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Puts a file at `path`, making its folders; durable when it returns. Mode 0644 or 0755.
    ///
    /// # Errors
    /// Refused: a link or a file where a folder must be, a link or a folder where the file goes.
    pub fn write(
        &self,
        path: &RelPath,
        bytes: &[u8],
        executable: bool,
    ) -> Result<(), WorkspaceError> {
        self.stage(path, bytes, executable)?.place()
    }

    /// The regular file at `path`, opened without waiting and read up to `limit` bytes; `None`
    /// when nothing is there. Anything else there, and a larger file, is an error.
    ///
    /// # Errors
    /// [`WorkspaceError::Refused`] where a link is in the way, [`WorkspaceError::NotAFile`],
    /// [`WorkspaceError::TooLarge`], or the disk's fault.
    pub fn read(&self, path: &RelPath, limit: u64) -> Result<Option<OnDisk>, WorkspaceError> {
        let flags =
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        let text = path.as_str();
        let not_a_file = || WorkspaceError::NotAFile {
            path: text.to_owned(),
        };
        // Looked at first: opening a FIFO lets its writer go on, and opening a device can do anything.
        match self.kind(text)? {
            None => return Ok(None),
            Some(FileType::RegularFile) => {}
            Some(FileType::Symlink) => return Err(self.failed("open", text, Errno::LOOP)),
            Some(_) => return Err(not_a_file()),
        }
        let opened = match resolve(self.dir(), text, flags) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            // What a socket answers to being opened, if it came here after the look.
            Err(Errno::NXIO) => return Err(not_a_file()),
            Err(e) => return Err(self.failed("open", text, e)),
        };
        read_regular(opened, text, limit, || self.path.join(text)).map(Some)
    }

    /// Removes the file at `path` and the folders that this empties; false when none was there.
    ///
    /// # Errors
    /// [`WorkspaceError::Refused`] where a link is in the way, or the disk's fault.
    pub fn delete(&self, path: &RelPath) -> Result<bool, WorkspaceError> {
        self.delete_for(path, Durable::Now)
    }

    pub(crate) fn delete_for(
        &self,
        path: &RelPath,
        durable: Durable,
    ) -> Result<bool, WorkspaceError> {
        let text = path.as_str();
        let folder = match self.folder(path.parent()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(false),
            Err(e) => return Err(self.failed("open the folder of", text, e)),
        };
        match kind_at(&folder, path.file_name()) {
            Ok(FileType::Directory) => {
                return Err(WorkspaceError::NotAFile {
                    path: text.to_owned(),
                });
            }
            Ok(_) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(e) => return Err(self.failed("look at", text, e)),
        }
        match rustix::fs::unlinkat(&folder, path.file_name(), AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(e) => return Err(self.failed("delete", text, e)),
        }
        if durable == Durable::Now {
            rustix::fs::fsync(&folder).map_err(|e| self.failed("sync the folder of", text, e))?;
        }
        self.empty_parents_remove(path.parent());
        Ok(true)
    }

    /// Removes `folder` and its parents as far as they are empty. Best effort: an empty folder is
    /// nothing to git.
    pub(crate) fn empty_parents_remove(&self, folder: Option<&str>) {
        let mut next = folder;
        while let Some(path) = next {
            let (above, name) = path
                .rsplit_once('/')
                .map_or((None, path), |(a, n)| (Some(a), n));
            let removed = self
                .folder(above)
                .and_then(|dir| rustix::fs::unlinkat(&dir, name, AtFlags::REMOVEDIR));
            // One that is not there may still have been the reason for those above it.
            if !matches!(removed, Ok(()) | Err(Errno::NOENT)) {
                return;
            }
            next = above;
        }
    }

    /// What a path is, if anything; no link is followed or accepted on the way or at its end.
    pub(crate) fn kind(&self, path: &str) -> Result<Option<FileType>, WorkspaceError> {
        match resolve(self.dir(), path, OFlags::PATH | OFlags::CLOEXEC) {
            Ok(fd) => {
                let stat = rustix::fs::fstat(&fd).map_err(|e| self.failed("look at", path, e))?;
                Ok(Some(FileType::from_raw_mode(stat.st_mode)))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(self.failed("look at", path, e)),
        }
    }

    /// The stamp of what stands at a path, if anything.
    pub(crate) fn stamp(&self, path: &str) -> Result<Option<Stamp>, WorkspaceError> {
        match resolve(self.dir(), path, OFlags::PATH | OFlags::CLOEXEC) {
            Ok(fd) => {
                let stat = rustix::fs::fstat(&fd).map_err(|e| self.failed("look at", path, e))?;
                Ok(Some(Stamp::of(&stat)))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(self.failed("look at", path, e)),
        }
    }

    /// Makes all that was written durable, with everything else of this file system.
    pub(crate) fn sync(&self) -> Result<(), WorkspaceError> {
        rustix::fs::syncfs(self.dir()).map_err(|e| self.failed("sync", ".", e))
    }

    /// Whether a path is a regular file, reached without a link.
    pub(crate) fn is_regular(&self, path: &str) -> bool {
        matches!(self.kind(path), Ok(Some(FileType::RegularFile)))
    }

    /// Says what a failed system call means for a path.
    pub(crate) fn failed(&self, what: &'static str, path: &str, errno: Errno) -> WorkspaceError {
        let refused = |reason| WorkspaceError::Refused {
            path: path.to_owned(),
            reason,
        };
        match errno {
            Errno::LOOP => refused(Reason::Symlink),
            Errno::NOTDIR => refused(Reason::NotADirectory),
            // A rename or removal of what something is mounted on is "busy".
            Errno::XDEV | Errno::BUSY => WorkspaceError::MountPoint {
                path: path.to_owned(),
            },
            _ => WorkspaceError::io(what, self.path.join(path))(errno.into()),
        }
    }
}

/// Opens a path below `dir`, never through a link. `path` must be checked text: no `..`.
pub(crate) fn resolve(dir: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    for _ in 0..RETRIES {
        match rustix::fs::openat2(dir, path, flags, Mode::empty(), RESOLVE) {
            // The kernel saw a rename beside its walk and cannot vouch for the answer.
            Err(Errno::AGAIN | Errno::INTR) => {}
            answer => return answer,
        }
    }
    Err(Errno::AGAIN)
}

/// Reads a file that was opened without waiting, if it is a regular one.
pub(crate) fn read_regular(
    file: File,
    path: &str,
    limit: u64,
    full: impl Fn() -> PathBuf,
) -> Result<OnDisk, WorkspaceError> {
    let failed = |e: std::io::Error| WorkspaceError::io("read", full())(e);
    let stat = rustix::fs::fstat(&file).map_err(|e| failed(e.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(WorkspaceError::NotAFile {
            path: path.to_owned(),
        });
    }
    let too_large = || WorkspaceError::TooLarge {
        path: path.to_owned(),
        limit,
    };
    if u64::try_from(stat.st_size).is_ok_and(|size| size > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read.
    let read = file
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if read as u64 > limit {
        return Err(too_large());
    }
    Ok(OnDisk {
        bytes,
        executable: stat.st_mode & 0o100 != 0,
    })
}

/// What stands at a name of an open folder; a link is not followed.
pub(crate) fn kind_at(dir: impl AsFd, name: &str) -> Result<FileType, Errno> {
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// Writes a new file with exactly this mode, whatever the umask says.
pub(crate) fn file_create(
    dir: impl AsFd,
    name: &str,
    bytes: &[u8],
    mode: u32,
    sync: bool,
) -> std::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o600))?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    if sync {
        file.sync_all()?;
    }
    Ok(())
}

/// Sixteen hexadecimal digits that no other call of any process gives, as good as surely.
pub(crate) fn random_hex() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// Whether a name is one of our temporary ones, `.` and sixteen hexadecimal digits.
pub fn is_temporary_name(name: &str) -> bool {
    name.strip_prefix('.').is_some_and(|hex| {
        hex.len() == 16
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests;
