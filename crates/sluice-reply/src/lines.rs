//! Lines of a text with their places.

use std::ops::Range;

use memchr::memchr_iter;

/// One line: where its text starts and ends, and where the next line starts. Bytes of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) start: usize,
    /// Before the line break, which is LF or CRLF. A lone CR is an ordinary character: were it a line
    /// break, a path with one in it would silently become another path.
    pub(crate) end: usize,
    pub(crate) next: usize,
}

/// The lines of a text; a byte order mark at its start belongs to none.
pub(crate) struct Lines<'t> {
    pub(crate) text: &'t str,
    all: Vec<Line>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Lines<'t> {
        let mut start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut all = Vec::with_capacity(text.len() / 40 + 1);
        let bytes = text.as_bytes();
        for feed in memchr_iter(b'\n', bytes) {
            let end = if feed > start && bytes[feed - 1] == b'\r' {
                feed - 1
            } else {
                feed
            };
            all.push(Line {
                start,
                end,
                next: feed + 1,
            });
            start = feed + 1;
        }
        if start < text.len() {
            all.push(Line {
                start,
                end: text.len(),
                next: text.len(),
            });
        }
        Lines { text, all }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn line(&self, index: usize) -> Line {
        self.all[index]
    }

    /// The line's text without its line break.
    pub(crate) fn text(&self, index: usize) -> &'t str {
        let line = self.all[index];
        &self.text[line.start..line.end]
    }

    /// The input from the start of one line to the start of another, as a range.
    pub(crate) fn span(&self, from: usize, to: usize) -> Range<usize> {
        let start = |index: usize| {
            self.all
                .get(index)
                .map_or(self.text.len(), |line| line.start)
        };
        start(from)..start(to).max(start(from))
    }
}
