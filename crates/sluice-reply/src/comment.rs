//! Reads a block's first line: the grammar's fifth source of a path.

use std::ops::Range;

use crate::language::{Kind, kind};
use crate::pathlike::{clean, is_path_like, without_marker};

/// A first-line comment that names a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathComment {
    pub(crate) path: String,
    /// It says `File:` or the like, so that it is a marker and no part of the file.
    pub(crate) marker: bool,
    /// The line in the body, with its line break.
    pub(crate) line: Range<usize>,
}

/// Finds the comment on the first line, or on the second after a shebang.
pub(crate) fn path_comment(language: &str, body: &str) -> Option<PathComment> {
    let first = line_at(body, 0);
    let line = if is_preamble(&body[first.clone()]) {
        line_at(body, first.end)
    } else {
        first
    };
    let text = body[line.clone()].trim();
    if text.len() > 2000 {
        return None;
    }
    let inner = comment_text(language, text)?;
    if let Some(named) = without_marker(inner) {
        let path = clean(named);
        return (!path.is_empty()).then(|| PathComment {
            path: path.to_owned(),
            marker: true,
            line,
        });
    }
    let path = clean(inner);
    is_path_like(path).then(|| PathComment {
        path: path.to_owned(),
        marker: false,
        line,
    })
}

fn line_at(body: &str, start: usize) -> Range<usize> {
    let end = memchr::memchr(b'\n', &body.as_bytes()[start..])
        .map_or(body.len(), |feed| start + feed + 1);
    start..end
}

/// What must stay first in a file.
fn is_preamble(line: &str) -> bool {
    let line = line.trim();
    let starts = |with: &str| {
        line.get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    (line.starts_with("#!") && !line.starts_with("#!["))
        || line == "<?php"
        || starts("<?xml ")
        || starts("<!doctype ")
}

/// The text of a line that is one comment and nothing else.
fn comment_text<'t>(language: &str, line: &'t str) -> Option<&'t str> {
    if kind(language) == Kind::Diff {
        return None;
    }
    const PAIRS: [(&str, &str); 10] = [
        ("{/*", "*/}"),
        ("/**", "*/"),
        ("/*", "*/"),
        ("<!--", "-->"),
        ("{{!--", "--}}"),
        ("{{/*", "*/}}"),
        ("{#", "#}"),
        ("<%#", "%>"),
        ("<%--", "--%>"),
        ("(*", "*)"),
    ];
    for (open, close) in PAIRS {
        if let Some(rest) = line.strip_prefix(open) {
            // A long comment may start with the path and go on below.
            return Some(rest.strip_suffix(close).unwrap_or(rest).trim());
        }
    }
    for quotes in ["\"\"\"", "'''"] {
        if let Some(inner) = line
            .strip_prefix(quotes)
            .and_then(|rest| rest.strip_suffix(quotes))
        {
            return Some(inner.trim());
        }
    }
    // In these a hash is a heading or a selector.
    let hashless = kind(language) == Kind::Markdown || matches!(language, "css" | "scss" | "less");
    let marks: &[&str] = match language {
        "bat" | "batch" | "cmd" | "dos" => &["REM ", "rem ", "::"],
        "vb" | "vbnet" | "vba" | "vbs" => &["'"],
        "vim" | "viml" => &["\""],
        "rst" => &[".. "],
        "haskell" | "hs" | "sql" | "lua" | "elm" | "ada" | "vhdl" => &["--"],
        "tex" | "latex" | "erlang" | "erl" | "matlab" | "prolog" => &["%"],
        _ => &["//", "#", "--", ";", "%", "'"],
    };
    let mark = marks
        .iter()
        .find(|mark| line.starts_with(**mark) && !(hashless && **mark == "#"))?;
    let first = mark.chars().next()?;
    let rest = line[mark.len()..].trim_start_matches(first);
    Some(rest.trim_start_matches('!').trim())
}
