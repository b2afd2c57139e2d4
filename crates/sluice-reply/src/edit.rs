//! Recognises edits of existing files, unified diffs and SEARCH/REPLACE blocks, and reads them into values.

mod begin_patch;
mod diff;
mod header;
mod hunk;
mod search;

pub(crate) use hunk::{FileEdit, Hunk, NewLine, Part, Problem, What, Written};
pub(crate) use search::{
    is_close as is_search_close, is_divider as is_search_divider, is_open as is_search_open,
};

use crate::EditKind;
use crate::language::{Kind, is_markdown, is_patch, kind};
use crate::lines::Line;
use crate::pathlike::{clean, is_path_like};

/// Which kind of edit a block is, if it is one. `path` is what its info string or label says.
pub(crate) fn edit_kind(language: &str, path: Option<&str>, content: &str) -> Option<EditKind> {
    if path.is_some_and(is_patch) {
        return None;
    }
    if is_search_replace(content) {
        return Some(EditKind::SearchReplace);
    }
    if kind(language) == Kind::Diff {
        return Some(EditKind::Diff);
    }
    let plain = matches!(language, "" | "text" | "txt" | "plaintext" | "git");
    ((plain || path.is_some()) && !path.is_some_and(is_markdown) && is_unified_diff(content))
        .then_some(EditKind::Diff)
}

/// Reads the text of an edit. `named` is the path that the fence or the line before it gives; it counts where the
/// text is about one file only.
pub(crate) fn read<'t>(kind: EditKind, text: &'t str, named: Option<&str>) -> Vec<Part<'t>> {
    let mut parts = match kind {
        EditKind::SearchReplace => return search::read(text, named),
        EditKind::Diff if begin_patch::is_begin_patch(text) => begin_patch::read(text),
        EditKind::Diff => diff::read(text),
    };
    if let (Some(named), [Ok(FileEdit { what, .. })]) = (named, parts.as_mut_slice()) {
        match what {
            What::Hunks { path, .. } | What::New { path, .. } | What::Delete { path, .. }
                if !path.iter().any(|reading| reading == named) =>
            {
                *path = vec![named.to_owned()];
            }
            _ => {}
        }
    }
    parts
}

/// The path that an edit names in its own text.
pub(crate) fn named_path(kind: EditKind, content: &str) -> Option<String> {
    match kind {
        EditKind::SearchReplace => {
            let first = clean(content.lines().find(|line| !line.trim().is_empty())?);
            is_path_like(first).then(|| first.to_owned())
        }
        EditKind::Diff => {
            let mut old = None;
            for line in content.lines().take(200) {
                if let Some(path) = ["*** Update File: ", "*** Add File: ", "*** Delete File: "]
                    .iter()
                    .find_map(|mark| line.strip_prefix(mark))
                {
                    return Some(header::bare(path));
                }
                if let Some(path) = line.strip_prefix("--- ") {
                    old = side(path);
                } else if let Some(path) = line.strip_prefix("+++ ") {
                    return side(path).or(old);
                }
            }
            None
        }
    }
}

/// One side of a diff's header; nothing for `/dev/null`.
pub(crate) fn side(text: &str) -> Option<String> {
    header::readings(text)?.into_iter().next()
}

/// The file that the rest of a line `diff --git` names.
pub(crate) fn git_path(rest: &str) -> Option<String> {
    header::git_paths(rest)?.1.into_iter().next()
}

/// Whether the block starts with a SEARCH marker, possibly after a line with a path.
fn is_search_replace(content: &str) -> bool {
    let mut lines = lines_said(content);
    let Some(first) = lines.next() else {
        return false;
    };
    search::is_open(first)
        || (lines.next().is_some_and(search::is_open) && is_path_like(clean(first)))
}

/// The lines that are not blank.
fn lines_said(content: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    let lines = std::iter::from_fn(move || {
        let line = Line::at(content, at)?;
        at = line.next;
        Some(line.text(content))
    });
    lines.filter(|line| !line.trim().is_empty())
}

/// Whether the text starts as a unified diff or a `*** Begin Patch` one does.
fn is_unified_diff(content: &str) -> bool {
    let mut lines = lines_said(content);
    match lines.next() {
        Some(line) if line.starts_with("diff --git ") || line.starts_with("*** Begin Patch") => {
            true
        }
        Some(line) if line.starts_with("--- ") => {
            lines.next().is_some_and(|line| line.starts_with("+++ "))
                && lines.next().is_some_and(|line| line.starts_with("@@"))
        }
        Some(line) => line.starts_with("@@ -") && line[4..].contains(" @@"),
        None => false,
    }
}
