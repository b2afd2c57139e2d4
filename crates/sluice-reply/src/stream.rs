//! Reads a reply while it is still being written: chunks in, events out as soon as they are decided.
//!
//! What is shown on the way is CommonMark's reading, line by line, with what can be told without the rest of
//! the text. At the end the whole text is parsed once, as [`crate::parse`] does, and whatever was shown
//! otherwise is taken back by events, so that who follows the events ends with exactly that reply.

use crate::lines::{self, Line};
use crate::{Reply, parse};

mod event;
mod live;
mod settle;

pub use event::Event;
use live::Live;

/// A text that is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply is longer than {limit} bytes: ask for less at once")]
pub struct TooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

/// A reply that is still being written.
///
/// Holds the text so far and little else. All work together is linear in the text, whatever the chunks are.
pub struct Stream {
    text: String,
    limit: usize,
    /// The start of a character whose end has not come yet.
    cut: Vec<u8>,
    /// 1-based line of the first bytes that were no UTF-8.
    not_utf8: Option<usize>,
    /// Where the first line starts that is not complete, and its 1-based number.
    at: usize,
    number: usize,
    /// Up to here there is no line feed after `at`.
    searched: usize,
    started: bool,
    live: Live,
    /// Bytes looked at besides those that [`Live`] counts.
    work: usize,
}

impl Stream {
    /// Starts a reply of at most `limit` bytes.
    pub fn new(limit: usize) -> Stream {
        Stream {
            text: String::new(),
            limit,
            cut: Vec::new(),
            not_utf8: None,
            at: 0,
            number: 1,
            searched: 0,
            started: false,
            live: Live::new(),
            work: 0,
        }
    }

    /// Takes the next chunk, which may end anywhere, also inside a character. What is not UTF-8 is read as
    /// U+FFFD, as by [`String::from_utf8_lossy`]; places in events are those in the text that results.
    ///
    /// # Errors
    /// [`TooLong`] when the text would be longer than the limit; then nothing of the chunk is taken.
    pub fn push(&mut self, chunk: impl AsRef<[u8]>) -> Result<Vec<Event>, TooLong> {
        let chunk = chunk.as_ref();
        if self.text.len() + self.cut.len() + chunk.len() > self.limit {
            return Err(TooLong { limit: self.limit });
        }
        self.work += chunk.len();
        self.decode(chunk);
        let mut events = Vec::new();
        // A byte order mark may come in pieces, but not behind a first whole character.
        if !self.started && !self.text.is_empty() {
            self.started = true;
            self.at = lines::first(&self.text);
            self.searched = self.at;
        }
        while let Some(feed) = memchr::memchr(b'\n', &self.text.as_bytes()[self.searched..]) {
            self.work += feed + 1;
            self.searched += feed + 1;
            self.line(&mut events);
        }
        self.work += self.text.len() - self.searched;
        self.searched = self.text.len();
        Ok(events)
    }

    /// The 1-based line of the first bytes that are not UTF-8, of what has come so far.
    pub fn not_utf8(&self) -> Option<usize> {
        let cut = (!self.cut.is_empty()).then(|| self.last_line());
        self.not_utf8.or(cut)
    }

    fn last_line(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        self.number + memchr::memchr_iter(b'\n', rest).count()
    }

    /// Ends the reply: the last events, and what [`crate::parse`] makes of the whole text.
    pub fn finish(mut self) -> (Vec<Event>, Reply) {
        let mut events = Vec::new();
        if !self.cut.is_empty() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        if !self.started {
            self.at = lines::first(&self.text);
        }
        self.line(&mut events);
        let reply = parse(&self.text);
        self.live.settle(&reply, &mut events);
        (events, reply)
    }

    fn line(&mut self, events: &mut Vec<Event>) {
        if let Some(line) = Line::at(&self.text, self.at) {
            self.work += line.next - line.start;
            self.live.line(&self.text, line, self.number, events);
            self.at = line.next;
            self.number += 1;
        }
    }

    fn decode(&mut self, chunk: &[u8]) {
        let mut joined = std::mem::take(&mut self.cut);
        let mut rest = if joined.is_empty() {
            chunk
        } else {
            joined.extend_from_slice(chunk);
            &joined
        };
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => return self.text.push_str(text),
                Err(error) => error,
            };
            let (valid, after) = rest.split_at(error.valid_up_to());
            self.text.push_str(&String::from_utf8_lossy(valid));
            match error.error_len() {
                Some(wrong) => {
                    if self.not_utf8.is_none() {
                        self.not_utf8 = Some(self.last_line());
                    }
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[wrong..];
                }
                None => {
                    self.cut = after.to_vec();
                    return;
                }
            }
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("bytes", &self.text.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
