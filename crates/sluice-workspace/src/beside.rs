//! Builds a folder beside its place and renames it there, so that nobody sees half of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::WorkspaceError;
use crate::guard::random_hex;

/// How a folder came to stand at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// Built now.
    Built,
    /// It was there already: built whole earlier, or by someone else meanwhile.
    Already,
}

/// Makes `place` hold what `build` puts into an empty folder; nothing happens if it exists.
///
/// The folder under construction is `.NAME.HEX.part` beside `place`, locked while it is built.
/// What a killed process left of that name is removed first.
pub(crate) fn build(
    place: &Path,
    build: impl FnOnce(&Path) -> Result<(), WorkspaceError>,
) -> Result<Placed, WorkspaceError> {
    let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
        let source = io::Error::from(io::ErrorKind::InvalidInput);
        return Err(WorkspaceError::io("create", place)(source));
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    fs::create_dir_all(parent).map_err(WorkspaceError::io("create", parent))?;
    let prefix = format!(".{}.", name.to_string_lossy());
    sweep(parent, &prefix);
    if place.symlink_metadata().is_ok() && !is_empty_dir(place) {
        return Ok(Placed::Already);
    }

    let (part, _lock) = part_create(parent, &prefix)?;
    let built = build(&part).and_then(|()| finish(&part, place, parent));
    if !matches!(built, Ok(Placed::Built)) {
        // Best effort: what stays is swept by the next build of this place.
        let _ = fs::remove_dir_all(&part);
    }
    built
}

/// Makes the folder under construction and takes its lock.
fn part_create(parent: &Path, prefix: &str) -> Result<(PathBuf, File), WorkspaceError> {
    loop {
        let part = parent.join(format!("{prefix}{}.part", random_hex()));
        fs::create_dir(&part).map_err(WorkspaceError::io("create", &part))?;
        let locked = File::open(&part).and_then(|handle| {
            flock(&handle, FlockOperation::LockExclusive)?;
            Ok(handle)
        });
        match locked {
            // A sweep may have taken the folder for a stale one before the lock was ours; the
            // sweep holds the lock while it removes, so now the folder is whole or gone.
            Ok(handle) if part.is_dir() => return Ok((part, handle)),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(WorkspaceError::io("lock", part)(e)),
        }
    }
}

fn is_empty_dir(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn finish(part: &Path, place: &Path, parent: &Path) -> Result<Placed, WorkspaceError> {
    match fs::rename(part, place) {
        Ok(()) => {
            File::open(parent)
                .and_then(|dir| dir.sync_all())
                .map_err(WorkspaceError::io("sync", parent))?;
            Ok(Placed::Built)
        }
        // Another process was first, and its folder is whole.
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) =>
        {
            Ok(Placed::Already)
        }
        Err(e) => Err(WorkspaceError::io("rename", place)(e)),
    }
}

/// Removes what killed builds left behind; a folder that is locked is being built.
fn sweep(parent: &Path, prefix: &str) {
    for stale in parts(parent, prefix).unwrap_or_default() {
        let Ok(handle) = File::open(&stale) else {
            continue;
        };
        if flock(&handle, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(&stale);
        }
    }
}

fn parts(parent: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let middle = name
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(".part"));
        if middle.is_some_and(|hex| hex.len() == 16) && entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
