//! Writes a file beside its place, so that putting it there is one rename.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use sluice_path::{Reason, RelPath};

use super::{Durable, Root, file_create, kind_at, random_hex};
use crate::WorkspaceError;

/// A file that is written, and durable unless that is for later, under a temporary name in its own folder; dropping it
/// removes it and the folders made for it.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    root: &'a Root,
    path: RelPath,
    temporary: String,
    /// Where the temporary file is, so that it is found again when somebody moves that folder.
    folder: Option<OwnedFd>,
    durable: Durable,
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
        self.stage_for(path, bytes, executable, Durable::Now)
    }

    pub(crate) fn stage_for(
        &self,
        path: &RelPath,
        bytes: &[u8],
        executable: bool,
        durable: Durable,
    ) -> Result<Staged<'_>, WorkspaceError> {
        let text = path.as_str();
        let folder = self.folder_create(path.parent(), durable).map_err(|e| {
            // Of several missing folders some may have been made before the disk was full.
            self.empty_parents_remove(path.parent());
            self.failed("open the folder of", text, e)
        })?;
        self.target_check(&folder, path)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut staged = Staged {
            root: self,
            path: path.clone(),
            temporary: format!(".{}", random_hex()),
            folder: None,
            durable,
            placed: false,
        };
        let folder = staged.folder.insert(folder);
        file_create(
            folder,
            &staged.temporary,
            bytes,
            mode,
            durable == Durable::Now,
        )
        .map_err(WorkspaceError::io("write", self.path().join(text)))?;
        Ok(staged)
    }

    /// Refuses a link and a folder where a file goes. A rename would replace a link without
    /// following it; it is refused because someone put it there for a reason.
    fn target_check(&self, folder: impl AsFd, path: &RelPath) -> Result<(), WorkspaceError> {
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
    /// Lets go of the folder's handle, so that a large change does not run out of handles.
    pub(crate) fn release(mut self) -> Self {
        self.folder = None;
        self
    }

    /// Renames the file to its place.
    pub(crate) fn place(mut self) -> Result<(), WorkspaceError> {
        let text = self.path.as_str();
        let failed = |what| move |e| self.root.failed(what, text, e);
        // Opened again: what is at the path now counts, wherever the folder of old went.
        let folder = self
            .root
            .folder(self.path.parent())
            .map_err(failed("open the folder of"))?;
        let from = self.folder.as_ref().unwrap_or(&folder);
        match rustix::fs::renameat(from, &self.temporary, &folder, self.path.file_name()) {
            Ok(()) => {}
            Err(Errno::ISDIR | Errno::NOTEMPTY) => {
                return Err(WorkspaceError::PathConflict {
                    path: text.to_owned(),
                });
            }
            Err(e) => return Err(failed("rename")(e)),
        }
        if self.durable == Durable::Now {
            rustix::fs::fsync(&folder).map_err(failed("sync the folder of"))?;
        }
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if self.placed {
            return;
        }
        // Best effort: what stays is swept by the next writer.
        let again = || self.root.folder(self.path.parent()).ok();
        if let Some(folder) = self.folder.take().or_else(again) {
            let _ = rustix::fs::unlinkat(&folder, &self.temporary, AtFlags::empty());
        }
        self.root.empty_parents_remove(self.path.parent());
    }
}
