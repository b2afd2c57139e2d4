//! Reads where HEAD is and moves the branch that it is on.

use git2::ErrorCode;

use super::repository::{Checkout, regular_check};
use crate::refs::{current, objects_sync, valid};
use crate::{Oid, WorkspaceError};

/// Where a checkout is.
pub(super) struct Head {
    /// The ref that a commit moves: a branch, or HEAD itself when detached.
    name: String,
    /// The commit there; none on an unborn branch.
    pub(super) commit: Option<Oid>,
}

impl Head {
    pub(super) fn read(checkout: &Checkout) -> Result<Self, WorkspaceError> {
        let head = checkout
            .repo
            .find_reference("HEAD")
            .map_err(WorkspaceError::git("read HEAD"))?;
        let name = match head.symbolic_target() {
            Ok(Some(branch)) => branch.to_owned(),
            Ok(None) => "HEAD".to_owned(),
            Err(e) => return Err(WorkspaceError::git("read HEAD")(e)),
        };
        valid(&name)?;
        for file in [format!(".git/{name}"), format!(".git/logs/{name}")] {
            regular_check(&checkout.root, &file)?;
        }
        let commit = current(&checkout.repo, &name)?;
        Ok(Self { name, commit })
    }

    /// The ref that a commit moves.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Moves the branch from the commit that was read to `new`.
    pub(super) fn advance(
        &self,
        checkout: &Checkout,
        new: Oid,
        message: &str,
    ) -> Result<(), WorkspaceError> {
        let was = self.commit.map_or(git2::Oid::ZERO_SHA1, |oid| oid.0);
        let subject = message
            .lines()
            .next()
            .unwrap_or_default()
            .replace('\0', " ");
        let log = match self.commit {
            Some(_) => format!("commit: {subject}"),
            None => format!("commit (initial): {subject}"),
        };
        objects_sync(&checkout.git_dir, checkout.root.dir())?;
        match checkout
            .repo
            .reference_matching(&self.name, new.0, true, was, &log)
        {
            Ok(_) => Ok(()),
            Err(e) if e.code() == ErrorCode::Modified => Err(WorkspaceError::Conflict {
                name: self.name.clone(),
                expected: self.commit,
                found: current(&checkout.repo, &self.name)?,
            }),
            Err(e) => Err(WorkspaceError::git(format!("move {}", self.name))(e)),
        }
    }
}
