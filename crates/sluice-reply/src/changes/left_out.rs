//! Refuses edits that put in a comment where content was left out.

use sluice_path::RelPath;

use super::refused::Why;
use crate::edit::{Hunk, NewLine};
use crate::language::{extension, is_markdown};
use crate::{Code, elision};

/// A new line that says that something was left out, which no old line says.
pub(crate) fn elided_hunk(path: &RelPath, hunk: &Hunk<'_>) -> Option<Why> {
    let added = hunk.new.iter().filter_map(|line| match *line {
        NewLine::Add(line) => Some(line),
        NewLine::Keep(_) => None,
    });
    elided(path, added, &hunk.old)
}

/// The same of any new lines.
pub(crate) fn elided<'t>(
    path: &RelPath,
    added: impl Iterator<Item = &'t str>,
    old: &[&str],
) -> Option<Why> {
    if is_markdown(path.as_str()) {
        return None;
    }
    let language = extension(path.as_str()).unwrap_or_default();
    let mut left_out = added.filter(|line| elision::first_elision(&language, line).is_some());
    let line = left_out.find(|line| old.iter().all(|old| old.trim() != line.trim()))?;
    let shown: String = line.trim().chars().take(80).collect();
    let message =
        format!("content was left out at `{shown}`: write out every line of what is put in");
    Some(Why::warned(Code::PlaceholderElision, message))
}
