//! File trees that hostile code may have made: removed, copied and given away without following a link and
//! without recursion.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

/// How deep report files may lie.
const DEPTH: usize = 16;

/// Removes whatever is at `path`. A folder that lies deep is first moved up beside the others, so that a tree
/// of any depth takes neither stack nor open files nor long paths.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if !kind.is_dir() {
        return fs::remove_file(path);
    }
    let mut waiting = vec![path.to_owned()];
    let mut moved = 0_u64;
    while let Some(folder) = waiting.pop() {
        if folder == path && fs::remove_dir(path).is_ok() {
            return Ok(());
        }
        empty(&folder, path, &mut waiting, &mut moved)?;
    }
    fs::remove_dir(path)
}

/// Removes the files of `folder` and moves its folders to `top`, onto the list of `waiting`.
fn empty(folder: &Path, top: &Path, waiting: &mut Vec<PathBuf>, moved: &mut u64) -> io::Result<()> {
    // A folder of the container engine's own, empty and not ours, can be removed but not opened.
    if folder != top && fs::remove_dir(folder).is_ok() {
        return Ok(());
    }
    let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let at = entry.path();
        if !entry.file_type()?.is_dir() {
            fs::remove_file(&at)?;
        } else if folder == top {
            waiting.push(at);
        } else if fs::remove_dir(&at).is_err() {
            // Renaming a folder needs the right to write into it, for its `..`.
            let _ = fs::set_permissions(&at, Permissions::from_mode(0o700));
            *moved += 1;
            let up = top.join(format!(".sluice-remove-{moved}"));
            fs::rename(&at, &up)?;
            waiting.push(up);
        }
    }
    if folder == top {
        Ok(())
    } else {
        fs::remove_dir(folder)
    }
}

/// Copies the plain files and folders of `from` into `to`, up to `most` bytes in all; what does not fit is left
/// out. Links, pipes and devices are left behind, so that nobody who reads the copies can be led elsewhere, and
/// so are modes, because a copy belongs to us: it must not run as us.
pub(super) fn copy_plain(from: &Path, to: &Path, most: u64) -> io::Result<()> {
    let mut left = most;
    let mut waiting = vec![(from.to_owned(), to.to_owned(), 0)];
    while let Some((source, target, depth)) = waiting.pop() {
        for entry in fs::read_dir(&source)? {
            let entry = entry?;
            let found = entry.metadata()?;
            let copy = target.join(entry.file_name());
            if found.is_dir() && depth < DEPTH {
                match fs::create_dir(&copy) {
                    Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(fault);
                    }
                    _ => waiting.push((entry.path(), copy, depth + 1)),
                }
            } else if found.is_file() && found.len() <= left {
                // By length, not by blocks: a file of holes takes its whole length as a copy.
                left -= found.len();
                io::copy(&mut File::open(entry.path())?, &mut File::create(&copy)?)?;
            }
        }
    }
    Ok(())
}

/// Gives a tree to `owner`, once: the top is given last, so that its owner tells that all was done.
pub(super) fn hand_over(top: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    let Some((user, group)) = owner else {
        return Ok(());
    };
    if fs::metadata(top)?.uid() == user {
        return Ok(());
    }
    let mut waiting = vec![top.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let at = entry.path();
            lchown(&at, Some(user), Some(group))?;
            if entry.file_type()?.is_dir() {
                waiting.push(at);
            }
        }
    }
    std::os::unix::fs::chown(top, Some(user), Some(group))
}
