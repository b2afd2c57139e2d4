//! Dependency layers: what an installation leaves, kept under the digest of what it depends on.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::cache::{self, Entry};
use crate::toolchain::{INSTALLED, KEPT_FOLDERS, KEPT_LOCKFILES};
use crate::tree::read_plain;
use crate::{CheckError, Logs, disk};

/// How often a lock that another process holds is asked for again.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The folder of layers.
#[derive(Debug)]
pub(crate) struct Layers {
    folder: PathBuf,
}

/// A layer that can be put below a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// The folder to mount.
    pub(crate) tree: PathBuf,
    /// Says which packages are in it.
    pub(crate) digest: String,
}

impl Layers {
    pub(crate) fn new(folder: PathBuf) -> Layers {
        Layers { folder }
    }

    /// Held while the layer `key` is looked for and made, so that two runs, also of two processes, do it once.
    pub(crate) async fn lock(
        &self,
        key: &str,
        cancel: &CancellationToken,
    ) -> Result<File, CheckError> {
        disk::folder(&self.folder)?;
        let path = self.folder.join(format!(".lock-{key}"));
        let file = File::create(&path).map_err(CheckError::io("making a lock", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => {
                    return Err(CheckError::io("taking the lock", &path)(error));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            tokio::select! {
                () = cancel.cancelled() => return Err(CheckError::Cancelled),
                () = tokio::time::sleep(LOCK_PAUSE) => {}
            }
        }
    }

    /// The layer under `key` with the result of its installation. What is damaged is removed; the log, which
    /// may have been cleared away since, is put back.
    pub(crate) fn fetch(
        &self,
        key: &str,
        dir: &str,
        logs: &Logs,
    ) -> Result<Option<(Layer, Entry)>, CheckError> {
        let home = self.folder.join(key);
        if let Some(entry) = cache::read(&home.join("result")) {
            let log = &entry.result.log.sha256;
            let kept = || read_plain(&home.join("log"), u64::MAX).unwrap_or_default();
            if logs.has(log) || logs.restore(log, &kept())? {
                return Ok(Some((layer(&home, dir), entry)));
            }
        }
        disk::remove(&home).map(|()| None)
    }

    /// An empty place for an installation, as [`Layers::keep`] takes it. What a killed process left in a
    /// place of this name is removed.
    pub(crate) fn stage(&self, name: &str) -> Result<Staged, CheckError> {
        let staged = Staged {
            home: self.folder.join(format!(".new-{name}")),
        };
        staged.empty()?;
        Ok(staged)
    }

    /// Puts a staged layer under `key`, whole or not at all.
    pub(crate) fn keep(
        &self,
        staged: Staged,
        key: &str,
        dir: &str,
        entry: &Entry,
        logs: &Logs,
    ) -> Result<Layer, CheckError> {
        prune(&staged.upper(), Some(dir))?;
        let log = logs.log_read(&entry.result.log.sha256).unwrap_or_default();
        disk::write(&staged.home.join("log"), &log)?;
        cache::write(&staged.home.join("result"), entry)?;
        let home = self.folder.join(key);
        fs::rename(&staged.home, &home)
            .and_then(|()| disk::sync_folder(&self.folder))
            .map_err(CheckError::io("keeping the layer", &home))?;
        Ok(layer(&home, dir))
    }
}

/// A place for an installation; removed with what is still in it when it is let go.
#[derive(Debug)]
pub(crate) struct Staged {
    home: PathBuf,
}

impl Staged {
    /// The folder that a job is to keep what it writes in.
    pub(crate) fn upper(&self) -> PathBuf {
        self.home.join("tree")
    }

    /// Starts over.
    pub(crate) fn empty(&self) -> Result<(), CheckError> {
        disk::empty_folder(&self.home)
    }

    /// Makes the layer usable where it lies.
    pub(crate) fn layer(&self, dir: &str) -> Result<Layer, CheckError> {
        prune(&self.upper(), Some(dir))?;
        Ok(layer(&self.home, dir))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.home) {
            tracing::warn!(path = %self.home.display(), %error, "a layer that is not needed stays");
        }
    }
}

fn layer(home: &Path, dir: &str) -> Layer {
    let tree = home.join("tree");
    let mut digest = Sha256::new();
    for name in INSTALLED {
        digest.update(fs::read(tree.join(dir).join(name)).unwrap_or_default());
    }
    Layer {
        tree,
        digest: hex::encode(digest.finalize()),
    }
}

/// Removes everything but the folders of packages and the lockfile beside the manifest in `keep`.
fn prune(folder: &Path, keep: Option<&str>) -> Result<(), CheckError> {
    if fs::symlink_metadata(folder).is_err() {
        return disk::folder(folder);
    }
    let entries = fs::read_dir(folder).map_err(CheckError::io("reading the layer", folder))?;
    for entry in entries {
        let entry = entry.map_err(CheckError::io("reading the layer", folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_one_of = |names: &[&str]| names.iter().any(|kept| name == *kept);
        if is_dir && is_one_of(&KEPT_FOLDERS) {
            continue;
        }
        if !is_dir {
            if !(keep == Some("") && is_one_of(&KEPT_LOCKFILES)) {
                disk::remove(&path)?;
            }
            continue;
        }
        let below = keep.and_then(|keep| {
            let (first, rest) = keep.split_once('/').unwrap_or((keep, ""));
            (!keep.is_empty() && name == first).then_some(rest)
        });
        prune(&path, below)?;
        // Fails, as it should, where something was kept.
        let _ = fs::remove_dir(&path);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
