//! Reads SEARCH/REPLACE blocks: aider's, Cline's and Roo's marks, several to a fence.
//!
//! ```text
//! src/a.ts
//! <<<<<<< SEARCH
//! old lines
//! =======
//! new lines
//! >>>>>>> REPLACE
//! ```

use std::ops::Range;

use super::hunk::{FileEdit, Hunk, Part, Problem, What, Written, lines_of};
use crate::pathlike::{clean, is_path_like};

/// The most lines that may be the divider of one block.
const DIVIDERS: usize = 16;

/// Whether the line opens a search.
pub(crate) fn is_open(line: &str) -> bool {
    if !line.trim_start().starts_with(['<', '-']) {
        return false;
    }
    marks(line, '<')
        .or_else(|| marks(line, '-'))
        .is_some_and(|(_, rest)| matches!(rest.trim_end_matches('>').trim(), "SEARCH" | "ORIGINAL"))
}

/// Whether the line ends a replacement.
pub(crate) fn is_close(line: &str) -> bool {
    let closes = |mark, words: &[&str]| {
        marks(line, mark)
            .is_some_and(|(_, rest)| words.contains(&rest.trim_start_matches('<').trim()))
    };
    closes('>', &["REPLACE", "UPDATED"]) || closes('+', &["REPLACE"])
}

/// Whether the line stands between a search and its replacement.
pub(crate) fn is_divider(line: &str) -> bool {
    divider(line).is_some()
}

/// How long a divider is.
fn divider(line: &str) -> Option<usize> {
    marks(line, '=')
        .filter(|(_, rest)| rest.is_empty())
        .map(|(count, _)| count)
}

/// Five to nine of one mark, and what follows.
fn marks(line: &str, mark: char) -> Option<(usize, &str)> {
    let line = line.trim();
    let rest = line.trim_start_matches(mark);
    let count = line.len() - rest.len();
    (5..=9).contains(&count).then_some((count, rest.trim()))
}

/// The blocks of a text, in order; `named` is the path that something outside gives them.
pub(crate) fn read<'t>(text: &'t str, named: Option<&str>) -> Vec<Part<'t>> {
    let lines = lines_of(text);
    let mut path: Written = named.map(str::to_owned).into_iter().collect();
    let mut parts = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if is_open(line) {
            parts.push(block(&lines, &mut at, &path));
            continue;
        }
        let word = clean(line);
        if is_path_like(word) && next_is_open(&lines, at) {
            path = vec![word.to_owned()];
        }
        at += 1;
    }
    parts
}

/// Whether the next line with text opens a search.
fn next_is_open(lines: &[&str], at: usize) -> bool {
    let mut after = lines[at + 1..].iter().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("```") && !line.starts_with("~~~")
    });
    after.next().is_some_and(|line| is_open(line))
}

fn block<'t>(lines: &[&'t str], at: &mut usize, path: &Written) -> Part<'t> {
    let start = *at;
    let length = marks(lines[start], '<').or_else(|| marks(lines[start], '-'));
    let length = length.map_or(7, |(count, _)| count);
    *at += 1;
    let mut dividers = Vec::new();
    let end = loop {
        let Some(&line) = lines.get(*at) else {
            break None;
        };
        if is_close(line) {
            *at += 1;
            break Some(*at - 1);
        }
        if is_open(line) {
            break None;
        }
        if let Some(count) = divider(line) {
            dividers.push((*at, count));
        }
        *at += 1;
    };
    let lines_of_block = start..*at;
    let malformed = |message: &str| {
        let problem = Problem::malformed(message, lines_of_block.clone());
        Err(problem.about(path.first().map(String::as_str)))
    };
    let Some(end) = end else {
        return malformed("the SEARCH block is not ended: a line `>>>>>>> REPLACE` ends it");
    };
    // The one that is as long as the opening mark, where there is one such.
    let same: Vec<_> = dividers
        .iter()
        .filter(|(_, count)| *count == length)
        .collect();
    let places: Vec<usize> = match same.as_slice() {
        [(one, _)] => vec![*one],
        _ => dividers.iter().map(|(at, _)| *at).collect(),
    };
    if places.is_empty() {
        return malformed(
            "a line `=======` between what is searched for and what replaces it is missing",
        );
    }
    if places.len() > DIVIDERS {
        return malformed(
            "too many lines `=======`: which of them divides is not to be told; send the whole file",
        );
    }
    let (first, stated) = head(lines, start + 1..places[0]);
    let alternatives = places
        .iter()
        .map(|&divider| {
            let old = lines[first.min(divider)..divider]
                .iter()
                .map(|line| unescaped(line));
            let new: Vec<&str> = lines[divider + 1..end]
                .iter()
                .map(|line| unescaped(line))
                .collect();
            Hunk::of_search(old.collect(), &new, stated, lines_of_block.clone())
        })
        .collect();
    Ok(FileEdit {
        what: What::Search {
            path: path.clone(),
            alternatives,
        },
        executable: None,
        lines: lines_of_block,
    })
}

/// Roo's `:start_line:12`, `:end_line:14` and `-------` before the lines that are searched for.
fn head(lines: &[&str], range: Range<usize>) -> (usize, Option<usize>) {
    let mut at = range.start;
    let mut stated = None;
    while at < range.end {
        let line = lines[at].trim();
        if let Some(number) = line.strip_prefix(":start_line:") {
            stated = number.trim().parse().ok();
        } else if !line.starts_with(":end_line:") {
            break;
        }
        at += 1;
    }
    if at > range.start && at < range.end && lines[at].trim().trim_matches('-').is_empty() {
        at += 1;
    }
    (at, stated)
}

/// A line that was escaped since it looks like a mark: `\=======`.
fn unescaped(line: &str) -> &str {
    match line.strip_prefix('\\') {
        Some(rest) if is_open(rest) || is_close(rest) || divider(rest).is_some() => rest,
        _ => line,
    }
}
