//! Reads a reply from a file or from standard input: any bytes, bounded.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use sluice_reply::Reply;

use crate::exit::Exit;
use crate::output::Output;

/// The longest reply, in bytes.
pub(super) const LIMIT: u64 = 100 << 20;

/// A reply as it was read.
#[derive(Debug)]
pub(super) struct ReplyText {
    /// SHA-256 of the bytes, in hex.
    pub(super) digest: String,
    text: String,
    /// Where the text and the bytes drift apart, in order: `(offset in the text, offset in the bytes)`.
    drift: Vec<(usize, usize)>,
}

impl ReplyText {
    /// Reads `file`; `None` or `-` is standard input. Bytes that are not UTF-8 become U+FFFD, with a warning.
    pub(super) fn read(file: Option<&Path>, output: Output) -> Result<ReplyText, Exit> {
        let file = file.filter(|file| *file != Path::new("-"));
        let bytes = match file {
            Some(file) => {
                let wrong = |error| Exit::usage(format!("{}: {error}", file.display()));
                let opened = File::open(file).map_err(wrong)?;
                bounded(opened).map_err(wrong)?
            }
            None => {
                if io::stdin().is_terminal() {
                    output.note("reading the reply from the terminal; end it with Ctrl-D");
                }
                bounded(io::stdin().lock())
                    .map_err(|error| Exit::usage(format!("standard input: {error}")))?
            }
        };
        let reply = ReplyText::of(&bytes);
        if let Some((_, at)) = reply.drift.first() {
            let line = bytes[..*at].iter().filter(|byte| **byte == b'\n').count() + 1;
            output.note(&not_utf8(line));
        }
        Ok(reply)
    }

    fn of(bytes: &[u8]) -> ReplyText {
        let mut text = String::with_capacity(bytes.len());
        let mut drift = Vec::new();
        let mut read = 0;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            read += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                read += chunk.invalid().len();
                drift.push((text.len(), read));
            }
        }
        ReplyText {
            digest: hex::encode(Sha256::digest(bytes)),
            text,
            drift,
        }
    }

    /// The text that is parsed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Parses it. Byte ranges are those of the bytes that were read.
    pub(super) fn parse(&self) -> Reply {
        let mut reply = sluice_reply::parse(&self.text);
        let files = reply.files.iter_mut().map(|file| &mut file.bytes);
        let edits = reply.edits.iter_mut().map(|edit| &mut edit.bytes);
        let deletions = reply.deletions.iter_mut().map(|one| &mut one.bytes);
        for range in files.chain(edits).chain(deletions) {
            *range = self.in_bytes(range.start)..self.in_bytes(range.end);
        }
        reply
    }

    fn in_bytes(&self, at: usize) -> usize {
        let before = self.drift.partition_point(|(text, _)| *text <= at);
        match before.checked_sub(1).map(|index| self.drift[index]) {
            Some((text, bytes)) => bytes + (at - text),
            None => at,
        }
    }
}

/// A warning about the first line that is not UTF-8.
pub(super) fn not_utf8(line: usize) -> String {
    format!("warning: line {line}: the reply is not UTF-8; what is not was read as U+FFFD")
}

fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("larger than 100 MiB, which no reply is"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
