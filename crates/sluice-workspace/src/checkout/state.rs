//! Says whether a path of a checkout may be changed without losing anybody's work.

use git2::{ObjectType, Tree};
use sluice_path::Reason;

use super::index::LockedIndex;
use super::outcome::RefusedReason;
use super::plan::{Plan, is_below};
use super::repository::Checkout;
use crate::guard::OnDisk;
use crate::tree::MODE_EXECUTABLE;
use crate::{Action, Change, Oid, WorkspaceError};

/// Larger files on disk are taken for someone's work, bytes.
const READ_LIMIT: u64 = 256 * 1024 * 1024;

/// Looks at HEAD, index and disk for one path.
pub(super) fn inspect<'a>(
    checkout: &Checkout,
    base: Option<&Tree<'_>>,
    index: &LockedIndex,
    changes: &[Change],
    change: &'a Change,
) -> Result<Result<Plan<'a>, RefusedReason>, WorkspaceError> {
    let path = &change.path;
    if makes_room(changes, change) {
        // Its place is a folder, or below a file, that goes first; see what is left then.
        let asked = matches!(
            change.action,
            Action::Write {
                executable: true,
                ..
            }
        );
        return Ok(Ok(Plan {
            change,
            before: None,
            executable: asked,
        }));
    }
    let committed = base.and_then(|tree| tree.get_path(path.as_str().as_ref()).ok());
    if committed
        .as_ref()
        .is_some_and(|entry| entry.kind() != Some(ObjectType::Blob))
    {
        return Ok(Err(RefusedReason::PathConflict));
    }
    let wanted = match &change.action {
        Action::Write { bytes, .. } => Some(Oid::of_blob(bytes)),
        Action::Delete => None,
    };
    let head = committed.as_ref().map(|entry| Oid(entry.id()));
    let staged = index.oid_of(path);
    if staged != head && staged != wanted {
        return Ok(Err(RefusedReason::UncommittedChanges));
    }
    let before = match checkout.root.read(path, READ_LIMIT) {
        Ok(before) => before,
        // Nothing is at a path below a file, so there is nothing to delete.
        Err(WorkspaceError::Refused {
            reason: Reason::NotADirectory,
            ..
        }) if wanted.is_none() => None,
        Err(WorkspaceError::Refused { reason, .. }) => return Ok(Err(RefusedReason::Path(reason))),
        Err(WorkspaceError::TooLarge { .. }) => return Ok(Err(RefusedReason::UncommittedChanges)),
        Err(WorkspaceError::NotAFile { .. } | WorkspaceError::MountPoint { .. }) => {
            return Ok(Err(RefusedReason::PathConflict));
        }
        Err(e) => return Err(e),
    };
    let ours = match &before {
        Some(disk) => [head, wanted]
            .into_iter()
            .flatten()
            .any(|oid| is_content(disk, oid)),
        None => head.is_none() || wanted.is_none(),
    };
    if !ours {
        return Ok(Err(RefusedReason::UncommittedChanges));
    }
    let kept = committed.is_some_and(|entry| entry.filemode() == MODE_EXECUTABLE);
    let asked = matches!(
        change.action,
        Action::Write {
            executable: true,
            ..
        }
    );
    Ok(Ok(Plan {
        change,
        before,
        executable: kept || asked,
    }))
}

/// Whether a file is what the blob says, also where git checked it out with CRLF line ends.
fn is_content(disk: &OnDisk, oid: Oid) -> bool {
    if Oid::of_blob(&disk.bytes) == oid {
        return true;
    }
    let mut bytes = disk.bytes.clone();
    let mut next = disk.bytes.iter().skip(1);
    bytes.retain(|b| {
        let follows = next.next();
        !(*b == b'\r' && follows == Some(&b'\n'))
    });
    Oid::of_blob(&bytes) == oid
}

/// Whether the change set deletes a file above this one, or below it, for it to be written.
fn makes_room(changes: &[Change], change: &Change) -> bool {
    matches!(change.action, Action::Write { .. })
        && changes.iter().any(|other| {
            other.action == Action::Delete && (is_below(other, change) || is_below(change, other))
        })
}
