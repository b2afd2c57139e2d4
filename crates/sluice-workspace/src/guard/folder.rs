//! Opens, makes and sweeps the folders below a root.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{Durable, RETRIES, Root, is_temporary_name, kind_at, resolve};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Root {
    /// Opens a folder below the root, `None` for the root itself.
    pub(crate) fn folder(&self, path: Option<&str>) -> Result<OwnedFd, Errno> {
        resolve(self.dir(), path.unwrap_or("."), FOLDER)
    }

    /// As [`Root::folder`], making what is missing (mode 0755).
    pub(crate) fn folder_create(
        &self,
        path: Option<&str>,
        durable: Durable,
    ) -> Result<OwnedFd, Errno> {
        for _ in 0..RETRIES {
            match (self.folder(path), path) {
                (Err(Errno::NOENT), Some(text)) => match self.folders_make(text, durable) {
                    // Removed again while we went down: another deletion emptied it.
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(e) => return Err(e),
                },
                (answer, _) => return answer,
            }
        }
        Err(Errno::NOENT)
    }

    fn folders_make(&self, path: &str, durable: Durable) -> Result<(), Errno> {
        let mut here = self.folder(None)?;
        for name in path.split('/') {
            here = match resolve(here.as_fd(), name, FOLDER) {
                Err(Errno::NOENT) => {
                    match rustix::fs::mkdirat(&here, name, Mode::from_raw_mode(0o755)) {
                        Ok(()) if durable == Durable::Now => rustix::fs::fsync(&here)?,
                        Ok(()) => {}
                        Err(Errno::EXIST) => {}
                        Err(e) => return Err(e),
                    }
                    resolve(here.as_fd(), name, FOLDER)?
                }
                answer => answer?,
            };
        }
        Ok(())
    }

    /// Removes the temporary files that a killed writer left in one folder. Only for a caller
    /// that is the only writer below this root.
    pub(crate) fn folder_sweep(&self, path: Option<&str>) {
        let Ok(folder) = self.folder(path) else {
            return;
        };
        let Ok(entries) = Dir::read_from(&folder) else {
            return;
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if is_temporary_name(name) && kind_at(&folder, name) == Ok(FileType::RegularFile) {
                let _ = rustix::fs::unlinkat(&folder, name, AtFlags::empty());
            }
        }
    }
}
