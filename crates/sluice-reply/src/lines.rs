//! Lines of a text with their places, found when they are asked for.

use memchr::{memchr, memchr_iter, memrchr};

/// One line: where its text starts and ends, and where the next line starts. Bytes of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) start: usize,
    /// Before the line break, which is LF or CRLF. A lone CR is an ordinary character: were it a line
    /// break, a path with one in it would silently become another path.
    pub(crate) end: usize,
    pub(crate) next: usize,
}

impl Line {
    /// The line that starts at `start`, or nothing at the end of the text.
    pub(crate) fn at(text: &str, start: usize) -> Option<Line> {
        let rest = text.as_bytes().get(start..).filter(|r| !r.is_empty())?;
        Some(match memchr(b'\n', rest) {
            Some(feed) => Line {
                start,
                end: start + feed - usize::from(rest[..feed].ends_with(b"\r")),
                next: start + feed + 1,
            },
            None => Line {
                start,
                end: text.len(),
                next: text.len(),
            },
        })
    }

    /// The line above the one that starts at `start`.
    pub(crate) fn above(text: &str, start: usize) -> Option<Line> {
        let first = first(text);
        let above = text.as_bytes().get(first..start)?.strip_suffix(b"\n")?;
        let from = memrchr(b'\n', above).map_or(first, |feed| first + feed + 1);
        Line::at(text, from)
    }

    /// Its text without its line break.
    pub(crate) fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }

    /// Whether a line break ends it, and not the end of the text.
    pub(crate) fn is_ended(&self) -> bool {
        self.next > self.end
    }
}

/// Where the first line starts: a byte order mark belongs to none.
pub(crate) fn first(text: &str) -> usize {
    if text.starts_with('\u{feff}') { 3 } else { 0 }
}

/// How many lines start in this part of a text, which starts where a line does.
pub(crate) fn count(part: &str) -> usize {
    let feeds = memchr_iter(b'\n', part.as_bytes()).count();
    feeds + usize::from(!part.is_empty() && !part.ends_with('\n'))
}
