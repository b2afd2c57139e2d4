//! Writes files so that they are there whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::CheckError;

/// Makes a folder and those above it.
pub(crate) fn folder(path: &Path) -> Result<(), CheckError> {
    fs::create_dir_all(path).map_err(CheckError::io("making a folder", path))
}

/// Makes an empty folder; what lay there is from a broken-off run and removed.
pub(crate) fn empty_folder(path: &Path) -> Result<(), CheckError> {
    remove(path)?;
    folder(path)
}

/// Removes a folder with all that is in it, or a file; nothing there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), CheckError> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) => Err(error),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CheckError::io("removing", path)(error))
        }
        _ => Ok(()),
    }
}

/// Writes a file: temporary name, content to the disk, rename, folder to the disk.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), CheckError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    folder(parent)?;
    let write = || -> std::io::Result<()> {
        let mut file = NamedTempFile::new_in(parent)?;
        file.write_all(content)?;
        persist(file, path)
    };
    write().map_err(CheckError::io("writing", path))
}

/// Lays a file out in a folder of ours, readable for the sandboxes' user. It is not waited for until it is on the
/// disk: the folder is made anew for every run.
pub(crate) fn lay(home: &Path, path: &str, content: &[u8]) -> Result<(), CheckError> {
    let at = home.join(path);
    folder(at.parent().unwrap_or(home))?;
    fs::write(&at, content)
        .and_then(|()| fs::set_permissions(&at, fs::Permissions::from_mode(0o644)))
        .map_err(CheckError::io("writing", &at))
}

/// Lets the sandboxes' user look into a folder of ours and all folders in it.
pub(crate) fn open(home: &Path) -> Result<(), CheckError> {
    let mut folders = vec![home.to_path_buf()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))
            .map_err(CheckError::io("opening", &folder))?;
        let entries = fs::read_dir(&folder).map_err(CheckError::io("opening", &folder))?;
        let entries = entries.flatten();
        folders.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    Ok(())
}

/// Gives a temporary file its name, for good, readable by the sandboxes' user too.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> std::io::Result<()> {
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Brings the names in a folder to the disk.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}
