//! Puts the new lines of hunks into a file, with the file's own line ends and indents.

use super::find::Place;
use super::text::{Level, Line, Numbers, Text};
use crate::edit::{Hunk, NewLine};

/// Lines that go, and what comes instead.
#[derive(Debug)]
pub(crate) struct Splice {
    start: usize,
    end: usize,
    lines: Vec<String>,
}

/// What a hunk does at its place; `None` when a new line has less indent than the place takes away.
pub(crate) fn splices(text: &Text, hunk: &Hunk<'_>, place: &Place) -> Option<Vec<Splice>> {
    let hunk = hunk.without_tail(place.cut);
    let is_verbatim =
        place.level == Level::Bytes && hunk.old.iter().any(|line| line.ends_with('\r'));
    let mut splices = Vec::new();
    let mut added: Vec<&str> = Vec::new();
    let mut done = 0;
    let mut close = |from: usize, to: usize, added: &mut Vec<&str>| {
        if from == to && added.is_empty() {
            return Some(());
        }
        let start = place.at + from;
        let is_crlf = text.is_crlf_at(start);
        let mut lines = Vec::with_capacity(added.len());
        for line in added.drain(..) {
            if is_verbatim {
                lines.push(line.to_owned());
                continue;
            }
            let mut line = place.shift.of(line.strip_suffix('\r').unwrap_or(line))?;
            if is_crlf {
                line.push('\r');
            }
            lines.push(line);
        }
        keep_mark(text, start, place.level, &mut lines);
        splices.push(Splice {
            start,
            end: place.at + to,
            lines,
        });
        Some(())
    };
    for line in &hunk.new {
        match *line {
            NewLine::Add(line) => added.push(line),
            NewLine::Keep(at) => {
                close(done, at, &mut added)?;
                done = at + 1;
            }
        }
    }
    close(done, hunk.old.len(), &mut added)?;
    Some(splices)
}

/// A byte order mark that the hunk left out stays at the file's start.
fn keep_mark(text: &Text, start: usize, level: Level, lines: &mut [String]) {
    let has_mark = text
        .lines
        .first()
        .is_some_and(|line| line.raw.starts_with('\u{feff}'));
    if let Some(first) = lines.first_mut()
        && start == 0
        && has_mark
        && !level.is_exact()
        && !first.starts_with('\u{feff}')
    {
        first.insert(0, '\u{feff}');
    }
}

/// The first two that touch the same line, by their places in the list.
pub(crate) fn overlap(all: &[(usize, Vec<Splice>)]) -> Option<(usize, usize)> {
    let mut spans: Vec<(usize, usize, usize)> = all
        .iter()
        .flat_map(|(hunk, splices)| splices.iter().map(move |one| (one.start, one.end, *hunk)))
        .collect();
    spans.sort_unstable();
    let mut until = (0, usize::MAX);
    for (start, end, hunk) in spans {
        if start < until.0 && until.1 != hunk {
            return Some((until.1.min(hunk), until.1.max(hunk)));
        }
        if end >= until.0 {
            until = (end, hunk);
        }
    }
    None
}

/// What a hunk that reaches the end of the file says about the last line break: whether it is missing afterwards.
pub(crate) fn unended(text: &Text, hunk: &Hunk<'_>, place: &Place) -> Option<bool> {
    let reaches = place.at + hunk.old.len() - place.cut == text.lines.len();
    match (hunk.old_unended, hunk.new_unended) {
        (_, true) if reaches => Some(true),
        (true, false) if reaches => Some(false),
        _ => None,
    }
}

impl Text {
    /// Does what the hunks do, which do not overlap; `unended` as of [`unended`].
    pub(crate) fn splice(
        &mut self,
        mut all: Vec<Splice>,
        unended: Option<bool>,
        numbers: &mut Numbers,
    ) {
        // Stable: lines put in at one place stay in order.
        all.sort_by_key(|one| (one.start, one.end));
        let count = self.lines.len();
        let is_end_touched = all.last().is_some_and(|one| one.end == count);
        if self.is_unended
            && all
                .iter()
                .any(|one| one.start == count && !one.lines.is_empty())
            && self.is_crlf_at(count)
            && let Some(last) = self.lines.last_mut()
        {
            // It gets a line break, of the file's kind.
            *last = Line::new(&format!("{}\r", last.raw), numbers);
        }
        if let [one] = all.as_slice() {
            let new = one.lines.iter().map(|line| Line::new(line, numbers));
            let new: Vec<Line> = new.collect();
            self.lines.splice(one.start..one.end, new);
        } else {
            let mut lines = Vec::with_capacity(count);
            let mut old = std::mem::take(&mut self.lines).into_iter();
            let mut at = 0;
            for one in all {
                lines.extend(old.by_ref().take(one.start - at));
                lines.extend(one.lines.iter().map(|line| Line::new(line, numbers)));
                old.by_ref().take(one.end - one.start).for_each(drop);
                at = one.end;
            }
            lines.extend(old);
            self.lines = lines;
        }
        self.is_unended = unended.unwrap_or(self.is_unended) && !self.lines.is_empty();
        if self.is_unended
            && is_end_touched
            && let Some(last) = self.lines.last_mut()
            && last.is_crlf()
        {
            // A line without a break has no half of one.
            *last = Line::new(last.raw.trim_end_matches('\r'), numbers);
        }
    }
}
