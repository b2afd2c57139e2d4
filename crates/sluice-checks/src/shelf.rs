//! Keeps a folder of remembered things within a bound, beside other processes that use it.
//!
//! What was not used for the longest time goes first. A run says that it goes on by a locked file; what was
//! used since the oldest of those began stays, even past the bound. Whoever looks something up holds the
//! folder's lock with others, whoever removes holds it alone, so nothing goes between being found and being
//! marked as used. Locks go with the process that holds them, however it ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use crate::{CheckError, disk};

/// How often a lock that somebody else holds is asked for again.
const PAUSE: Duration = Duration::from_millis(5);
/// How long removing waits for those who look things up; the next run tries again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A bounded folder.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    home: PathBuf,
    bound: u64,
}

/// A run that goes on; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Going {
    _file: NamedTempFile,
}

/// Something that can be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// What is removed.
    pub(crate) path: PathBuf,
    /// The file whose time says when it was last used.
    pub(crate) mark: PathBuf,
    /// How much it takes.
    pub(crate) bytes: u64,
    /// When it was last used.
    pub(crate) used: SystemTime,
    /// Whether a broken-off run left it, so that it goes whether there is room or not.
    pub(crate) is_left_over: bool,
}

impl Shelf {
    /// A folder that may take `bound` bytes.
    pub(crate) fn new(home: PathBuf, bound: u64) -> Shelf {
        Shelf { home, bound }
    }

    fn lock_file(&self) -> Result<File, CheckError> {
        disk::folder(&self.home)?;
        lock_file(&self.home.join(".lock"))
    }

    fn runs(&self) -> PathBuf {
        self.home.join(".runs")
    }

    /// Says that a run goes on: what it uses from now on stays.
    pub(crate) async fn begin(&self, cancel: &CancellationToken) -> Result<Going, CheckError> {
        let _reading = self.reading(cancel).await?;
        let runs = self.runs();
        disk::folder(&runs)?;
        let file = NamedTempFile::new_in(&runs)
            .and_then(|file| file.as_file().lock().map(|()| file))
            .map_err(CheckError::io("marking a run in", &runs))?;
        Ok(Going { _file: file })
    }

    /// Held while something is looked up and marked as used.
    pub(crate) async fn reading(&self, cancel: &CancellationToken) -> Result<File, CheckError> {
        let file = self.lock_file()?;
        loop {
            match file.try_lock_shared() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => {
                    return Err(CheckError::io("taking the lock of", &self.home)(error));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            tokio::select! {
                () = cancel.cancelled() => return Err(CheckError::Cancelled),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Removes from `items` what is left over and, where they take more than the bound, what was not used for
    /// the longest time. What `remove` is given is not in use by anybody. Blocks.
    pub(crate) fn sweep(
        &self,
        mut items: Vec<Item>,
        mut remove: impl FnMut(&Item) -> Result<(), CheckError>,
    ) -> Result<(), CheckError> {
        let mut taken: u64 = items.iter().map(|item| item.bytes).sum();
        if taken <= self.bound && !items.iter().any(|item| item.is_left_over) {
            return Ok(());
        }
        let Some(_alone) = self.alone()? else {
            return Ok(());
        };
        let oldest_run = self.oldest_run()?;
        items.sort_by_key(|item| (!item.is_left_over, item.used));
        for item in items {
            if taken <= self.bound && !item.is_left_over {
                break;
            }
            // It may have been used since it was listed.
            let used = fs::symlink_metadata(&item.mark).and_then(|meta| meta.modified());
            let is_in_use = match (used, oldest_run) {
                (Ok(used), Some(run)) => used >= run,
                (Ok(used), None) => used > item.used,
                (Err(error), _) => error.kind() == io::ErrorKind::NotFound && !item.is_left_over,
            };
            if is_in_use {
                continue;
            }
            remove(&item)?;
            taken = taken.saturating_sub(item.bytes);
        }
        Ok(())
    }

    /// The lock for removing; `None` when others look things up all the time.
    fn alone(&self) -> Result<Option<File>, CheckError> {
        let file = self.lock_file()?;
        let end = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => {
                    return Err(CheckError::io("taking the lock of", &self.home)(error));
                }
                Err(TryLockError::WouldBlock) if Instant::now() > end => return Ok(None),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// When the oldest run that goes on began. Marks of runs that were killed are removed.
    fn oldest_run(&self) -> Result<Option<SystemTime>, CheckError> {
        let runs = self.runs();
        let entries = match fs::read_dir(&runs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(CheckError::io("reading", &runs))?,
        };
        let mut oldest = None;
        for entry in entries.flatten() {
            let Ok(file) = File::open(entry.path()) else {
                continue;
            };
            if file.try_lock().is_ok() {
                disk::remove(&entry.path())?;
                continue;
            }
            let began = file.metadata().and_then(|meta| meta.modified()).ok();
            // A run whose time is not known began at the beginning of time.
            let began = began.unwrap_or(SystemTime::UNIX_EPOCH);
            oldest = Some(oldest.map_or(began, |oldest: SystemTime| oldest.min(began)));
        }
        Ok(oldest)
    }
}

/// Opens a file that is only there to be locked.
pub(crate) fn lock_file(path: &Path) -> Result<File, CheckError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(CheckError::io("making a lock", path))
}

/// Marks a file as used now; `false` when it is not there.
pub(crate) fn mark(path: &Path) -> bool {
    File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .is_ok()
}

/// The files in `folder` and in the folders in it, and what was being written there when a process was killed.
pub(crate) fn files(folder: &Path) -> Vec<Item> {
    let mut items = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), true)];
    while let Some((folder, is_top)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            if meta.is_dir() && is_top && !name.starts_with('.') {
                folders.push((entry.path(), false));
            }
            // What is being written has a name of `tempfile`'s until it is whole.
            let is_temporary = name.starts_with(".tmp");
            if meta.is_file() && (is_temporary || !name.starts_with('.')) {
                items.push(Item {
                    path: entry.path(),
                    mark: entry.path(),
                    bytes: meta.len(),
                    used: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    is_left_over: is_temporary,
                });
            }
        }
    }
    items
}

#[cfg(test)]
mod tests;
