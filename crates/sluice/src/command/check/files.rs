//! The files of the folder that is checked: listed at once, copied when the first check really runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::anyhow;
use async_trait::async_trait;
use sluice_checks::{Source, SourceFault, Tree};
use sluice_workspace::{Exported, ListingOfDir, Skipped, WorkspaceError};
use tokio::sync::OnceCell;

/// The largest file in bytes that is looked into before anything runs.
const LARGEST: usize = 16 << 20;
/// The largest file in bytes that is kept in memory once it was read, such as a lockfile.
const REMEMBERED: usize = 1 << 20;
/// How many of them are kept.
const MOST_REMEMBERED: usize = 100;

/// A folder as it was when it was listed.
pub(super) struct Files {
    listing: ListingOfDir,
    stamps: BTreeMap<String, String>,
    place: PathBuf,
    laid_out: OnceCell<()>,
    moved_on: AtomicBool,
    /// Small files that were read: manifests are looked into many times.
    seen: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Files {
    /// Lists `dir`; its files will be copied to `place`.
    pub(super) fn open(dir: &Path, place: PathBuf) -> Result<Files, WorkspaceError> {
        let listing = ListingOfDir::open(dir)?;
        let stamps = listing.files.iter().map(|file| {
            let stamp = format!("{} {}", u8::from(file.executable), file.oid);
            (file.path.clone(), stamp)
        });
        Ok(Files {
            stamps: stamps.collect(),
            listing,
            place,
            laid_out: OnceCell::new(),
            moved_on: AtomicBool::new(false),
            seen: Mutex::default(),
        })
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree that the folder is.
    pub(super) fn tree(&self) -> String {
        self.listing.oid.to_string()
    }

    /// What was left out.
    pub(super) fn skipped(&self) -> &[Skipped] {
        &self.listing.skipped
    }

    /// Whether the folder was found to be another one by now, so that it must be listed again.
    pub(super) fn has_moved_on(&self) -> bool {
        self.moved_on.load(Ordering::Relaxed)
    }
}

impl Tree for Files {
    fn paths(&self) -> Vec<String> {
        self.stamps.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if !self.stamps.contains_key(path) {
            return None;
        }
        if let Some(bytes) = self.seen().get(path) {
            return Some(bytes.clone());
        }
        // Once there is a copy, what becomes of the folder is nobody's business.
        let bytes = match self.laid_out.initialized() {
            true => fs::read(self.place.join(path)).ok(),
            false => self.listing.read(path),
        };
        if bytes.is_none() {
            self.moved_on.store(true, Ordering::Relaxed);
        }
        let bytes = bytes.filter(|bytes| bytes.len() <= LARGEST)?;
        let mut seen = self.seen();
        if bytes.len() <= REMEMBERED && seen.len() < MOST_REMEMBERED {
            seen.insert(path.to_owned(), bytes.clone());
        }
        Some(bytes)
    }

    fn stamp(&self, path: &str) -> Option<String> {
        self.stamps.get(path).cloned()
    }
}

#[async_trait]
impl Source for Files {
    fn files(&self) -> &dyn Tree {
        self
    }

    async fn folder(&self) -> Result<PathBuf, SourceFault> {
        let lay_out = || async {
            let (listing, place) = (self.listing.clone(), self.place.clone());
            let exported = tokio::task::spawn_blocking(move || listing.export(&place));
            match exported.await?? {
                Exported::Whole => Ok::<(), SourceFault>(()),
                Exported::Changed(path) => {
                    self.moved_on.store(true, Ordering::Relaxed);
                    Err(anyhow!("{path} changed while the checks were about to start").into())
                }
            }
        };
        self.laid_out.get_or_try_init(lay_out).await?;
        Ok(self.place.clone())
    }
}
