//! Cuts what checks print into lines, and makes them fit to be shown.

use std::borrow::Cow;

use sluice_sandbox::Stream;

use crate::finding::strip_ansi;

/// A longer line comes in pieces, in bytes.
const LONGEST: usize = 16 << 10;

/// One line that a check printed, or a piece of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was printed.
    pub stream: Stream,
    /// As it was printed, without its line break.
    pub bytes: Vec<u8>,
}

/// Cuts the two streams of one check into lines.
#[derive(Debug, Default)]
pub struct Lines {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Lines {
    /// Takes what was printed next; gives what is whole by now.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) -> Vec<Line> {
        let open = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            open.extend_from_slice(part);
            let ended = open.last() == Some(&b'\n');
            if ended {
                open.pop();
            }
            while open.len() > LONGEST {
                let rest = open.split_off(LONGEST);
                let bytes = std::mem::replace(open, rest);
                lines.push(Line { stream, bytes });
            }
            if ended {
                let bytes = std::mem::take(open);
                lines.push(Line { stream, bytes });
            }
        }
        lines
    }

    /// The check has ended: what has no line break is a line too.
    pub fn finish(self) -> Vec<Line> {
        [(Stream::Out, self.out), (Stream::Err, self.err)]
            .into_iter()
            .filter(|(_, bytes)| !bytes.is_empty())
            .map(|(stream, bytes)| Line { stream, bytes })
            .collect()
    }
}

/// A line as people may see it: without what steers a terminal or turns the order of characters round. Of a line
/// that was printed over itself the last text stays, as on a terminal; bytes that are no UTF-8 become U+FFFD.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = strip_ansi(text.trim_end_matches('\r'));
    let last = match text.rsplit_once('\r') {
        Some((_, last)) => Cow::Borrowed(last),
        None => Cow::Owned(text.clone()),
    };
    last.chars()
        .map(|character| match character {
            '\t' => '\t',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '\u{fffd}'
            }
            other if other.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests;
