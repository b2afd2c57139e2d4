//! What was asked for, and what became of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// More kinds of requests than this are counted and not listed.
const MAX_RECORDS: usize = 500;
/// A host's name is kept up to this length, in bytes; that of DNS is 253.
const MAX_HOST_BYTES: usize = 255;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It went through.
    Reached,
    /// Nobody allowed the host and port.
    NotAllowed,
    /// The name leads to this machine, a private network or a metadata service only.
    Private,
    /// The name leads nowhere, or the name servers cannot be asked.
    Unresolved,
    /// Nobody answers there.
    Unreachable,
    /// It is no request that a proxy understands.
    Malformed,
}

/// All requests of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The host that was asked for; empty where none could be told.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What became of them.
    pub outcome: Outcome,
    /// How many.
    pub requests: u64,
    /// Bytes that came from there.
    pub received: u64,
    /// Bytes that went there.
    pub sent: u64,
}

impl Record {
    /// Whether the request was refused for where it wanted to go.
    pub fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::NotAllowed | Outcome::Private)
    }
}

/// The requests of one sandbox. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    records: BTreeMap<(String, u16, Outcome), (u64, u64, u64)>,
    unlisted: u64,
}

impl Log {
    pub(crate) fn add(&self, host: &str, port: u16, outcome: Outcome, received: u64, sent: u64) {
        let mut end = host.len().min(MAX_HOST_BYTES);
        while !host.is_char_boundary(end) {
            end -= 1;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host[..end].to_owned(), port, outcome);
        if kept.records.len() >= MAX_RECORDS && !kept.records.contains_key(&key) {
            kept.unlisted += 1;
            return;
        }
        let sums = kept.records.entry(key).or_default();
        *sums = (sums.0 + 1, sums.1 + received, sums.2 + sent);
    }

    /// The requests so far, by host, port and outcome, and how many more there were of kinds that are not listed.
    pub fn records(&self) -> (Vec<Record>, u64) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let records = kept.records.iter();
        let records = records.map(|((host, port, outcome), sums)| Record {
            host: host.clone(),
            port: *port,
            outcome: *outcome,
            requests: sums.0,
            received: sums.1,
            sent: sums.2,
        });
        (records.collect(), kept.unlisted)
    }
}
