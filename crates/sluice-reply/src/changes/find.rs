//! Finds the one place of a file that a hunk means.
//!
//! A hunk fits where all its old lines stand, byte for byte or but for the CR that Markdown takes away. Only where it
//! fits nowhere, blanks at the ends of lines are left out of account, and then an indent that is off by the same in all
//! lines. Among several exact places the stated line decides, or a line that the hunk names before it; among several
//! others nothing does. All is done with numbers for lines, in linear time (Knuth, Morris, Pratt).

use super::text::{Level, Numbers, Text};
use crate::edit::Hunk;

/// Where a hunk fits, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The first line, from 0.
    pub(crate) at: usize,
    /// How lines were compared.
    pub(crate) level: Level,
    /// How indents differ.
    pub(crate) shift: Shift,
    /// How many bare lines at the end were left out.
    pub(crate) cut: usize,
}

/// What has to be done to a line of the hunk to get the file's indent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shift {
    #[default]
    None,
    Add(String),
    Remove(String),
}

impl Shift {
    /// A line with the file's indent; `None` when it has no such indent to take away.
    pub(crate) fn of(&self, line: &str) -> Option<String> {
        match self {
            _ if line.trim().is_empty() => Some(line.to_owned()),
            Shift::None => Some(line.to_owned()),
            Shift::Add(indent) => Some(format!("{indent}{line}")),
            Shift::Remove(indent) => line.strip_prefix(indent.as_str()).map(str::to_owned),
        }
    }
}

/// What a search comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It fits here.
    Place(Place),
    /// It fits nowhere.
    Nowhere,
    /// It fits at these lines, from 0, of which nothing says which is meant; at most ten are listed, and how many
    /// there are.
    Several { at: Vec<usize>, count: usize },
    /// Looking took too long.
    GaveUp,
}

/// How many lines may still be compared.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    /// About a second's work.
    pub(crate) const REPLY: Budget = Budget(200_000_000);

    fn spend(&mut self, lines: usize) -> bool {
        let lines = lines as u64;
        let is_there = self.0 >= lines;
        self.0 = self.0.saturating_sub(lines);
        is_there
    }
}

/// Looks for a hunk with old lines.
pub(crate) fn find(text: &Text, hunk: &Hunk<'_>, numbers: &Numbers, budget: &mut Budget) -> Found {
    let cuts = if hunk.bare_tail > 0 {
        vec![0, hunk.bare_tail]
    } else {
        vec![0]
    };
    for level in Level::ALL {
        for &cut in &cuts {
            let old = &hunk.old[..hunk.old.len() - cut];
            if old.is_empty()
                || (level == Level::Indent && old.iter().all(|line| line.trim().is_empty()))
            {
                continue;
            }
            let needle: Vec<u32> = old
                .iter()
                .map(|line| numbers.known(level.key(line)))
                .collect();
            if needle.contains(&Numbers::NONE) || needle.len() > text.lines.len() {
                continue;
            }
            if !budget.spend(text.lines.len() + needle.len()) {
                return Found::GaveUp;
            }
            let mut starts = matches(text, &needle, level);
            if level == Level::Indent {
                // Looking at blanks costs more than comparing numbers.
                let work = starts.len().saturating_mul(old.len());
                if !budget.spend(work.saturating_mul(8)) {
                    return Found::GaveUp;
                }
                starts.retain(|at| shift(text, *at, old).is_some());
            }
            if !starts.is_empty() {
                return match choose(text, hunk, level.is_exact(), cut, &starts) {
                    Ok(at) => {
                        let shift = match level {
                            Level::Indent => shift(text, at, old).unwrap_or_default(),
                            _ => Shift::None,
                        };
                        Found::Place(Place {
                            at,
                            level,
                            shift,
                            cut,
                        })
                    }
                    Err(several) => several,
                };
            }
        }
    }
    Found::Nowhere
}

/// The one that is meant.
fn choose(
    text: &Text,
    hunk: &Hunk<'_>,
    is_exact: bool,
    cut: usize,
    starts: &[usize],
) -> Result<usize, Found> {
    let says_end = hunk.old_unended || hunk.new_unended || hunk.at_end;
    let last = starts[starts.len() - 1];
    if says_end && last + hunk.old.len() - cut == text.lines.len() {
        return Ok(last);
    }
    if let [one] = starts {
        return Ok(*one);
    }
    if is_exact && let Some(stated) = stated(text, hunk) {
        // In order, so the nearest is one of the two around the stated line.
        let after = starts.partition_point(|at| *at < stated);
        let (before, after) = (after.checked_sub(1), starts.get(after));
        match (before.map(|before| starts[before]), after) {
            (Some(before), Some(after)) if stated - before == after - stated => {}
            (Some(before), Some(after)) if stated - before < after - stated => return Ok(before),
            (Some(before), None) => return Ok(before),
            (_, Some(after)) => return Ok(*after),
            (None, None) => {}
        }
    }
    Err(Found::Several {
        at: starts.iter().take(10).copied().collect(),
        count: starts.len(),
    })
}

/// The line, from 0, near which a hunk says it is: by its number, or behind a line that it names and that stands once
/// in the file.
fn stated(text: &Text, hunk: &Hunk<'_>) -> Option<usize> {
    if let Some(at) = hunk.at.filter(|at| *at > 0) {
        return Some(at - 1);
    }
    let anchor = hunk.anchor?.trim();
    let mut lines = text.lines.iter().enumerate();
    let is_anchor = |(_, line): &(usize, &super::text::Line)| line.raw.trim() == anchor;
    let first = lines.find(is_anchor)?.0;
    lines.find(is_anchor).is_none().then_some(first + 1)
}

/// The places where the numbers stand in a row.
fn matches(text: &Text, needle: &[u32], level: Level) -> Vec<usize> {
    let mut fallback = vec![0; needle.len()];
    let mut length = 0;
    for at in 1..needle.len() {
        while length > 0 && needle[at] != needle[length] {
            length = fallback[length - 1];
        }
        length += usize::from(needle[at] == needle[length]);
        fallback[at] = length;
    }
    let mut found = Vec::new();
    let mut length = 0;
    for (at, line) in text.lines.iter().enumerate() {
        let number = line.number(level);
        while length > 0 && number != needle[length] {
            length = fallback[length - 1];
        }
        length += usize::from(number == needle[length]);
        if length == needle.len() {
            found.push(at + 1 - length);
            length = fallback[length - 1];
        }
    }
    found
}

/// How the indents of all lines differ, if they do so in one way.
fn shift(text: &Text, at: usize, old: &[&str]) -> Option<Shift> {
    // What the file has more, and what the hunk has more.
    let mut more: Option<(&str, &str)> = None;
    for (line, old) in text.lines[at..].iter().zip(old) {
        if old.trim_start().is_empty() {
            continue;
        }
        let (has, says) = (indent(&line.raw), indent(old));
        let this = match (has.strip_suffix(says), says.strip_suffix(has)) {
            (Some(more), _) => (more, ""),
            (None, Some(more)) => ("", more),
            (None, None) => return None,
        };
        if *more.get_or_insert(this) != this {
            return None;
        }
    }
    Some(match more {
        Some((add, "")) if !add.is_empty() => Shift::Add(add.to_owned()),
        Some((_, remove)) if !remove.is_empty() => Shift::Remove(remove.to_owned()),
        _ => Shift::None,
    })
}

fn indent(line: &str) -> &str {
    let line = line.trim_start_matches('\u{feff}');
    &line[..line.len() - line.trim_start().len()]
}
