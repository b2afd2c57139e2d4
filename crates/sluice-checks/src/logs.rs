//! Keeps logs by their content.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sluice_sandbox::{LogSink, Stream};
use tempfile::NamedTempFile;

use crate::shelf::Item;
use crate::{CheckError, Log, Watch, disk, shelf};

/// How much of the start and of the end of a log is kept in memory for reading errors out of it, in bytes.
const IN_MEMORY: usize = 4 << 20;
/// How much of standard output is kept for tools that answer there, in bytes.
const ANSWER: usize = 32 << 20;
/// The largest log, in bytes, whose content is compared with its name before an answer with it is given.
const LOOKED_AT: u64 = 1 << 20;

/// A folder of logs, each under the digest of its bytes.
#[derive(Debug, Clone)]
pub struct Logs {
    folder: PathBuf,
}

impl Logs {
    /// Logs in this folder, made when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Logs {
        Logs {
            folder: folder.into(),
        }
    }

    /// The bytes of a log; `None` when it is not there, is damaged, or the name is no digest.
    pub fn log_read(&self, sha256: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(self.path(sha256)?).ok()?;
        (hex::encode(Sha256::digest(&bytes)) == sha256).then_some(bytes)
    }

    /// Whether a log is there, and marks it as used. A damaged one is removed; the content of a large one is
    /// looked at only when it is read.
    pub(crate) fn take(&self, log: &Log) -> bool {
        let Some(path) = self.path(&log.sha256) else {
            return false;
        };
        let Ok(meta) = fs::symlink_metadata(&path) else {
            return false;
        };
        let is_whole = meta.is_file()
            && meta.len() == log.bytes
            && (log.bytes > LOOKED_AT || self.log_read(&log.sha256).is_some());
        if !is_whole {
            tracing::warn!(path = %path.display(), "a damaged log was dropped");
            if let Err(error) = disk::remove(&path) {
                tracing::warn!(%error, "it could not be removed");
            }
            return false;
        }
        shelf::mark(&path)
    }

    /// What can be removed.
    pub(crate) fn items(&self) -> Vec<Item> {
        shelf::files(&self.folder)
    }

    /// Files a log away that was kept elsewhere, when it is the one.
    pub(crate) fn restore(&self, sha256: &str, bytes: &[u8]) -> Result<bool, CheckError> {
        match self.path(sha256) {
            Some(path) if hex::encode(Sha256::digest(bytes)) == sha256 => {
                disk::write(&path, bytes).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    fn path(&self, sha256: &str) -> Option<PathBuf> {
        let valid = sha256.len() == 64
            && sha256
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| self.folder.join(&sha256[..2]).join(sha256))
    }

    /// Opens a new log of the check `name`.
    pub(crate) fn open<'a>(
        &self,
        name: &'a str,
        watch: &'a dyn Watch,
        answer: bool,
    ) -> Result<Writer<'a>, CheckError> {
        disk::folder(&self.folder)?;
        let file = NamedTempFile::new_in(&self.folder)
            .map_err(CheckError::io("making a log in", &self.folder))?;
        Ok(Writer {
            file: BufWriter::new(file),
            hash: Sha256::new(),
            bytes: 0,
            fault: None,
            head: Vec::new(),
            tail: Vec::new(),
            answer: answer.then(Vec::new),
            name,
            watch,
        })
    }

    /// Files logs away as one, in their order.
    pub(crate) fn join(&self, logs: &[Log]) -> Result<Log, CheckError> {
        if let [log] = logs {
            return Ok(log.clone());
        }
        let quiet = crate::Quiet;
        let mut writer = self.open("", &quiet, false)?;
        for log in logs {
            let path = self.path(&log.sha256).unwrap_or_default();
            let mut file = File::open(&path).map_err(CheckError::io("reading a log", &path))?;
            let mut piece = vec![0; 64 << 10];
            loop {
                let count = file
                    .read(&mut piece)
                    .map_err(CheckError::io("reading a log", &path))?;
                if count == 0 {
                    break;
                }
                writer.chunk(Stream::Out, &piece[..count]);
            }
        }
        Ok(self.close(writer)?.log)
    }

    /// Files a log away under its digest.
    pub(crate) fn close(&self, writer: Writer<'_>) -> Result<Text, CheckError> {
        let sha256 = hex::encode(writer.hash.finalize());
        let path = self.folder.join(&sha256[..2]).join(&sha256);
        let store = || -> std::io::Result<()> {
            if let Some(fault) = writer.fault {
                return Err(fault);
            }
            let file = writer
                .file
                .into_inner()
                .map_err(|error| error.into_error())?;
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            disk::persist(file, &path)
        };
        store().map_err(CheckError::io("writing a log to", &path))?;
        let mut text = writer.head;
        text.extend(writer.tail);
        Ok(Text {
            log: Log {
                sha256,
                bytes: writer.bytes,
            },
            output: String::from_utf8_lossy(&text).into_owned(),
            answer: writer.answer.unwrap_or_default(),
        })
    }
}

/// A closed log with what is needed to judge it.
pub(crate) struct Text {
    pub(crate) log: Log,
    /// Its start and its end, where it is longer than both.
    pub(crate) output: String,
    /// Standard output alone, where it was asked for.
    pub(crate) answer: Vec<u8>,
}

/// A log that is being written.
pub(crate) struct Writer<'a> {
    file: BufWriter<NamedTempFile>,
    hash: Sha256,
    bytes: u64,
    fault: Option<std::io::Error>,
    head: Vec<u8>,
    tail: Vec<u8>,
    answer: Option<Vec<u8>>,
    name: &'a str,
    watch: &'a dyn Watch,
}

impl LogSink for Writer<'_> {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        self.watch.log(self.name, stream, bytes);
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.fault.is_none() {
            self.fault = self.file.write_all(bytes).err();
        }
        let (head, rest) = bytes.split_at(bytes.len().min(IN_MEMORY - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(rest);
        if self.tail.len() > 2 * IN_MEMORY {
            self.tail.drain(..self.tail.len() - IN_MEMORY);
        }
        if let (Some(answer), Stream::Out) = (&mut self.answer, stream) {
            let room = ANSWER.saturating_sub(answer.len());
            answer.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}
