//! A file as lines that can be compared fast: each line has a number for each way of comparing it.

use std::collections::HashMap;
use std::rc::Rc;

/// How two lines are compared, the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Byte for byte, the CR at the end included.
    Bytes,
    /// Without the CR at the end: a Markdown body never holds one.
    LineEnds,
    /// Without blanks at the end, and without a byte order mark.
    Trailing,
    /// Without blanks around it; the indents must differ by the same in all lines.
    Indent,
}

impl Level {
    pub(crate) const ALL: [Level; 4] = [
        Level::Bytes,
        Level::LineEnds,
        Level::Trailing,
        Level::Indent,
    ];

    /// Whether a match is one of the text itself, as against its blanks.
    pub(crate) fn is_exact(self) -> bool {
        self <= Level::LineEnds
    }

    /// What of a line is compared. `raw` has its CR.
    pub(crate) fn key(self, raw: &str) -> &str {
        match self {
            Level::Bytes => raw,
            Level::LineEnds => raw.strip_suffix('\r').unwrap_or(raw),
            Level::Trailing => raw.trim_end().trim_start_matches('\u{feff}'),
            Level::Indent => raw.trim_start_matches('\u{feff}').trim(),
        }
    }
}

/// Gives equal lines equal numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    of: HashMap<Box<str>, u32>,
}

impl Numbers {
    /// Stands for a line that no file has.
    pub(crate) const NONE: u32 = u32::MAX;

    pub(crate) fn known(&self, key: &str) -> u32 {
        self.of.get(key).copied().unwrap_or(Self::NONE)
    }

    fn of(&mut self, key: &str) -> u32 {
        if let Some(number) = self.of.get(key) {
            return *number;
        }
        let next = u32::try_from(self.of.len()).unwrap_or(Self::NONE - 1);
        self.of.insert(key.into(), next);
        next
    }

    fn all(&mut self, raw: &str) -> [u32; 4] {
        Level::ALL.map(|level| self.of(level.key(raw)))
    }
}

/// One line of a file.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Without its line break, with its CR.
    pub(crate) raw: Rc<str>,
    numbers: [u32; 4],
}

impl Line {
    pub(crate) fn new(raw: &str, numbers: &mut Numbers) -> Line {
        Line {
            raw: raw.into(),
            numbers: numbers.all(raw),
        }
    }

    pub(crate) fn number(&self, level: Level) -> u32 {
        self.numbers[level as usize]
    }

    pub(crate) fn is_crlf(&self) -> bool {
        self.raw.ends_with('\r')
    }
}

/// A text file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) lines: Vec<Line>,
    /// Whether the last line has no line break.
    pub(crate) is_unended: bool,
}

impl Text {
    pub(crate) fn new(text: &str, numbers: &mut Numbers) -> Text {
        if text.is_empty() {
            return Text::default();
        }
        let (body, is_unended) = match text.strip_suffix('\n') {
            Some(body) => (body, false),
            None => (text, true),
        };
        Text {
            lines: body
                .split('\n')
                .map(|line| Line::new(line, numbers))
                .collect(),
            is_unended,
        }
    }

    pub(crate) fn to_text(&self) -> String {
        let bytes = self.lines.iter().map(|line| line.raw.len() + 1).sum();
        let mut text = String::with_capacity(bytes);
        for line in &self.lines {
            text.push_str(&line.raw);
            text.push('\n');
        }
        if self.is_unended {
            text.pop();
        }
        text
    }

    /// Whether a line that comes to stand at `at` ends with CRLF: as the line that was there, or its neighbours.
    pub(crate) fn is_crlf_at(&self, at: usize) -> bool {
        // The last line without a break tells nothing.
        let ended = self.lines.len() - usize::from(self.is_unended && !self.lines.is_empty());
        let line = |at: usize| self.lines[..ended].get(at);
        let before = || line(at.wrapping_sub(1).min(ended.wrapping_sub(1)));
        line(at).or_else(before).is_some_and(Line::is_crlf)
    }
}
