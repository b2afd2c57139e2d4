//! Fence lines: what opens a code block and what closes it.

use crate::cursor::Cursor;

/// A line of three or more backticks or tildes, with what follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FenceLine<'t> {
    /// A backtick or a tilde.
    pub(crate) marker: u8,
    /// How many of them.
    pub(crate) length: usize,
    /// Columns of white space before them, 0 to 3.
    pub(crate) indent: usize,
    /// The info string, trimmed. An info string is what tells an opener from a closer.
    pub(crate) info: &'t str,
    /// Where the info string starts in its line.
    pub(crate) info_at: usize,
}

impl<'t> FenceLine<'t> {
    /// Reads the rest of a line as a fence. `line` is the whole line that `cursor` is in.
    pub(crate) fn read(line: &'t str, cursor: Cursor<'_>) -> Option<FenceLine<'t>> {
        let indent = cursor.indent();
        if indent > 3 {
            return None;
        }
        let mut cursor = cursor;
        cursor.skip_columns(indent);
        let rest = line.get(cursor.at()..)?;
        let marker = *rest.as_bytes().first()?;
        if !matches!(marker, b'`' | b'~') {
            return None;
        }
        let length = rest.bytes().take_while(|&b| b == marker).count();
        let info = &rest[length..];
        let after = info.trim_start();
        if length < 3 || (marker == b'`' && memchr::memchr(b'`', info.as_bytes()).is_some()) {
            return None;
        }
        Some(FenceLine {
            marker,
            length,
            indent,
            info: after.trim_end(),
            info_at: line.len() - after.len(),
        })
    }
}
