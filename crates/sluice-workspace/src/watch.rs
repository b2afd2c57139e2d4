//! Says that a working tree may have changed; what changed, a look at it finds out.
//!
//! What the kernel says of paths is never trusted: an event, an overflow and an error all mean the same,
//! look again. Folders are watched one by one, as a look names them, so that what is ignored or owned by
//! tools costs no watch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::WorkspaceError;

/// What may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// The working tree of this name.
    One(String),
    /// Any of them: events were lost.
    All,
}

/// What came of watching folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covered {
    /// All of them were watched already.
    Already,
    /// Some are watched from now on; what happened in them before, a look must find.
    More,
    /// The machine has no watches left: only looking tells.
    NoWatchesLeft,
}

/// Watches the folders below one folder. Ends when it is dropped.
pub struct Watch {
    root: PathBuf,
    watcher: RecommendedWatcher,
    covered: BTreeSet<PathBuf>,
    /// Folders that were made, moved or removed: the watch on the name is not on what is there now.
    stale: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Watch {
    /// Watches `root`, whose folders are the working trees, and tells `on` from a thread of its own.
    ///
    /// # Errors
    /// The machine gives no watch.
    pub fn start(
        root: &Path,
        on: impl Fn(Touched) + Send + 'static,
    ) -> Result<Watch, WorkspaceError> {
        let failed = |e: notify::Error| WorkspaceError::io("watch", root)(source(e));
        let stale = Arc::new(Mutex::new(BTreeSet::new()));
        let (below, changed) = (root.to_owned(), Arc::clone(&stale));
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            for touched in touched(&below, event, &changed) {
                on(touched);
            }
        })
        .map_err(failed)?;
        watcher
            .watch(root, RecursiveMode::NonRecursive)
            .map_err(failed)?;
        Ok(Watch {
            root: root.to_owned(),
            watcher,
            covered: BTreeSet::new(),
            stale,
        })
    }

    /// Watches exactly these folders of one working tree (`""`: itself), and no others of it.
    ///
    /// # Errors
    /// The machine's fault; a folder that is gone meanwhile is none.
    pub fn cover(&mut self, name: &str, folders: &[String]) -> Result<Covered, WorkspaceError> {
        let top = self.root.join(name);
        let wanted: BTreeSet<PathBuf> = folders
            .iter()
            .map(|folder| {
                if folder.is_empty() {
                    top.clone()
                } else {
                    top.join(folder)
                }
            })
            .collect();
        let stale: BTreeSet<PathBuf> = {
            let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
            let (ours, others): (BTreeSet<PathBuf>, _) = std::mem::take(&mut *stale)
                .into_iter()
                .partition(|path| path.starts_with(&top));
            *stale = others;
            ours
        };
        let gone: Vec<PathBuf> = self
            .covered
            .iter()
            .filter(|path| path.starts_with(&top))
            .filter(|path| {
                !wanted.contains(*path) || path.ancestors().any(|above| stale.contains(above))
            })
            .cloned()
            .collect();
        for path in gone {
            // The kernel drops the watch of a folder that is gone by itself.
            let _ = self.watcher.unwatch(&path);
            self.covered.remove(&path);
        }
        let mut outcome = Covered::Already;
        for path in wanted {
            if self.covered.contains(&path) {
                continue;
            }
            match self.watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.covered.insert(path);
                    outcome = Covered::More;
                }
                Err(e) if matches!(e.kind, ErrorKind::MaxFilesWatch) => {
                    return Ok(Covered::NoWatchesLeft);
                }
                // Its removal is an event of the folder above.
                Err(e) if is_gone(&e) => {}
                Err(e) => return Err(WorkspaceError::io("watch", path)(source(e))),
            }
        }
        Ok(outcome)
    }

    /// How many folders are watched.
    pub fn len(&self) -> usize {
        self.covered.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.covered.is_empty()
    }
}

/// What an event means.
fn touched(
    root: &Path,
    event: notify::Result<Event>,
    stale: &Mutex<BTreeSet<PathBuf>>,
) -> Vec<Touched> {
    let Ok(event) = event else {
        return vec![Touched::All];
    };
    if event.need_rescan() {
        return vec![Touched::All];
    }
    match event.kind {
        // Reading changes nothing, and our own looks read.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        EventKind::Access(_) => return Vec::new(),
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(_) => {
            let mut stale = stale.lock().unwrap_or_else(PoisonError::into_inner);
            // A name that was written to may be a folder's only when the folder itself changed.
            if !matches!(
                event.kind,
                EventKind::Modify(notify::event::ModifyKind::Data(_))
            ) {
                stale.extend(event.paths.iter().cloned());
            }
        }
        EventKind::Any | EventKind::Other => {}
    }
    let mut names: Vec<Touched> = event
        .paths
        .iter()
        .map(|path| {
            let first = path
                .strip_prefix(root)
                .ok()
                .and_then(|below| below.iter().next());
            match first.and_then(|name| name.to_str()) {
                Some(name) => Touched::One(name.to_owned()),
                None => Touched::All,
            }
        })
        .collect();
    names.dedup();
    names
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(e) => e.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn source(error: notify::Error) -> std::io::Error {
    match error.kind {
        ErrorKind::Io(e) => e,
        other => std::io::Error::other(notify::Error::new(other)),
    }
}

#[cfg(test)]
mod tests;
