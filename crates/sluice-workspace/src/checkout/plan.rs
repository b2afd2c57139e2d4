//! A change that nothing speaks against, with what it replaces.

use crate::guard::OnDisk;
use crate::{Action, Change};

/// A change that may be made.
pub(super) struct Plan<'a> {
    pub(super) change: &'a Change,
    /// What is on disk now, kept for a roll-back.
    pub(super) before: Option<OnDisk>,
    /// Whether the new file is executable.
    pub(super) executable: bool,
}

impl Plan<'_> {
    /// Whether the disk is already as the change wants it.
    pub(super) fn is_done(&self) -> bool {
        match (&self.change.action, &self.before) {
            (Action::Delete, before) => before.is_none(),
            (Action::Write { bytes, .. }, Some(disk)) => {
                *bytes == disk.bytes && disk.executable == self.executable
            }
            (Action::Write { .. }, None) => false,
        }
    }
}

/// Whether `inner` lies below the path of `outer`.
pub(super) fn is_below(inner: &Change, outer: &Change) -> bool {
    let rest = inner.path.as_str().strip_prefix(outer.path.as_str());
    rest.is_some_and(|rest| rest.starts_with('/'))
}
