//! Regular files as trees have them: compared, set by object, merged.

use std::collections::BTreeMap;

use git2::{
    DiffOptions, MergeFileInput, MergeFileOptions, ObjectType, Repository, Tree, TreeEntry,
};
use sluice_path::RelPath;

use crate::tree::{MODE_EXECUTABLE, MODE_FILE, MODE_FOLDER, find_tree};
use crate::{Oid, Repo, WorkspaceError};

/// Texts above this size are not merged by lines, bytes.
const MERGE_LIMIT: usize = 4 << 20;
/// How much of a file is looked at for a NUL byte, as git does, bytes.
const BINARY_LOOK: usize = 8000;

/// A regular file as a tree has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    /// Its blob.
    pub oid: Oid,
    /// Whether it carries the executable bit.
    pub executable: bool,
}

impl FileState {
    pub(crate) fn mode(self) -> i32 {
        if self.executable {
            MODE_EXECUTABLE
        } else {
            MODE_FILE
        }
    }

    /// The file of a tree's entry; `None` for anything else.
    pub(crate) fn of(entry: &TreeEntry<'_>) -> Option<FileState> {
        Self::new(entry.id(), entry.filemode())
    }

    fn new(oid: git2::Oid, mode: i32) -> Option<FileState> {
        matches!(mode, MODE_FILE | MODE_EXECUTABLE).then(|| FileState {
            oid: Oid(oid),
            executable: mode == MODE_EXECUTABLE,
        })
    }
}

/// A regular file that differs; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// The path.
    pub path: String,
    /// As it was.
    pub from: Option<FileState>,
    /// As it is.
    pub to: Option<FileState>,
}

/// What three versions of a file come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMerge {
    /// One version that has what both sides did.
    Clean(Option<FileState>),
    /// Both sides changed the same lines, or one of them is no text, or is gone.
    Conflict {
        /// Both sides between git's marks; `None` when that cannot be shown.
        marked: Option<Vec<u8>>,
    },
}

impl Repo {
    /// The regular files that differ between two trees, by path.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] for a tree that is not there.
    pub fn file_differences(
        &self,
        from: &Oid,
        to: &Oid,
    ) -> Result<Vec<FileDifference>, WorkspaceError> {
        let repo = self.raw()?;
        let (from, to) = (find_tree(&repo, *from)?, find_tree(&repo, *to)?);
        let mut options = DiffOptions::new();
        options.include_typechange(true).skip_binary_check(true);
        let diff = repo
            .diff_tree_to_tree(Some(&from), Some(&to), Some(&mut options))
            .map_err(WorkspaceError::git("compare trees"))?;
        let side = |file: &git2::DiffFile<'_>| {
            let mode = i32::try_from(u32::from(file.mode())).ok()?;
            FileState::new(file.id(), mode)
        };
        let differences = diff.deltas().filter_map(|delta| {
            let file = delta.new_file();
            let bytes = file
                .path_bytes()
                .or_else(|| delta.old_file().path_bytes())?;
            let path = std::str::from_utf8(bytes).ok()?.to_owned();
            let (from, to) = (side(&delta.old_file()), side(&delta.new_file()));
            (from != to).then_some(FileDifference { path, from, to })
        });
        Ok(differences.collect())
    }

    /// The regular file at `path`, without its content.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] for a tree that is not there.
    pub fn file_state(
        &self,
        tree: &Oid,
        path: &RelPath,
    ) -> Result<Option<FileState>, WorkspaceError> {
        let repo = self.raw()?;
        match find_tree(&repo, *tree)?.get_path(path.as_str().as_ref()) {
            Ok(entry) => Ok(FileState::of(&entry)),
            Err(e) if e.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(e) => Err(WorkspaceError::git(format!("read {}", path.as_str()))(e)),
        }
    }

    /// Writes a blob and names it.
    ///
    /// # Errors
    /// The disk's fault.
    pub fn blob_write(&self, bytes: &[u8]) -> Result<Oid, WorkspaceError> {
        let written = self.raw()?.blob(bytes);
        written
            .map(Oid)
            .map_err(WorkspaceError::git("write a file"))
    }

    /// Writes the tree that `base` becomes with these files at these paths, `None`: no file there.
    /// A file or folder of `base` in the way of a path gives way.
    ///
    /// # Errors
    /// [`WorkspaceError::PathConflict`] when the files themselves claim a path twice, or an object is missing.
    pub fn tree_set(
        &self,
        base: &Oid,
        files: &BTreeMap<String, Option<FileState>>,
    ) -> Result<Oid, WorkspaceError> {
        let repo = self.raw()?;
        let base = find_tree(&repo, *base)?;
        let mut root = Folder::default();
        for (path, file) in files {
            root.insert(path, file.as_ref());
        }
        match root.apply(&repo, Some(&base), "")? {
            Some(oid) => Ok(oid),
            None => crate::tree_update::tree_update(&repo, None, []),
        }
    }

    /// Merges what two sides did to a file since `base`; `labels` name ours and theirs in the marks.
    ///
    /// # Errors
    /// An object is missing, or the disk's fault.
    pub fn file_merge(
        &self,
        base: Option<FileState>,
        ours: Option<FileState>,
        theirs: Option<FileState>,
        labels: [&str; 2],
    ) -> Result<FileMerge, WorkspaceError> {
        if ours == theirs || theirs == base {
            return Ok(FileMerge::Clean(ours));
        }
        if ours == base {
            return Ok(FileMerge::Clean(theirs));
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            return Ok(FileMerge::Conflict { marked: None });
        };
        let was = base.is_some_and(|base| base.executable);
        // The side that changed it has the say.
        let executable = if ours.executable == was {
            theirs.executable
        } else {
            ours.executable
        };
        if ours.oid == theirs.oid {
            let oid = ours.oid;
            return Ok(FileMerge::Clean(Some(FileState { oid, executable })));
        }
        let empty = Vec::new();
        let was = base.map(|base| self.blob_read(&base.oid)).transpose()?;
        let sides = [
            was.unwrap_or(empty),
            self.blob_read(&ours.oid)?,
            self.blob_read(&theirs.oid)?,
        ];
        if sides.iter().any(|bytes| !is_mergeable(bytes)) {
            return Ok(FileMerge::Conflict { marked: None });
        }
        let [was, left, right] = sides.each_ref().map(|bytes| {
            let mut input = MergeFileInput::new();
            input.content(bytes);
            input
        });
        let mut options = MergeFileOptions::new();
        options
            .our_label(label(labels[0]))
            .their_label(label(labels[1]));
        let merged = git2::merge_file(&was, &left, &right, Some(&mut options))
            .map_err(WorkspaceError::git("merge a file"))?;
        if !merged.is_automergeable() {
            let marked = Some(merged.content().to_vec());
            return Ok(FileMerge::Conflict { marked });
        }
        let oid = self.blob_write(merged.content())?;
        Ok(FileMerge::Clean(Some(FileState { oid, executable })))
    }
}

/// A label is one line without a NUL byte.
fn label(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

fn is_mergeable(bytes: &[u8]) -> bool {
    bytes.len() <= MERGE_LIMIT && !bytes[..bytes.len().min(BINARY_LOOK)].contains(&0)
}

/// What is set below one folder.
#[derive(Default)]
struct Folder<'a> {
    names: BTreeMap<&'a str, Name<'a>>,
}

#[derive(Default)]
struct Name<'a> {
    leaf: Option<Option<&'a FileState>>,
    below: Option<Folder<'a>>,
}

impl<'a> Folder<'a> {
    fn insert(&mut self, path: &'a str, file: Option<&'a FileState>) {
        match path.split_once('/') {
            Some((first, rest)) => {
                let below = &mut self.names.entry(first).or_default().below;
                below.get_or_insert_default().insert(rest, file);
            }
            None => self.names.entry(path).or_default().leaf = Some(file),
        }
    }

    /// Writes this folder's tree; `None` when nothing is left in it.
    fn apply(
        &self,
        repo: &Repository,
        base: Option<&Tree<'_>>,
        path: &str,
    ) -> Result<Option<Oid>, WorkspaceError> {
        let failed = |path: &str| WorkspaceError::git(format!("build the tree of {path:?}"));
        let mut builder = repo.treebuilder(base).map_err(failed(path))?;
        for (name, set) in &self.names {
            let full = format!("{path}{name}");
            let was = base.and_then(|tree| tree.get_name(name));
            let was_folder = was
                .as_ref()
                .filter(|entry| entry.kind() == Some(ObjectType::Tree))
                .map(|entry| find_tree(repo, Oid(entry.id())))
                .transpose()?;
            let folder = match &set.below {
                Some(below) => below
                    .apply(repo, was_folder.as_ref(), &format!("{full}/"))?
                    .map(|oid| (oid, MODE_FOLDER)),
                None => None,
            };
            let becomes = match (set.leaf.flatten(), folder) {
                (Some(_), Some(_)) => {
                    return Err(WorkspaceError::PathConflict { path: full });
                }
                (Some(file), None) => Some((file.oid, file.mode())),
                (None, Some(folder)) => Some(folder),
                // A path that shall have no file leaves a folder of its name alone.
                (None, None) if set.below.is_none() && was_folder.is_some() => continue,
                // Nothing was set below a file: it stays.
                (None, None) if set.leaf.is_none() && was.is_some() && was_folder.is_none() => {
                    continue;
                }
                (None, None) => None,
            };
            match becomes {
                Some((oid, mode)) => {
                    builder.insert(name, oid.0, mode).map_err(failed(&full))?;
                }
                None if was.is_some() => builder.remove(name).map_err(failed(&full))?,
                None => {}
            }
        }
        if builder.is_empty() {
            return Ok(None);
        }
        let written = builder.write().map_err(failed(path))?;
        Ok(Some(Oid(written)))
    }
}
