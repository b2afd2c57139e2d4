//! Dependency layers: what an installation leaves, kept under the digest of what it depends on.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::cache::{self, Entry};
use crate::meters;
use crate::shelf::{self, Going, Item, Shelf};
use crate::toolchain::{COMPILED, INSTALLED, KEPT_FOLDERS, KEPT_LOCKFILES};
use crate::tree::read_plain;
use crate::{CheckError, Logs, Toolchain, disk};

/// How often a lock that another process holds is asked for again.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// What lies beside the tree of a layer, and says when it was last used.
const RESULT: &str = "result";

/// The folder of layers.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    folder: PathBuf,
    shelf: Shelf,
}

/// What is written down of a layer.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    entry: Entry,
    digest: String,
    bytes: u64,
    trees: usize,
}

/// A layer that can be put below a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// The folders to mount, the topmost first: one for each step of the installation.
    pub(crate) trees: Vec<PathBuf>,
    /// Says which packages are in it.
    pub(crate) digest: String,
}

impl Layer {
    /// This one on top of another.
    pub(crate) fn above(mut self, other: Option<Layer>) -> Layer {
        self.trees
            .extend(other.into_iter().flat_map(|other| other.trees));
        self
    }
}

/// Whose installation a layer is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// The project's folder.
    pub(crate) dir: &'a str,
    /// What it is made with.
    pub(crate) toolchain: Toolchain,
}

impl Layers {
    /// Layers in this folder, which may take `bound` bytes.
    pub(crate) fn new(folder: PathBuf, bound: u64) -> Layers {
        Layers {
            shelf: Shelf::new(folder.clone(), bound),
            folder,
        }
    }

    /// Says that a run goes on: the layers that it uses from now on stay.
    pub(crate) async fn begin(&self, cancel: &CancellationToken) -> Result<Going, CheckError> {
        self.shelf.begin(cancel).await
    }

    /// Held while the layer `key` is looked for and made, so that two runs, also of two processes, do it once.
    pub(crate) async fn lock(
        &self,
        key: &str,
        cancel: &CancellationToken,
    ) -> Result<File, CheckError> {
        disk::folder(&self.folder)?;
        let path = self.folder.join(format!(".lock-{key}"));
        loop {
            let file = shelf::lock_file(&path)?;
            match file.try_lock() {
                // A lock that was removed in between is nobody's.
                Ok(()) if is_at(&file, &path) && shelf::mark(&path) => return Ok(file),
                Ok(()) => continue,
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

    /// The layer under `key` with the result of its installation, marked as used. What is damaged is removed;
    /// the log, which may have been cleared away since, is put back.
    pub(crate) async fn fetch(
        &self,
        key: &str,
        owner: Owner<'_>,
        logs: &Logs,
        cancel: &CancellationToken,
    ) -> Result<Option<(Layer, Entry)>, CheckError> {
        let _reading = self.shelf.reading(cancel).await?;
        let home = self.folder.join(key);
        if fs::symlink_metadata(&home).is_err() {
            return Ok(None);
        }
        if let Some(kept) = cache::read::<Kept>(&home.join(RESULT)) {
            let layer = layer(&home, owner);
            let is_whole = layer.trees.len() == kept.trees && layer.digest == kept.digest;
            let log = &kept.entry.result.log;
            let copy = || read_plain(&home.join("log"), u64::MAX).unwrap_or_default();
            if is_whole && (logs.take(log) || logs.restore(&log.sha256, &copy())?) {
                shelf::mark(&home.join(RESULT));
                return Ok(Some((layer, kept.entry)));
            }
        }
        tracing::warn!(path = %home.display(), "a damaged layer was dropped");
        self.put_aside(&home).map(|_| None)
    }

    /// Takes a layer out of the way, for good; who has it mounted keeps it until [`Layers::sweep`].
    fn put_aside(&self, home: &Path) -> Result<PathBuf, CheckError> {
        let name = home.file_name().unwrap_or_default().to_string_lossy();
        let number = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let aside = self.folder.join(format!(".old-{name}-{number}"));
        fs::rename(home, &aside).map_err(CheckError::io("putting a layer aside", home))?;
        let now = File::open(&aside).and_then(|file| file.set_modified(SystemTime::now()));
        now.map_err(CheckError::io("marking", &aside))?;
        Ok(aside)
    }

    /// Removes what takes more than the bound, and what killed runs left. Blocks.
    pub(crate) fn sweep(&self) -> Result<(), CheckError> {
        let mut gone = Vec::new();
        let items = self.items();
        meters::takes(meters::LAYERS, items.iter().map(|item| item.bytes).sum());
        self.shelf.sweep(items, |item| {
            let name = item.path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(".lock-") {
                let is_free = File::open(&item.path).is_ok_and(|file| file.try_lock().is_ok());
                return match is_free {
                    true => disk::remove(&item.path),
                    false => Ok(()),
                };
            }
            gone.push(match name.starts_with('.') {
                true => item.path.clone(),
                false => {
                    meters::evicted(meters::LAYERS);
                    self.put_aside(&item.path)?
                }
            });
            Ok(())
        })?;
        // Nobody finds these any more, so it does not matter how long it takes.
        gone.iter().try_for_each(|path| disk::remove(path))
    }

    fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let is_layer = !name.starts_with('.');
            let kept = is_layer
                .then(|| cache::read::<Kept>(&path.join(RESULT)))
                .flatten();
            let is_remains = [".new-", ".old-"]
                .iter()
                .any(|start| name.starts_with(start));
            let is_lock = name
                .strip_prefix(".lock-")
                .is_some_and(|key| !self.folder.join(key).exists());
            let mark = match kept {
                Some(_) => path.join(RESULT),
                None if is_layer || is_remains || is_lock => path.clone(),
                None => continue,
            };
            let used = fs::symlink_metadata(&mark).and_then(|meta| meta.modified());
            items.push(Item {
                mark,
                is_left_over: kept.is_none(),
                bytes: kept.map_or(0, |kept| kept.bytes),
                used: used.unwrap_or(SystemTime::UNIX_EPOCH),
                path,
            });
        }
        items
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
        owner: Owner<'_>,
        entry: &Entry,
        logs: &Logs,
    ) -> Result<Layer, CheckError> {
        let made = staged.layer(owner)?;
        let log = logs.log_read(&entry.result.log.sha256).unwrap_or_default();
        disk::write(&staged.home.join("log"), &log)?;
        let kept = Kept {
            entry: entry.clone(),
            digest: made.digest,
            bytes: size(&staged.home),
            trees: made.trees.len(),
        };
        cache::write(&staged.home.join(RESULT), &kept)?;
        let home = self.folder.join(key);
        fs::rename(&staged.home, &home)
            .and_then(|()| disk::sync_folder(&self.folder))
            .map_err(CheckError::io("keeping the layer", &home))?;
        Ok(layer(&home, owner))
    }
}

/// A place for an installation; removed with what is still in it when it is let go.
#[derive(Debug)]
pub(crate) struct Staged {
    home: PathBuf,
}

impl Staged {
    /// The folder that the next job is to keep what it writes in, above what the jobs before it wrote.
    pub(crate) fn upper(&self) -> PathBuf {
        self.home.join(tree_name(trees(&self.home).len()))
    }

    /// What the jobs wrote so far, the topmost folder first.
    pub(crate) fn trees(&self) -> Vec<PathBuf> {
        trees(&self.home)
    }

    /// Takes back what the last job wrote.
    pub(crate) fn take_back(&self) -> Result<(), CheckError> {
        trees(&self.home)
            .first()
            .map_or(Ok(()), |last| disk::remove(last))
    }

    /// Starts over.
    pub(crate) fn empty(&self) -> Result<(), CheckError> {
        disk::empty_folder(&self.home)
    }

    /// Makes the layer usable where it lies.
    pub(crate) fn layer(&self, owner: Owner<'_>) -> Result<Layer, CheckError> {
        disk::folder(&self.home.join(tree_name(0)))?;
        for tree in trees(&self.home) {
            prune(&tree, Some(owner.dir), owner.toolchain)?;
        }
        Ok(layer(&self.home, owner))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.home) {
            tracing::warn!(path = %self.home.display(), %error, "a layer that is not needed stays");
        }
    }
}

fn layer(home: &Path, owner: Owner<'_>) -> Layer {
    let trees = trees(home);
    let mut digest = Sha256::new();
    for name in INSTALLED {
        let content = trees
            .iter()
            .find_map(|tree| fs::read(tree.join(owner.dir).join(name)).ok());
        digest.update(content.unwrap_or_default());
    }
    Layer {
        trees,
        digest: hex::encode(digest.finalize()),
    }
}

/// The folders that the steps of an installation left, the topmost first.
fn trees(home: &Path) -> Vec<PathBuf> {
    let mut trees: Vec<PathBuf> = (0..)
        .map(|number| home.join(tree_name(number)))
        .take_while(|tree| tree.is_dir())
        .collect();
    trees.reverse();
    trees
}

fn tree_name(number: usize) -> String {
    match number {
        0 => "tree".to_owned(),
        _ => format!("tree-{number}"),
    }
}

/// Whether an open file is the one that has this name now.
fn is_at(file: &File, path: &Path) -> bool {
    let here = file.metadata().map(|meta| (meta.dev(), meta.ino()));
    let there = fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()));
    matches!((here, there), (Ok(here), Ok(there)) if here == there)
}

/// How much a folder takes on the disk, in bytes.
fn size(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            bytes += meta.blocks() * 512;
            if meta.is_dir() {
                open.push(entry.path());
            }
        }
    }
    bytes
}

/// Removes everything but the folders of packages, and beside the manifest in `keep` the lockfile and what was
/// compiled.
fn prune(folder: &Path, keep: Option<&str>, toolchain: Toolchain) -> Result<(), CheckError> {
    let entries = fs::read_dir(folder).map_err(CheckError::io("reading the layer", folder))?;
    for entry in entries {
        let entry = entry.map_err(CheckError::io("reading the layer", folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_one_of = |names: &[&str]| names.iter().any(|kept| name == *kept);
        let is_compiled = keep == Some("") && toolchain == Toolchain::Rust && name == COMPILED;
        if is_dir && (is_one_of(&KEPT_FOLDERS) || is_compiled) {
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
        prune(&path, below, toolchain)?;
        // Fails, as it should, where something was kept.
        let _ = fs::remove_dir(&path);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
