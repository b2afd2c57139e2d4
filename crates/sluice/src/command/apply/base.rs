//! What a reply is applied to: a commit of the repository, and what else lies in its folder.

use std::path::{Path, PathBuf};

use sluice_factory::TreeBase;
use sluice_reply::changes::{Base, BaseError, Entry};
use sluice_workspace::{Oid, Repo};

use crate::exit::Exit;

/// A folder with a repository, or one that will get it.
pub(super) struct Folder {
    dir: PathBuf,
    repo: Option<Repo>,
    /// The commit that HEAD is on.
    pub(super) head: Option<Oid>,
}

impl Folder {
    pub(super) fn open(dir: &Path) -> Result<Folder, Exit> {
        let is_there = dir
            .join(".git")
            .symlink_metadata()
            .is_ok_and(|meta| meta.is_dir());
        let repo = is_there.then(|| Repo::open(dir)).transpose()?;
        let head = match &repo {
            Some(repo) => repo.head_commit()?,
            None => None,
        };
        Ok(Folder {
            dir: dir.to_owned(),
            repo,
            head,
        })
    }

    /// The folder as `revision` has it; HEAD when none is named.
    pub(super) fn at(&self, revision: Option<&str>) -> Result<At<'_>, Exit> {
        let commit = match (revision, &self.repo) {
            (None, _) => self.head,
            (Some(revision), Some(repo)) => Some(repo.rev_parse(revision)?.ok_or_else(|| {
                Exit::usage(format!(
                    "--base {revision}: the repository has no such revision"
                ))
            })?),
            (Some(revision), None) => {
                let dir = self.dir.display();
                return Err(Exit::usage(format!(
                    "--base {revision}: {dir} is no repository yet"
                )));
            }
        };
        let tree = match (&self.repo, commit) {
            (Some(repo), Some(commit)) => {
                Some(TreeBase::new(repo, repo.commit_read(&commit)?.tree))
            }
            _ => None,
        };
        Ok(At {
            dir: &self.dir,
            tree,
        })
    }
}

/// The folder with the files of one commit.
pub(super) struct At<'f> {
    dir: &'f Path,
    tree: Option<TreeBase<'f>>,
}

impl At<'_> {
    /// What the commit has at a path.
    pub(super) fn committed(&self, path: &str) -> Result<Entry, BaseError> {
        match &self.tree {
            Some(tree) => tree.entry(path),
            None => Ok(Entry::Missing),
        }
    }
}

impl Base for At<'_> {
    fn entry(&self, path: &str) -> Result<Entry, BaseError> {
        let committed = self.committed(path)?;
        let is_on_disk = || self.dir.join(path).symlink_metadata().is_ok();
        Ok(match committed {
            Entry::Missing if is_on_disk() => Entry::Other("something that is not committed"),
            committed => committed,
        })
    }

    fn paths(&self) -> Result<Vec<String>, BaseError> {
        match &self.tree {
            Some(tree) => tree.paths(),
            None => Ok(Vec::new()),
        }
    }
}
