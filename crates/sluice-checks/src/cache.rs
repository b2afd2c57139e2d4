//! Remembers results: same key, same answer.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::shelf::Item;
use crate::{CheckError, CheckResult, Logs, disk, shelf};

/// A folder of results, each under the digest of all that it depends on.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// A result and the run that it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) run: String,
    pub(crate) result: CheckResult,
}

impl Cache {
    /// Results in this folder, made when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Cache {
        Cache {
            folder: folder.into(),
        }
    }

    /// The result under `key`, marked as used, if its log is there too; what is damaged is removed. To be
    /// called while the shelf of both is held.
    pub(crate) fn fetch(&self, key: &str, logs: &Logs) -> Option<Entry> {
        let path = self.path(key);
        let entry: Entry = read(&path)?;
        if !logs.take(&entry.result.log) {
            return None;
        }
        shelf::mark(&path);
        Some(entry)
    }

    /// What can be removed.
    pub(crate) fn items(&self) -> Vec<Item> {
        shelf::files(&self.folder)
    }

    /// Keeps a result.
    pub(crate) fn store(&self, key: &str, entry: &Entry) -> Result<(), CheckError> {
        write(&self.path(key), entry)
    }

    /// Forgets a result.
    pub(crate) fn drop_entry(&self, key: &str) -> Result<(), CheckError> {
        disk::remove(&self.path(key))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(&key[..2]).join(format!("{key}.json"))
    }
}

/// An entry in a file whose first line is the digest of the rest; a damaged file is removed, and one that another
/// version of Sluice wrote.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text = fs::read_to_string(path).ok();
    let body = text.as_deref().and_then(|text| {
        let (digest, body) = text.split_once('\n')?;
        (digest == hex::encode(Sha256::digest(body))).then_some(body)
    });
    let entry = body.and_then(|body| serde_json::from_str(body).ok());
    if entry.is_none() && fs::symlink_metadata(path).is_ok() {
        match body {
            Some(_) => {
                tracing::debug!(path = %path.display(), "a cache entry of another version was dropped")
            }
            None => tracing::warn!(path = %path.display(), "a damaged cache entry was dropped"),
        }
        if let Err(error) = disk::remove(path) {
            tracing::warn!(%error, "it could not be removed");
        }
    }
    entry
}

/// Writes such a file.
pub(crate) fn write(path: &Path, entry: &impl Serialize) -> Result<(), CheckError> {
    let body = serde_json::to_string(entry)
        .map_err(|error| CheckError::io("writing", path)(std::io::Error::other(error)))?;
    let digest = hex::encode(Sha256::digest(&body));
    disk::write(path, format!("{digest}\n{body}").as_bytes())
}

/// A digest over named parts, each with its length.
#[derive(Default)]
pub(crate) struct Key(Sha256);

impl Key {
    /// Adds a part.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Key {
        let value = value.as_ref();
        self.0.update(format!("{name}\0{}\0", value.len()));
        self.0.update(value);
        self
    }

    /// The digest in hex.
    pub(crate) fn done(self) -> String {
        hex::encode(self.0.finalize())
    }
}
