//! Writes a file beside its place, so that putting it there is one rename.

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use sluice_path::{Reason, RelPath};

use super::{Root, file_create, kind_at, random_hex};
use crate::WorkspaceError;

/// A file that is written and durable under a temporary name in its own folder; dropping it
/// removes it and the folders made for it. No handle is held, so that a large change does not run out of them.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    root: &'a Root,
    path: RelPath,
    temporary: String,
    placed: bool,
}

impl Root {
    /// Writes the bytes beside `path`, making folders; see [`Root::write`].
    pub(crate) fn stage(
        &self,
        path: &RelPath,
        bytes: &[u8],
        executable: bool,
    ) -> Result<Staged<'_>, WorkspaceError> {
        let text = path.as_str();
        let folder = self
            .folder_create(path.parent())
            .map_err(|e| self.failed("open the folder of", text, e))?;
        self.target_check(&folder, path)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let staged = Staged {
            root: self,
            path: path.clone(),
            temporary: format!(".{}", random_hex()),
            placed: false,
        };
        file_create(&folder, &staged.temporary, bytes, mode, true)
            .map_err(WorkspaceError::io("write", self.path().join(text)))?;
        Ok(staged)
    }

    /// Refuses a link and a folder where a file goes. A rename would replace a link without
    /// following it; it is refused because someone put it there for a reason.
    fn target_check(
        &self,
        folder: impl std::os::fd::AsFd,
        path: &RelPath,
    ) -> Result<(), WorkspaceError> {
        let text = path.as_str();
        match kind_at(folder, path.file_name()) {
            Ok(FileType::Symlink) => Err(WorkspaceError::Refused {
                path: text.to_owned(),
                reason: Reason::Symlink,
            }),
            Ok(FileType::Directory) => Err(WorkspaceError::PathConflict {
                path: text.to_owned(),
            }),
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(self.failed("look at", text, e)),
        }
    }
}

impl Staged<'_> {
    /// Renames the file to its place; durable when it returns.
    pub(crate) fn place(mut self) -> Result<(), WorkspaceError> {
        let text = self.path.as_str();
        let failed = |what| move |e| self.root.failed(what, text, e);
        // Opened again: if someone swapped the folder, our file is not in it and nothing happens.
        let folder = self
            .root
            .folder(self.path.parent())
            .map_err(failed("open the folder of"))?;
        match rustix::fs::renameat(&folder, &self.temporary, &folder, self.path.file_name()) {
            Ok(()) => {}
            Err(Errno::ISDIR | Errno::NOTEMPTY) => {
                return Err(WorkspaceError::PathConflict {
                    path: text.to_owned(),
                });
            }
            Err(e) => return Err(failed("rename")(e)),
        }
        rustix::fs::fsync(&folder).map_err(failed("sync the folder of"))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.placed
            && let Ok(folder) = self.root.folder(self.path.parent())
        {
            // Best effort: what stays is swept by the next writer.
            let _ = rustix::fs::unlinkat(&folder, &self.temporary, AtFlags::empty());
            self.root.empty_parents_remove(self.path.parent());
        }
    }
}
