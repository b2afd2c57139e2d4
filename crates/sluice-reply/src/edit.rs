//! Recognises edits of existing files: unified diffs and SEARCH/REPLACE blocks.

use crate::EditKind;
use crate::language::{Kind, is_markdown, is_patch, kind};
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

/// The path that an edit names in its own text.
pub(crate) fn named_path(kind: EditKind, content: &str) -> Option<&str> {
    match kind {
        EditKind::SearchReplace => {
            let first = clean(content.lines().find(|line| !line.trim().is_empty())?);
            is_path_like(first).then_some(first)
        }
        EditKind::Diff => {
            let mut old = None;
            for line in content.lines().take(200) {
                if let Some(path) = ["*** Update File: ", "*** Add File: ", "*** Delete File: "]
                    .iter()
                    .find_map(|mark| line.strip_prefix(mark))
                {
                    return Some(path.trim());
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

/// One side of a diff's header: without `a/` or `b/`, without the time stamp, nothing for `/dev/null`.
fn side(text: &str) -> Option<&str> {
    let path = text.split('\t').next().unwrap_or(text).trim();
    let path = path
        .strip_prefix("a/")
        .or_else(|| path.strip_prefix("b/"))
        .unwrap_or(path);
    (path != "/dev/null" && !path.is_empty()).then_some(path)
}

/// Whether the block starts with a SEARCH marker, possibly after a line with a path.
fn is_search_replace(content: &str) -> bool {
    let mut lines = content.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else {
        return false;
    };
    is_search_marker(first)
        || (lines.next().is_some_and(is_search_marker) && is_path_like(clean(first)))
}

fn is_search_marker(line: &str) -> bool {
    let line = line.trim();
    if !line.starts_with(['<', '-']) {
        return false;
    }
    ['<', '-'].into_iter().any(|mark| {
        let rest = line.trim_start_matches(mark);
        (5..=9).contains(&(line.len() - rest.len()))
            && matches!(
                rest.trim().trim_end_matches('>').trim(),
                "SEARCH" | "ORIGINAL"
            )
    })
}

/// Whether the text starts as a unified diff or a `*** Begin Patch` one does.
fn is_unified_diff(content: &str) -> bool {
    let mut lines = content.lines().filter(|line| !line.trim().is_empty());
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
