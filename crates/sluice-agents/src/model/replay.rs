//! From recorded exchanges, without a network.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::cassette::{Asked, Cassette, End};
use super::transport::{Came, Transport, Wanted};
use super::trouble::Trouble;

/// The recorded exchanges of a folder.
#[derive(Debug)]
pub struct Cassettes {
    folder: PathBuf,
    by_request: Mutex<BTreeMap<String, VecDeque<Cassette>>>,
    is_one_byte: bool,
}

impl Cassettes {
    /// Reads every `*.jsonl` of a folder, in the order of their names.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn read(folder: &Path) -> Result<Cassettes, String> {
        let shown = folder.display();
        let entries =
            fs::read_dir(folder).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension() == Some("jsonl".as_ref()))
            .collect();
        files.sort();
        let mut by_request: BTreeMap<String, VecDeque<Cassette>> = BTreeMap::new();
        for file in files {
            let wrong = |what: String| format!("{}: {what}", file.display());
            let text = fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
            let cassette = Cassette::parse(&text).map_err(wrong)?;
            let one = by_request.entry(cassette.asked.sha256.clone());
            one.or_default().push_back(cassette);
        }
        Ok(Cassettes {
            folder: folder.to_owned(),
            by_request: Mutex::new(by_request),
            is_one_byte: false,
        })
    }

    /// Plays bodies one byte at a time, whatever their pieces were.
    #[must_use]
    pub fn one_byte_at_a_time(mut self) -> Cassettes {
        self.is_one_byte = true;
        self
    }

    /// The next exchange of a request; the last one stays.
    fn next(&self, sha256: &str) -> Option<Cassette> {
        let mut all = self
            .by_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let list = all.get_mut(sha256)?;
        match list.len() {
            0 | 1 => list.front().cloned(),
            _ => list.pop_front(),
        }
    }
}

#[async_trait]
impl Transport for Cassettes {
    async fn send(&self, wanted: &Wanted) -> Result<Came, Trouble> {
        let asked = Asked::new(&wanted.url, &wanted.body);
        let Some(cassette) = self.next(&asked.sha256) else {
            return Err(Trouble::Wrong(format!(
                "no exchange is recorded for this request (sha256 {}) in {}; record it again with agents.NAME.record",
                &asked.sha256[..16],
                self.folder.display()
            )));
        };
        let mut pieces: Vec<Result<Bytes, Trouble>> = Vec::new();
        for (_, bytes) in cassette.pieces {
            if self.is_one_byte {
                pieces.extend(bytes.chunks(1).map(|byte| Ok(Bytes::copy_from_slice(byte))));
            } else {
                pieces.push(Ok(Bytes::from(bytes)));
            }
        }
        if let End::Broken { what } = cassette.end {
            pieces.push(Err(Trouble::passing(what)));
        }
        Ok(Came {
            status: cassette.status,
            headers: cassette.headers,
            pieces: stream::iter(pieces).boxed(),
        })
    }
}
