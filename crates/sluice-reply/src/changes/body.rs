//! The text of an edit block, and where its lines stand in the reply.

use std::ops::Range;

use crate::EditBlock;

/// An edit block with the starts of its lines.
pub(crate) struct Body<'r> {
    pub(crate) block: &'r EditBlock,
    /// Bytes of the text; empty where text and reply differ in marks or line ends.
    starts: Vec<usize>,
}

impl<'r> Body<'r> {
    pub(crate) fn new(block: &'r EditBlock) -> Body<'r> {
        let starts = if block.bytes.len() == block.text.len() {
            let breaks = memchr::memchr_iter(b'\n', block.text.as_bytes());
            std::iter::once(0).chain(breaks.map(|at| at + 1)).collect()
        } else {
            Vec::new()
        };
        Body { block, starts }
    }

    /// The line of the reply, from 1, of a line of the text, from 0.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.block.lines.0 + 1 + at
    }

    /// First and last line in the reply of lines of the text.
    pub(crate) fn lines_of(&self, lines: &Range<usize>) -> (usize, usize) {
        let first = self.line(lines.start);
        (first, (self.block.lines.0 + lines.end).max(first))
    }

    /// The bytes in the reply of lines of the text; all of the block's where they cannot be told.
    pub(crate) fn bytes_of(&self, lines: &Range<usize>) -> Range<usize> {
        if self.starts.is_empty() {
            return self.block.bytes.clone();
        }
        let from = self.block.bytes.start;
        let start = |line: usize| {
            self.starts
                .get(line)
                .copied()
                .unwrap_or(self.block.text.len())
        };
        from + start(lines.start)..from + start(lines.end.max(lines.start))
    }
}
