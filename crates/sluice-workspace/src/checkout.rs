//! Applies changes to an ordinary git checkout as one commit, all or nothing.
//!
//! Order: look at every path; write blobs, tree and commit (invisible); write every file beside
//! its place; rename them; write the index; move the branch. What fails before the renames leaves
//! nothing, what fails after them is rolled back, and a killed apply is finished by repeating
//! it, since a path that already is as wanted is no obstacle. No hook, filter, monitor or command
//! of the repository's configuration runs.

use std::path::Path;

use sluice_path::Reason;

use crate::tree::{find_tree, tree_update};
use crate::{Action, Change, Identity, NewCommit, Oid, Repo, WorkspaceError};

mod branch;
mod index;
mod repository;
mod state;
mod write;

use repository::Checkout;

/// What to apply, and as whose commit.
#[derive(Debug, Clone)]
pub struct Apply<'a> {
    /// The change set.
    pub changes: &'a [Change],
    /// Subject, empty line, body.
    pub message: &'a str,
    /// Lines of the commit's last paragraph.
    pub trailers: &'a [(String, String)],
    /// Author and committer.
    pub identity: Identity,
    /// Seconds since 1970 (UTC).
    pub time: i64,
    /// Applies the rest when a path is refused, instead of nothing.
    pub partial: bool,
}

/// How an apply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// The commit is on the branch and on disk.
    Applied(Applied),
    /// Nothing was changed, because of these paths.
    Refused(Vec<RefusedPath>),
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The commit that HEAD is on now.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
    /// False when everything was so already and no commit was made.
    pub changed: bool,
    /// Paths whose content the commit sets, in the order given.
    pub written: Vec<String>,
    /// Paths that the commit removes.
    pub deleted: Vec<String>,
    /// Paths left out of a partial apply.
    pub refused: Vec<RefusedPath>,
}

/// A path that was not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPath {
    /// The path.
    pub path: String,
    /// Why.
    pub reason: RefusedReason,
}

/// Why a path was not touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedReason {
    /// A link, or something that is no folder, stands in its way.
    Path(Reason),
    /// The file on disk or in the index is not what HEAD has: someone's work would be lost.
    UncommittedChanges,
    /// A folder, or something else that is no regular file, has this name.
    PathConflict,
}

impl RefusedReason {
    /// One word for it, as reports print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path(reason) => reason.as_str(),
            Self::UncommittedChanges => "uncommitted_changes",
            Self::PathConflict => "path_conflict",
        }
    }
}

/// Applies `apply` to the checkout at `dir`, which is made (branch `main`) if it is not there.
///
/// `dir` itself is the repository: its parents are not searched. Errors: a bare repository, a
/// linked worktree, a merge or rebase under way, another process at work in it.
pub fn apply_to_checkout(dir: &Path, apply: &Apply<'_>) -> Result<ApplyOutcome, WorkspaceError> {
    let checkout = Checkout::open_or_create(dir)?;
    let head = branch::Head::read(&checkout)?;
    let repo = &checkout.repo;
    let base_oid = head.commit.map(|oid| tree_of(repo, oid)).transpose()?;
    let base = base_oid.map(|oid| find_tree(repo, oid)).transpose()?;
    let index = index::LockedIndex::lock(&checkout, &head)?;

    let mut refused = Vec::new();
    let mut plans = Vec::new();
    for change in apply.changes {
        match state::inspect(&checkout, base.as_ref(), &index, apply.changes, change)? {
            Ok(plan) => plans.push(plan),
            Err(reason) => refused.push(RefusedPath {
                path: change.path.as_str().to_owned(),
                reason,
            }),
        }
    }
    let tree = loop {
        if !refused.is_empty() && !apply.partial {
            return Ok(ApplyOutcome::Refused(refused));
        }
        let changes = plans
            .iter()
            .map(|p| (p.change.path.as_str(), &p.change.action));
        match tree_update(repo, base.as_ref(), changes) {
            Ok(tree) => break tree,
            Err(e) => {
                let found = refused_by_tree(&e, &plans).ok_or(e)?;
                plans.retain(|plan| plan.change.path.as_str() != found.path);
                refused.push(found);
            }
        }
    };
    let (written, deleted) = split(&plans);
    if let (Some(commit), true) = (head.commit, base_oid == Some(tree)) {
        let applied = Applied {
            commit,
            tree,
            changed: false,
            written,
            deleted,
            refused,
        };
        return Ok(ApplyOutcome::Applied(applied));
    }
    if plans.is_empty() && head.commit.is_none() {
        return match refused.is_empty() {
            true => Err(WorkspaceError::NothingToApply),
            false => Ok(ApplyOutcome::Refused(refused)),
        };
    }

    let commit = Repo::open(&checkout.git_dir)?.commit(
        &NewCommit {
            tree,
            parents: head.commit.into_iter().collect(),
            author: apply.identity.clone(),
            committer: apply.identity.clone(),
            time: apply.time,
            message: apply.message.to_owned(),
            trailers: apply.trailers.to_vec(),
        },
        None,
    )?;
    let done = match write::write_all(&checkout.root, &plans) {
        Ok(done) => done,
        // Somebody was faster than we looked, or a folder held more than its tracked files.
        Err(e) => {
            refused.push(refusal(&e).ok_or(e)?);
            return Ok(ApplyOutcome::Refused(refused));
        }
    };
    let finished = index
        .update(&checkout, repo, tree, &plans)
        .and_then(|replaced| {
            head.advance(&checkout, commit, apply.message)
                .map_err(|e| replaced.undo(e))
        });
    if let Err(error) = finished {
        done.undo(&checkout.root);
        return Err(error);
    }
    let applied = Applied {
        commit,
        tree,
        changed: true,
        written,
        deleted,
        refused,
    };
    Ok(ApplyOutcome::Applied(applied))
}

fn tree_of(repo: &git2::Repository, commit: Oid) -> Result<Oid, WorkspaceError> {
    let commit = repo
        .find_commit(commit.0)
        .map_err(WorkspaceError::object(commit))?;
    Ok(Oid(commit.tree_id()))
}

fn split(plans: &[state::Plan<'_>]) -> (Vec<String>, Vec<String>) {
    let (written, deleted): (Vec<_>, Vec<_>) = plans
        .iter()
        .partition(|plan| matches!(plan.change.action, Action::Write { .. }));
    let paths = |plans: Vec<&state::Plan<'_>>| {
        plans
            .into_iter()
            .map(|plan| plan.change.path.as_str().to_owned())
            .collect()
    };
    (paths(written), paths(deleted))
}

/// The path that an error is about, if it refuses one.
fn refusal(error: &WorkspaceError) -> Option<RefusedPath> {
    let (path, reason) = match error {
        WorkspaceError::Refused { path, reason } => (path, RefusedReason::Path(*reason)),
        WorkspaceError::PathConflict { path } => (path, RefusedReason::PathConflict),
        _ => return None,
    };
    let path = path.clone();
    Some(RefusedPath { path, reason })
}

/// The change that a tree could not take: of a file and a folder with one name, the later one.
fn refused_by_tree(error: &WorkspaceError, plans: &[state::Plan<'_>]) -> Option<RefusedPath> {
    let RefusedPath { path: at, reason } = refusal(error)?;
    let fits = |path: &str| {
        path.strip_prefix(at.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let plan = plans
        .iter()
        .rev()
        .find(|plan| fits(plan.change.path.as_str()))?;
    let path = plan.change.path.as_str().to_owned();
    Some(RefusedPath { path, reason })
}

#[cfg(test)]
mod tests;
