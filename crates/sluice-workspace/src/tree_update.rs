//! Builds trees in memory from a base and changes.

use std::collections::BTreeMap;

use git2::{ObjectType, Repository, Tree};
use sluice_path::Reason;

use crate::embedded::{Marks, is_mark};
use crate::sink::Sink;
use crate::tree::{MODE_EXECUTABLE, MODE_FILE, MODE_FOLDER, MODE_LINK, find_tree};
use crate::{Action, Change, Oid, Repo, WorkspaceError};

impl Repo {
    /// Writes the tree that `changes` make of `base` (`None`: of nothing) and names it. Nothing
    /// points at it yet, so a call that fails or is killed has changed nothing.
    ///
    /// # Errors
    /// Refused: a path named twice, a file where a folder is (unless the change set empties that
    /// folder, or deletes that file), a path through a link, deleting every file, and a folder
    /// that git would take for a repository of its own.
    pub fn tree_build(
        &self,
        base: Option<&Oid>,
        changes: &[Change],
    ) -> Result<Oid, WorkspaceError> {
        let repo = self.raw()?;
        let base = base.map(|oid| find_tree(&repo, *oid)).transpose()?;
        let raw = changes
            .iter()
            .map(|change| (change.path.as_str(), &change.action));
        tree_update(&repo, base.as_ref(), raw)
    }

    /// As [`Repo::tree_build`] with writes only, for trees of our own making (proofs) whose names
    /// are not held to the rules for workspace paths. libgit2 still refuses what git forbids.
    ///
    /// # Errors
    /// As [`Repo::tree_build`].
    pub fn tree_build_raw(
        &self,
        base: Option<&Oid>,
        files: &[(String, Vec<u8>)],
    ) -> Result<Oid, WorkspaceError> {
        let repo = self.raw()?;
        let base = base.map(|oid| find_tree(&repo, *oid)).transpose()?;
        let actions: Vec<Action> = files
            .iter()
            .map(|(_, bytes)| Action::Write {
                bytes: bytes.clone(),
                executable: false,
            })
            .collect();
        let raw = files.iter().map(|(path, _)| path.as_str()).zip(&actions);
        tree_update(&repo, base.as_ref(), raw)
    }
}

/// Writes the tree that the changes make of `base`.
pub(crate) fn tree_update<'a>(
    repo: &Repository,
    base: Option<&Tree<'_>>,
    changes: impl IntoIterator<Item = (&'a str, &'a Action)>,
) -> Result<Oid, WorkspaceError> {
    let mut root = Folder::default();
    for (path, action) in changes {
        root.insert(path, path, action)?;
    }
    let sink = Sink::new(repo, root.writes_count())?;
    let updated = root.apply(&sink, base, &mut String::new())?;
    sink.finish()?;
    match updated {
        Some(oid) => Ok(oid),
        None if base.is_some_and(|tree| !tree.is_empty()) => Err(WorkspaceError::DeletesEverything),
        None => {
            let empty = repo.treebuilder(None).and_then(|builder| builder.write());
            empty
                .map(Oid)
                .map_err(WorkspaceError::git("write the empty tree"))
        }
    }
}

/// The changes below one folder.
#[derive(Default)]
struct Folder<'a> {
    names: BTreeMap<&'a str, Name<'a>>,
}

/// What the changes want of one name: of itself, and of what lies below it.
#[derive(Default)]
struct Name<'a> {
    leaf: Option<&'a Action>,
    below: Option<Folder<'a>>,
}

impl<'a> Folder<'a> {
    fn insert(
        &mut self,
        rest: &'a str,
        path: &'a str,
        action: &'a Action,
    ) -> Result<(), WorkspaceError> {
        if let Some((first, rest)) = rest.split_once('/') {
            let below = &mut self.names.entry(first).or_default().below;
            return below.get_or_insert_default().insert(rest, path, action);
        }
        let leaf = &mut self.names.entry(rest).or_default().leaf;
        if leaf.replace(action).is_some() {
            return Err(WorkspaceError::Duplicate {
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    /// Writes this folder's tree; `None` when nothing is left in it.
    fn apply(
        &self,
        sink: &Sink<'_>,
        base: Option<&Tree<'_>>,
        prefix: &mut String,
    ) -> Result<Option<Oid>, WorkspaceError> {
        let failed = |path: &str| WorkspaceError::git(format!("build the tree of {path:?}"));
        let mut builder = sink.tree(base).map_err(failed(prefix))?;
        let length = prefix.len();
        for (name, wanted) in &self.names {
            prefix.push_str(name);
            let was = base.and_then(|tree| tree.get_name(name));
            let before = was
                .as_ref()
                .map(|entry| (Oid(entry.id()), entry.filemode()));
            match wanted.resolve(sink, was.as_ref(), prefix)? {
                after if after == before => {}
                Some((oid, mode)) => {
                    builder.insert(name, oid.0, mode).map_err(failed(prefix))?;
                }
                None => builder.remove(name).map_err(failed(prefix))?,
            }
            prefix.truncate(length);
        }
        if builder.is_empty() {
            return Ok(None);
        }
        let mut marks = Marks::default();
        let look = builder.filter(|entry| {
            marks.see(entry.name_bytes(), entry.filemode() == MODE_FOLDER);
            // True keeps the entry: nothing is filtered, the builder has no other way to look.
            true
        });
        look.map_err(failed(prefix))?;
        if marks.is_repository() {
            return Err(self.repository_refused(prefix));
        }
        sink.tree_write(&builder).map(Some).map_err(failed(prefix))
    }

    /// Names the change that makes this folder a repository, or one of those inside it.
    fn repository_refused(&self, prefix: &str) -> WorkspaceError {
        let mut names = self.names.keys();
        let name = names
            .clone()
            .find(|name| is_mark(name))
            .or_else(|| names.next());
        WorkspaceError::Refused {
            path: format!("{prefix}{}", name.copied().unwrap_or_default()),
            reason: Reason::Git,
        }
    }
}

impl Name<'_> {
    /// What the name shall stand for, given what it stands for now.
    fn resolve(
        &self,
        sink: &Sink<'_>,
        was: Option<&git2::TreeEntry<'_>>,
        path: &mut String,
    ) -> Result<Option<(Oid, i32)>, WorkspaceError> {
        let unchanged = was.map(|entry| (Oid(entry.id()), entry.filemode()));
        let was_folder = was.is_some_and(|entry| entry.kind() == Some(ObjectType::Tree));
        let was_link = was.is_some_and(|entry| entry.filemode() == MODE_LINK);
        let deletes = matches!(self.leaf, Some(Action::Delete));
        let conflict = |path: &str| {
            Err(WorkspaceError::PathConflict {
                path: path.to_owned(),
            })
        };

        let below = match &self.below {
            None => was_folder.then_some(unchanged).flatten(),
            Some(folder) if was_folder => {
                let tree = was
                    .map(|entry| find_tree(sink.disk(), Oid(entry.id())))
                    .transpose()?;
                folder.descend(sink, tree.as_ref(), path)?
            }
            // Only a file that goes in the same change makes room for a folder.
            Some(folder) if was.is_some() && !deletes && folder.writes() => {
                return match was_link {
                    true => Err(WorkspaceError::Refused {
                        path: path.clone(),
                        reason: Reason::Symlink,
                    }),
                    false => conflict(path),
                };
            }
            Some(folder) => folder.descend(sink, None, path)?,
        };
        match self.leaf {
            Some(Action::Write { .. }) if below.is_some() => conflict(path),
            Some(Action::Write { .. }) if was_link => Err(WorkspaceError::Refused {
                path: path.clone(),
                reason: Reason::Symlink,
            }),
            Some(Action::Write { .. })
                if was.is_some_and(|e| e.kind() == Some(ObjectType::Commit)) =>
            {
                conflict(path)
            }
            Some(Action::Write { bytes, executable }) => {
                let keeps = was.is_some_and(|entry| entry.filemode() == MODE_EXECUTABLE);
                let mode = if *executable || keeps {
                    MODE_EXECUTABLE
                } else {
                    MODE_FILE
                };
                let oid = sink
                    .blob(bytes)
                    .map_err(WorkspaceError::git(format!("write {path}")))?;
                Ok(Some((oid, mode)))
            }
            // A folder is deleted by deleting its files, which a person can then read in the diff.
            Some(Action::Delete) if was_folder && below == unchanged => conflict(path),
            Some(Action::Delete) => Ok(below),
            None if below.is_some() || was_folder => Ok(below),
            None => Ok(unchanged),
        }
    }
}

impl Folder<'_> {
    fn descend(
        &self,
        sink: &Sink<'_>,
        base: Option<&Tree<'_>>,
        path: &mut String,
    ) -> Result<Option<(Oid, i32)>, WorkspaceError> {
        path.push('/');
        let tree = self.apply(sink, base, path)?;
        path.pop();
        Ok(tree.map(|oid| (oid, MODE_FOLDER)))
    }

    fn writes_count(&self) -> usize {
        let of = |name: &Name<'_>| {
            usize::from(matches!(name.leaf, Some(Action::Write { .. })))
                + name.below.as_ref().map_or(0, Folder::writes_count)
        };
        self.names.values().map(of).sum()
    }

    fn writes(&self) -> bool {
        self.names.values().any(|name| {
            matches!(name.leaf, Some(Action::Write { .. }))
                || name.below.as_ref().is_some_and(Folder::writes)
        })
    }
}
