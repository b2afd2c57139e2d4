//! Writes the files of an apply, and takes them back when it cannot be finished.

use super::state::Plan;
use crate::guard::Root;
use crate::{Action, WorkspaceError};

/// What was done to the disk so far.
pub(super) struct Done<'a> {
    plans: Vec<&'a Plan<'a>>,
}

/// Writes every file beside its place, then renames and deletes; on failure the disk is as before.
pub(super) fn write_all<'a>(
    root: &Root,
    plans: &'a [Plan<'a>],
) -> Result<Done<'a>, WorkspaceError> {
    let mut swept = Vec::new();
    for plan in plans {
        let folder = plan.change.path.parent();
        if !swept.contains(&folder) {
            root.folder_sweep(folder);
            swept.push(folder);
        }
    }
    let pending = || plans.iter().filter(|plan| !plan.is_done());
    let mut staged = Vec::new();
    for plan in pending() {
        if let Action::Write { bytes, .. } = &plan.change.action {
            staged.push((plan, root.stage(&plan.change.path, bytes, plan.executable)?));
        }
    }
    let mut done = Done { plans: Vec::new() };
    for (plan, file) in staged {
        if let Err(error) = file.place() {
            done.undo(root);
            return Err(error);
        }
        done.plans.push(plan);
    }
    for plan in pending().filter(|plan| plan.change.action == Action::Delete) {
        if let Err(error) = root.delete(&plan.change.path) {
            done.undo(root);
            return Err(error);
        }
        done.plans.push(plan);
    }
    Ok(done)
}

impl Done<'_> {
    /// Puts back what was there. Best effort: the error that led here is the one to report.
    pub(super) fn undo(self, root: &Root) {
        for plan in self.plans.into_iter().rev() {
            let path = &plan.change.path;
            let undone = match &plan.before {
                Some(disk) => root.write(path, &disk.bytes, disk.executable),
                None => root.delete(path).map(|_| ()),
            };
            if let Err(error) = undone {
                tracing::error!(path = path.as_str(), %error, "could not put a file back");
            }
        }
    }
}
