//! Applies changes to an ordinary git checkout as one commit, all or nothing.
//!
//! Order: look at every path; write blobs, tree and commit (invisible); write every file beside
//! its place; rename them; write the index; move the branch. What fails before the renames leaves
//! nothing, what fails after them is rolled back, and a killed apply is finished by repeating
//! it, since a path that already is as wanted is no obstacle. No hook, filter, monitor or command
//! of the repository's configuration runs.

use std::path::Path;

use crate::tree::find_tree;
use crate::tree_update::tree_update;
use crate::{Action, NewCommit, Oid, Repo, WorkspaceError};

mod branch;
mod index;
mod outcome;
mod plan;
mod repository;
mod state;
mod write;

use plan::Plan;
use repository::Checkout;

pub use outcome::{Applied, Apply, ApplyOutcome, RefusedPath, RefusedReason};

/// Applies `apply` to the checkout at `dir`, which is made (branch `main`) if it is not there.
///
/// `dir` itself is the repository: its parents are not searched.
///
/// # Errors
/// A bare repository, a linked worktree, a merge or rebase under way, another process at work in it;
/// [`WorkspaceError::Conflict`] when HEAD is not where [`Apply::onto`] says.
pub fn apply_to_checkout(dir: &Path, apply: &Apply<'_>) -> Result<ApplyOutcome, WorkspaceError> {
    let checkout = Checkout::open_or_create(dir)?;
    let head = branch::Head::read(&checkout)?;
    if apply.onto.is_some() && apply.onto != head.commit {
        return Err(WorkspaceError::Conflict {
            name: head.name().to_owned(),
            expected: apply.onto,
            found: head.commit,
        });
    }
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

fn split(plans: &[Plan<'_>]) -> (Vec<String>, Vec<String>) {
    let (written, deleted): (Vec<_>, Vec<_>) = plans
        .iter()
        .partition(|plan| matches!(plan.change.action, Action::Write { .. }));
    let paths = |plans: Vec<&Plan<'_>>| {
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
fn refused_by_tree(error: &WorkspaceError, plans: &[Plan<'_>]) -> Option<RefusedPath> {
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
