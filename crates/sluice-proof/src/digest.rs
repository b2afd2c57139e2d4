//! SHA-256 digests of bytes and of named files.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of `bytes` in lowercase hex, 64 characters.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A file inside an entry, named and fixed by its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileDigest {
    /// Where it lies inside the entry, as `logs/build.log`.
    pub path: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

impl FileDigest {
    /// Measures `content` under the name `path`.
    #[must_use]
    pub fn of(path: impl Into<String>, content: &[u8]) -> Self {
        Self {
            path: path.into(),
            sha256: sha256_hex(content),
            bytes: content.len() as u64,
        }
    }

    /// Whether `content` is what was measured.
    #[must_use]
    pub fn matches(&self, content: &[u8]) -> bool {
        self.bytes == content.len() as u64 && self.sha256 == sha256_hex(content)
    }
}
