//! Writes the files of an apply, and takes them back when it cannot be finished.

use super::plan::{Plan, is_below};
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
    let mut done = Done { plans: Vec::new() };
    match done.write(root, plans) {
        Ok(()) => Ok(done),
        Err(error) => {
            done.undo(root);
            Err(error)
        }
    }
}

impl<'a> Done<'a> {
    fn write(&mut self, root: &Root, plans: &'a [Plan<'a>]) -> Result<(), WorkspaceError> {
        let pending: Vec<_> = plans.iter().filter(|plan| !plan.is_done()).collect();
        let (deletes, writes): (Vec<&Plan<'_>>, Vec<_>) = pending
            .into_iter()
            .partition(|plan| plan.change.action == Action::Delete);
        // A file that becomes a folder, or files whose folder becomes a file, go first.
        let (first, last): (Vec<_>, Vec<_>) = deletes.into_iter().partition(|delete| {
            let delete = delete.change;
            writes
                .iter()
                .any(|write| is_below(write.change, delete) || is_below(delete, write.change))
        });
        self.delete(root, first)?;
        let mut staged = Vec::new();
        for plan in writes {
            if let Action::Write { bytes, .. } = &plan.change.action {
                let file = root.stage(&plan.change.path, bytes, plan.executable)?;
                staged.push((plan, file.release()));
            }
        }
        for (plan, file) in staged {
            file.place()?;
            self.plans.push(plan);
        }
        self.delete(root, last)
    }

    fn delete(&mut self, root: &Root, plans: Vec<&'a Plan<'a>>) -> Result<(), WorkspaceError> {
        for plan in plans {
            root.delete(&plan.change.path)?;
            self.plans.push(plan);
        }
        Ok(())
    }
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
