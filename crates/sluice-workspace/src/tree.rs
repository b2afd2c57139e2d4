//! Reads trees.

use git2::{ErrorCode, ObjectType, Repository, Tree};
use sluice_path::RelPath;

use crate::{Oid, Repo, WorkspaceError};

pub(crate) const MODE_FILE: i32 = 0o100_644;
pub(crate) const MODE_EXECUTABLE: i32 = 0o100_755;
pub(crate) const MODE_FOLDER: i32 = 0o040_000;
pub(crate) const MODE_LINK: i32 = 0o120_000;

/// A regular file in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its blob.
    pub oid: Oid,
    /// Whether it carries the executable bit.
    pub executable: bool,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What a name in a tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A symbolic link; never followed and never written by Sluice.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// What a path in a tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// One line of a tree, folders opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Below the root of the tree; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// The blob, or the submodule's commit.
    pub oid: Oid,
    /// Bytes; 0 for a submodule.
    pub size: u64,
    /// Whether it carries the executable bit.
    pub executable: bool,
    /// What it is.
    pub kind: EntryKind,
}

impl Repo {
    /// The regular file at `path`; `None` when there is none, or something else.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when the tree is not in the repository.
    pub fn file_read(
        &self,
        tree: &Oid,
        path: &RelPath,
    ) -> Result<Option<FileEntry>, WorkspaceError> {
        self.file_read_raw(tree, path.as_str())
    }

    /// As [`Repo::file_read`], for trees whose names are not held to the rules for paths.
    ///
    /// # Errors
    /// As [`Repo::file_read`].
    pub fn file_read_raw(
        &self,
        tree: &Oid,
        path: &str,
    ) -> Result<Option<FileEntry>, WorkspaceError> {
        let repo = self.raw()?;
        let root = find_tree(&repo, *tree)?;
        let entry = match root.get_path(path.as_ref()) {
            Ok(entry) => entry,
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
            Err(e) => return Err(WorkspaceError::git(format!("read {path}"))(e)),
        };
        let executable = entry.filemode() == MODE_EXECUTABLE;
        if entry.kind() != Some(ObjectType::Blob) || entry.filemode() == MODE_LINK {
            return Ok(None);
        }
        let oid = Oid(entry.id());
        let blob = repo.find_blob(oid.0).map_err(WorkspaceError::object(oid))?;
        Ok(Some(FileEntry {
            oid,
            executable,
            bytes: blob.content().to_vec(),
        }))
    }

    /// What stands at `path`, folders included; `None` when nothing does.
    ///
    /// # Errors
    /// As [`Repo::file_read`].
    pub fn kind_at(&self, tree: &Oid, path: &str) -> Result<Option<PathKind>, WorkspaceError> {
        let repo = self.raw()?;
        let root = find_tree(&repo, *tree)?;
        let entry = match root.get_path(path.as_ref()) {
            Ok(entry) => entry,
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
            Err(e) => return Err(WorkspaceError::git(format!("read {path}"))(e)),
        };
        Ok(Some(match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Tree), _) => PathKind::Folder,
            (Some(ObjectType::Commit), _) => PathKind::Submodule,
            (_, MODE_LINK) => PathKind::Symlink,
            _ => PathKind::File,
        }))
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], or an object that is no blob.
    pub fn blob_read(&self, oid: &Oid) -> Result<Vec<u8>, WorkspaceError> {
        let repo = self.raw()?;
        let blob = repo
            .find_blob(oid.0)
            .map_err(WorkspaceError::object(*oid))?;
        Ok(blob.content().to_vec())
    }

    /// Every file, link and submodule below `tree`, in git's order.
    ///
    /// A tree of more than 200,000 entries is refused: a few objects can name any number of them.
    ///
    /// # Errors
    /// [`WorkspaceError::TooManyEntries`], or [`WorkspaceError::Missing`].
    pub fn tree_list(&self, tree: &Oid) -> Result<Vec<Entry>, WorkspaceError> {
        let repo = self.raw()?;
        let root = find_tree(&repo, *tree)?;
        let odb = repo.odb().map_err(WorkspaceError::git("open objects"))?;
        let mut entries = Vec::new();
        walk(&repo, &root, &mut String::new(), &mut |path, entry| {
            let kind = match entry.filemode() {
                MODE_LINK => EntryKind::Symlink,
                _ if entry.kind() == Some(ObjectType::Commit) => EntryKind::Submodule,
                _ => EntryKind::File,
            };
            if entries.len() >= MAX_ENTRIES {
                return Err(WorkspaceError::TooManyEntries {
                    tree: *tree,
                    limit: MAX_ENTRIES,
                });
            }
            let oid = Oid(entry.id());
            let size = match kind {
                EntryKind::Submodule => 0,
                _ => {
                    odb.read_header(oid.0)
                        .map_err(WorkspaceError::object(oid))?
                        .0 as u64
                }
            };
            let executable = entry.filemode() == MODE_EXECUTABLE;
            entries.push(Entry {
                path: path.to_owned(),
                oid,
                size,
                executable,
                kind,
            });
            Ok(())
        })?;
        Ok(entries)
    }
}

pub(crate) fn find_tree(repo: &Repository, oid: Oid) -> Result<Tree<'_>, WorkspaceError> {
    repo.find_tree(oid.0).map_err(WorkspaceError::object(oid))
}

/// The most entries of one tree that are listed.
const MAX_ENTRIES: usize = 200_000;

/// The deepest tree that is read; deeper ones were made to exhaust a reader.
const MAX_DEPTH: usize = 256;

type Visit<'a> = dyn FnMut(&str, &git2::TreeEntry<'_>) -> Result<(), WorkspaceError> + 'a;

/// Calls `visit` for everything below `tree` that is no folder.
pub(crate) fn walk(
    repo: &Repository,
    tree: &Tree<'_>,
    prefix: &mut String,
    visit: &mut Visit<'_>,
) -> Result<(), WorkspaceError> {
    if prefix.matches('/').count() > MAX_DEPTH {
        return Err(WorkspaceError::Unsupported {
            path: repo.path().to_owned(),
            problem: format!("a tree is nested deeper than {MAX_DEPTH} folders"),
        });
    }
    let length = prefix.len();
    for entry in tree {
        prefix.push_str(&String::from_utf8_lossy(entry.name_bytes()));
        if entry.kind() == Some(ObjectType::Tree) {
            let below = find_tree(repo, Oid(entry.id()))?;
            prefix.push('/');
            walk(repo, &below, prefix, visit)?;
        } else {
            visit(prefix, &entry)?;
        }
        prefix.truncate(length);
    }
    Ok(())
}
