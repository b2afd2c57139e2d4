//! What edits say, before anybody has looked at a base.

use std::ops::Range;

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileEdit<'t> {
    /// What happens.
    pub(crate) what: What<'t>,
    /// Sets (`true`) or takes away the executable bit, where the edit says so.
    pub(crate) executable: Option<bool>,
    /// Lines of the block's text, from 0.
    pub(crate) lines: Range<usize>,
}

/// A path as an edit writes it: the readings in order of preference, such as with and without `a/`. Empty where the
/// edit names none.
pub(crate) type Written = Vec<String>;

/// What happens to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What<'t> {
    /// Hunks that relate to the file as it is before the first of them.
    Hunks { path: Written, hunks: Vec<Hunk<'t>> },
    /// A search and its replacement. The alternatives differ in where the search ends.
    Search {
        path: Written,
        alternatives: Vec<Hunk<'t>>,
    },
    /// A file that is not there yet.
    New {
        path: Written,
        lines: Vec<&'t str>,
        ends_with_newline: bool,
    },
    /// A file that goes; the hunks say what it holds, where they are given.
    Delete { path: Written, hunks: Vec<Hunk<'t>> },
    /// A file that gets another name, and its hunks.
    Rename {
        from: Written,
        to: Written,
        hunks: Vec<Hunk<'t>>,
    },
    /// A file that comes into being as another one with these hunks.
    Copy {
        from: Written,
        to: Written,
        hunks: Vec<Hunk<'t>>,
    },
}

/// Lines of a file and what stands there instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hunk<'t> {
    /// The lines that are looked for; a CR at their end belongs to them.
    pub(crate) old: Vec<&'t str>,
    /// What stands there afterwards.
    pub(crate) new: Vec<NewLine<'t>>,
    /// The line where the hunk says that it starts, from 1.
    pub(crate) at: Option<usize>,
    /// A line before the hunk, as `@@ class A` names it.
    pub(crate) anchor: Option<&'t str>,
    /// How many of the last lines of both sides are empty and have no mark at all: perhaps no part of the hunk.
    pub(crate) bare_tail: usize,
    /// Whether the hunk says that its last old line is the file's last and has no line break.
    pub(crate) old_unended: bool,
    /// The same of its last new line.
    pub(crate) new_unended: bool,
    /// Whether the hunk says that it ends where the file ends.
    pub(crate) at_end: bool,
    /// Lines of the block's text, from 0.
    pub(crate) lines: Range<usize>,
}

/// A line of the new side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewLine<'t> {
    /// The file's own line, where it matched this one of the old lines.
    Keep(usize),
    /// Another line.
    Add(&'t str),
}

/// Why a part of an edit cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Whether it is understood and not supported, as against malformed.
    pub(crate) is_unsupported: bool,
    /// What is wrong and what to do.
    pub(crate) message: String,
    /// The path that it is about, where it is known.
    pub(crate) path: Option<String>,
    /// Lines of the block's text, from 0.
    pub(crate) lines: Range<usize>,
}

impl Problem {
    pub(crate) fn malformed(message: impl Into<String>, lines: Range<usize>) -> Problem {
        Problem {
            is_unsupported: false,
            message: message.into(),
            path: None,
            lines,
        }
    }

    pub(crate) fn unsupported(message: impl Into<String>, lines: Range<usize>) -> Problem {
        Problem {
            is_unsupported: true,
            ..Problem::malformed(message, lines)
        }
    }

    pub(crate) fn about(mut self, path: Option<&str>) -> Problem {
        self.path = path.map(str::to_owned);
        self
    }
}

/// One part of an edit block.
pub(crate) type Part<'t> = Result<FileEdit<'t>, Problem>;

impl<'t> Hunk<'t> {
    /// Takes the next line of the body of a diff; `None` when it is none.
    pub(crate) fn push(&mut self, line: &'t str) {
        match line.as_bytes().first() {
            Some(b'-') => self.push_old(&line[1..]),
            Some(b'+') => self.push_new(&line[1..]),
            Some(b' ') => self.push_both(&line[1..]),
            // The blank before the line is often lost where the line is empty, and sometimes elsewhere.
            _ => {
                let tail = self.bare_tail;
                self.push_both(line);
                if line.trim_end_matches('\r').is_empty() {
                    self.bare_tail = tail + 1;
                }
            }
        }
    }

    fn push_old(&mut self, line: &'t str) {
        self.bare_tail = 0;
        self.old.push(line);
    }

    fn push_new(&mut self, line: &'t str) {
        self.bare_tail = 0;
        self.new.push(NewLine::Add(line));
    }

    fn push_both(&mut self, line: &'t str) {
        self.bare_tail = 0;
        self.new.push(NewLine::Keep(self.old.len()));
        self.old.push(line);
    }

    /// The same without the last `count` lines of both sides, which are bare.
    pub(crate) fn without_tail(&self, count: usize) -> Hunk<'t> {
        let mut hunk = self.clone();
        let count = count.min(self.bare_tail);
        hunk.old.truncate(self.old.len() - count);
        hunk.new.truncate(self.new.len() - count);
        hunk.bare_tail -= count;
        hunk
    }

    /// A search and its replacement as a hunk: lines that both start or end with are the file's own.
    pub(crate) fn of_search(
        old: Vec<&'t str>,
        new: &[&'t str],
        at: Option<usize>,
        lines: Range<usize>,
    ) -> Hunk<'t> {
        let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
            pairs.take_while(|(one, other)| one == other).count()
        };
        let head = same(&mut old.iter().zip(new));
        let tail = same(&mut old[head..].iter().rev().zip(new[head..].iter().rev()));
        let first_kept = old.len() - tail;
        let mut lines_after: Vec<NewLine<'t>> = (0..head).map(NewLine::Keep).collect();
        lines_after.extend(
            new[head..new.len() - tail]
                .iter()
                .map(|line| NewLine::Add(line)),
        );
        lines_after.extend((first_kept..old.len()).map(NewLine::Keep));
        Hunk {
            old,
            new: lines_after,
            at,
            lines,
            ..Hunk::default()
        }
    }
}

/// Lines without their LF; a CR stays.
pub(crate) fn lines_of(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    text.strip_suffix('\n')
        .unwrap_or(text)
        .split('\n')
        .collect()
}
