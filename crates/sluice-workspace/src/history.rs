//! Walks commits.

use git2::Sort;

use crate::refs::commit_of;
use crate::{CommitInfo, Oid, Repo, WorkspaceError, commit};

impl Repo {
    /// At most `limit` commits from `from` backwards, children before parents and newest first;
    /// with `after`, those that follow this commit in the same order.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when a commit is not in the repository.
    pub fn log(
        &self,
        from: &Oid,
        limit: usize,
        after: Option<&Oid>,
    ) -> Result<Vec<CommitInfo>, WorkspaceError> {
        let failed = || WorkspaceError::git(format!("walk from {from}"));
        let repo = self.raw()?;
        let start = commit_of(&repo, *from)?.id();
        let mut walk = repo.revwalk().map_err(failed())?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)
            .map_err(failed())?;
        walk.push(start).map_err(failed())?;
        if let Some(after) = after {
            // Skipping reads commit headers only; a cursor of another history is an error.
            let found = walk.by_ref().any(|oid| oid.is_ok_and(|oid| oid == after.0));
            if !found {
                return Err(WorkspaceError::Missing { oid: *after });
            }
        }
        walk.take(limit)
            .map(|oid| {
                commit::info(
                    &repo,
                    &repo.find_commit(oid.map_err(failed())?).map_err(failed())?,
                )
            })
            .collect()
    }

    /// At most `limit` commits from `from` backwards that are not in the past of one of `known`, newest first.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when a commit is not in the repository.
    pub fn log_since(
        &self,
        from: &Oid,
        known: &[Oid],
        limit: usize,
    ) -> Result<Vec<CommitInfo>, WorkspaceError> {
        let failed = || WorkspaceError::git(format!("walk from {from}"));
        let repo = self.raw()?;
        let mut walk = repo.revwalk().map_err(failed())?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)
            .map_err(failed())?;
        walk.push(commit_of(&repo, *from)?.id()).map_err(failed())?;
        for oid in known {
            walk.hide(commit_of(&repo, *oid)?.id()).map_err(failed())?;
        }
        walk.take(limit)
            .map(|oid| {
                let commit = repo.find_commit(oid.map_err(failed())?);
                commit::info(&repo, &commit.map_err(failed())?)
            })
            .collect()
    }

    /// Whether `ancestor` is `commit` or lies in its past.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when one of them is not in the repository.
    pub fn is_ancestor(&self, ancestor: &Oid, commit: &Oid) -> Result<bool, WorkspaceError> {
        let repo = self.raw()?;
        let (old, new) = (
            commit_of(&repo, *ancestor)?.id(),
            commit_of(&repo, *commit)?.id(),
        );
        if old == new {
            return Ok(true);
        }
        repo.graph_descendant_of(new, old)
            .map_err(WorkspaceError::git("compare histories"))
    }
}
