//! Lists a folder as the tree that it would be, without a repository, and copies it as it was listed.

use std::path::{Path, PathBuf};

use git2::TreeBuilder;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{FILE_LIMIT, Scan, Skipped};
use crate::guard::{Root, file_create, read_regular, resolve};
use crate::tree::{MODE_EXECUTABLE, MODE_FILE, MODE_FOLDER};
use crate::{Oid, WorkspaceError, beside};

/// A folder as it was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingOfDir {
    dir: PathBuf,
    /// The tree that [`crate::Repo::tree_of_dir`] would write.
    pub oid: Oid,
    /// Its files, by path.
    pub files: Vec<FileOfDir>,
    /// What is in the folder, is not ignored, and is not in the tree.
    pub skipped: Vec<Skipped>,
}

/// A regular file of a listed folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOfDir {
    /// Below the folder.
    pub path: String,
    /// The blob that it would be.
    pub oid: Oid,
    /// Whether it carries the executable bit.
    pub executable: bool,
}

/// What came of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exported {
    /// Every file was as it was listed.
    Whole,
    /// This one was not: list the folder again.
    Changed(String),
}

impl ListingOfDir {
    /// Lists the files below `dir`. What is left out is what [`crate::Repo::tree_of_dir`] leaves out. Nothing is
    /// written.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn open(dir: &Path) -> Result<ListingOfDir, WorkspaceError> {
        let root = Root::open(dir)?;
        let mut scan = Scan::new(None, &root);
        let oid = match scan.root()? {
            Some(oid) => oid,
            None => of_tree(&[])?,
        };
        let mut files = scan.files;
        files.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(ListingOfDir {
            dir: dir.to_owned(),
            oid,
            files,
            skipped: scan.skipped,
        })
    }

    /// The content of a listed file; `None` when it is not listed, or not as it was listed any more.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let at = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        let root = Root::open(&self.dir).ok()?;
        self.read_in(&root, &self.files[at]).ok()?
    }

    /// Copies the files into the new folder `dest`, as [`crate::Repo::snapshot`] writes them.
    ///
    /// # Errors
    /// The disk's fault.
    pub fn export(&self, dest: &Path) -> Result<Exported, WorkspaceError> {
        let root = Root::open(&self.dir)?;
        let mut changed = None;
        let placed = beside::build(dest, |part| {
            let to = Root::open(part)?;
            let mut open: Option<(&str, rustix::fd::OwnedFd)> = None;
            mode_set(to.dir(), part)?;
            for file in &self.files {
                let Some(bytes) = self.read_in(&root, file)? else {
                    changed = Some(file.path.clone());
                    return Err(WorkspaceError::io("copy", part)(
                        std::io::ErrorKind::Interrupted.into(),
                    ));
                };
                let (above, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
                if open.as_ref().is_none_or(|(path, _)| *path != above) {
                    open = Some((above, folder_make(&to, above, part)?));
                }
                let bits = if file.executable { 0o755 } else { 0o644 };
                if let Some((_, folder)) = &open {
                    file_create(folder, name, &bytes, bits, false)
                        .map_err(WorkspaceError::io("write", part.join(&file.path)))?;
                }
            }
            Ok(())
        });
        match (placed, changed) {
            (_, Some(path)) => Ok(Exported::Changed(path)),
            (placed, None) => placed.map(|_| Exported::Whole),
        }
    }

    /// The bytes of a file, if it is as it was listed.
    fn read_in(&self, root: &Root, file: &FileOfDir) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let flags =
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = match resolve(root.dir(), &file.path, flags) {
            Ok(opened) => opened,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NXIO) => {
                return Ok(None);
            }
            Err(e) => return Err(root.failed("open", &file.path, e)),
        };
        let full = || self.dir.join(&file.path);
        match read_regular(opened.into(), &file.path, FILE_LIMIT, full) {
            Ok(disk) => {
                let is_same =
                    disk.executable == file.executable && Oid::of_blob(&disk.bytes) == file.oid;
                Ok(is_same.then_some(disk.bytes))
            }
            Err(WorkspaceError::TooLarge { .. } | WorkspaceError::NotAFile { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Makes a folder and those above it, for everybody to read.
fn folder_make(to: &Root, path: &str, part: &Path) -> Result<rustix::fd::OwnedFd, WorkspaceError> {
    let failed = |e: Errno| WorkspaceError::io("create", part.join(path))(e.into());
    let mut here = to.folder(None).map_err(failed)?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        match rustix::fs::mkdirat(&here, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(failed(e)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        here = rustix::fs::openat(&here, name, flags, Mode::empty()).map_err(failed)?;
        mode_set(&here, part)?;
    }
    Ok(here)
}

fn mode_set(folder: impl rustix::fd::AsFd, path: &Path) -> Result<(), WorkspaceError> {
    rustix::fs::fchmod(folder, Mode::from_raw_mode(0o755))
        .map_err(|e| WorkspaceError::io("set the mode of", path)(e.into()))
}

/// The entries of one folder.
pub(super) enum Entries<'a> {
    /// On their way into a repository.
    Kept(TreeBuilder<'a>),
    /// Only to be named.
    Named(Vec<(String, Oid, i32)>),
}

impl Entries<'_> {
    /// Adds one; `false` for a name that no tree takes.
    pub(super) fn insert(&mut self, name: &str, oid: Oid, mode: i32) -> bool {
        match self {
            Entries::Kept(builder) => builder.insert(name, oid.0, mode).is_ok(),
            Entries::Named(entries) => {
                let is_name = !matches!(name, "" | "." | "..") && !name.contains('/');
                if is_name {
                    entries.push((name.to_owned(), oid, mode));
                }
                is_name
            }
        }
    }

    /// The tree; `None` without entries.
    pub(super) fn write(self) -> Result<Option<Oid>, WorkspaceError> {
        match self {
            Entries::Kept(builder) if builder.is_empty() => Ok(None),
            Entries::Kept(builder) => builder
                .write()
                .map(|oid| Some(Oid(oid)))
                .map_err(WorkspaceError::git("write a tree")),
            Entries::Named(entries) if entries.is_empty() => Ok(None),
            Entries::Named(mut entries) => {
                // Git's order: a folder stands where its name with a slash would.
                entries.sort_by_key(|(name, _, mode)| match *mode {
                    MODE_FOLDER => format!("{name}/").into_bytes(),
                    _ => name.clone().into_bytes(),
                });
                of_tree(&entries).map(Some)
            }
        }
    }
}

/// The name of a tree with these entries.
fn of_tree(entries: &[(String, Oid, i32)]) -> Result<Oid, WorkspaceError> {
    let mut bytes = Vec::new();
    for (name, oid, mode) in entries {
        debug_assert!(matches!(*mode, MODE_FILE | MODE_EXECUTABLE | MODE_FOLDER));
        bytes.extend_from_slice(format!("{mode:o} {name}\0").as_bytes());
        bytes.extend_from_slice(oid.0.as_bytes());
    }
    git2::Oid::hash_object(git2::ObjectType::Tree, &bytes)
        .map(Oid)
        .map_err(WorkspaceError::git("name a tree"))
}
