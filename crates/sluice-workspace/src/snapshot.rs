//! Exports a tree into a folder of its own, without git data, for a sandbox to read.

use std::path::{Path, PathBuf};

use git2::{ObjectType, Repository, Tree};
use rustix::fs::{Mode, OFlags};

use crate::guard::{Root, file_create, resolve};
use crate::tree::{MODE_EXECUTABLE, MODE_FILE, find_tree};
use crate::{Oid, Repo, WorkspaceError, beside};

/// An exported tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder.
    pub path: PathBuf,
    /// Regular files in it.
    pub files: usize,
    /// Entries of the tree that were not written: links, submodules, names that no folder takes.
    pub refused: Vec<String>,
    /// Set when the folder was there already, from an earlier export.
    pub reused: bool,
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
        let repo = self.raw()?;
        let root = find_tree(&repo, *tree)?;
        let mut done = Export {
            repo: &repo,
            dest: None,
            files: 0,
            refused: Vec::new(),
        };
        let placed = beside::build(dest, |part| {
            let folder = Root::open(part)?;
            mode_set(folder.dir(), part)?;
            done.dest = Some(folder);
            done.folder(&root, &mut String::new(), 0)
        })?;
        let reused = placed == beside::Placed::Already;
        if reused {
            done = Export {
                repo: &repo,
                dest: None,
                files: 0,
                refused: Vec::new(),
            };
            done.folder(&root, &mut String::new(), 0)?;
        }
        Ok(Snapshot {
            path: dest.to_owned(),
            files: done.files,
            refused: done.refused,
            reused,
        })
    }
}

/// Folders deeper than this are refused; no path of ours is.
const MAX_DEPTH: usize = 128;

/// An export under way; without a destination it only counts.
struct Export<'a> {
    repo: &'a Repository,
    dest: Option<Root>,
    files: usize,
    refused: Vec<String>,
}

impl Export<'_> {
    fn folder(
        &mut self,
        tree: &Tree<'_>,
        prefix: &mut String,
        depth: usize,
    ) -> Result<(), WorkspaceError> {
        let length = prefix.len();
        for entry in tree {
            let name = String::from_utf8_lossy(entry.name_bytes());
            prefix.push_str(&name);
            let mode = entry.filemode();
            let plain = entry.name().is_ok() && is_plain_name(&name);
            match entry.kind() {
                Some(ObjectType::Tree) if plain && depth < MAX_DEPTH => {
                    self.mkdir(prefix)?;
                    let below = find_tree(self.repo, Oid(entry.id()))?;
                    prefix.push('/');
                    self.folder(&below, prefix, depth + 1)?;
                }
                Some(ObjectType::Blob) if plain && matches!(mode, MODE_FILE | MODE_EXECUTABLE) => {
                    self.file(prefix, &name, Oid(entry.id()), mode)?;
                }
                _ => self.refused.push(prefix.clone()),
            }
            prefix.truncate(length);
        }
        Ok(())
    }

    fn mkdir(&self, path: &str) -> Result<(), WorkspaceError> {
        let Some(dest) = &self.dest else {
            return Ok(());
        };
        let folder = dest
            .folder_create(Some(path))
            .map_err(|e| dest.failed("create", path, e))?;
        mode_set(&folder, &dest.path().join(path))
    }

    fn file(&mut self, path: &str, name: &str, oid: Oid, mode: i32) -> Result<(), WorkspaceError> {
        self.files += 1;
        let Some(dest) = &self.dest else {
            return Ok(());
        };
        let blob = self
            .repo
            .find_blob(oid.0)
            .map_err(WorkspaceError::object(oid))?;
        let mode = if mode == MODE_EXECUTABLE {
            0o755
        } else {
            0o644
        };
        let above = path.rsplit_once('/').map(|(above, _)| above);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = resolve(dest.dir(), above.unwrap_or("."), flags)
            .map_err(|e| dest.failed("open the folder of", path, e))?;
        file_create(&folder, name, blob.content(), mode, false)
            .map_err(WorkspaceError::io("write", dest.path().join(path)))
    }
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
