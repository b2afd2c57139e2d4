//! Reads a block's first line: the grammar's fifth source of a path.

use std::ops::Range;

use crate::language::{Kind, kind};
use crate::pathlike::{clean, is_path_like, says_deleted, without_marker};

/// A first-line comment that names a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathComment {
    pub(crate) path: String,
    /// It says `File:` or the like, so that it is a marker and no part of the file.
    pub(crate) marker: bool,
    /// The line in the body, with its line break.
    pub(crate) line: Range<usize>,
}

/// Lines that may stand before the one that counts.
const MAX_BEFORE: usize = 3;

/// Finds the comment on the first line, or on the one below what must stay first: a shebang, a declaration,
/// the opening of a longer comment.
pub(crate) fn path_comment(language: &str, body: &str) -> Option<PathComment> {
    let mut line = line_at(body, 0);
    let mut inside = false;
    for _ in 0..MAX_BEFORE {
        let text = body[line.clone()].trim();
        inside |= is_opening(text);
        if !inside && !text.is_empty() && !is_preamble(text) {
            break;
        }
        if inside && !is_opening(text) {
            break;
        }
        line = line_at(body, line.end);
    }
    let text = body[line.clone()].trim();
    if text.is_empty() || text.len() > 2000 {
        return None;
    }
    let inner = match comment_text(language, text) {
        Some(inner) => inner,
        None if inside && kind(language) != Kind::Diff => text.trim_start_matches('*').trim(),
        None => return None,
    };
    let inner = undecorated(inner);
    if says_deleted(inner) {
        return None;
    }
    if let Some((named, is_file)) = marked(inner) {
        let path = clean(named);
        return names(path, is_file).then(|| PathComment {
            path: path.to_owned(),
            marker: !inside,
            line,
        });
    }
    let path = clean(inner.strip_prefix("@file ").unwrap_or(inner));
    is_path_like(path).then(|| PathComment {
        path: path.to_owned(),
        marker: false,
        line,
    })
}

/// Without a line or a picture that is drawn around a path: `=== src/a.ts ===`.
fn undecorated(text: &str) -> &str {
    let line = |c: char| matches!(c, '-' | '=' | '*' | '~' | '─' | '═');
    let bare = text.trim_matches(line);
    // Only what stands apart: `-x` and `a-` may be parts of a name.
    let text = match bare.len() + 3 < text.len() {
        true => bare.trim(),
        false => text,
    };
    text.trim_start_matches(|c: char| !c.is_ascii() && !c.is_alphanumeric())
        .trim_start()
}

/// What follows `File:`, `filename:`, `New file:`, `File 2:` or `@filename:`; whether the word says file.
fn marked(text: &str) -> Option<(&str, bool)> {
    let text = text.strip_prefix('@').unwrap_or(text);
    if let Some(rest) = without_marker(text) {
        let is_path = text
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("path"));
        return Some((rest, !is_path));
    }
    let (head, rest) = text.split_once(':')?;
    let head = head.to_ascii_lowercase();
    let numbered = head
        .strip_prefix("file ")
        .is_some_and(|number| number.trim().bytes().all(|b| b.is_ascii_digit()));
    let new = matches!(
        head.as_str(),
        "new file" | "updated file" | "modified file" | "file (new)"
    );
    (numbered || new).then(|| (rest.trim(), true))
}

/// Whether the text after a marker is a path: `// File: the helper` is prose, and `// Path: /users` a route.
fn names(path: &str, is_file: bool) -> bool {
    is_path_like(path)
        || (is_file
            && !path.is_empty()
            && (!path.contains(char::is_whitespace) || is_path_like(&path.replace(' ', "_"))))
}

fn line_at(body: &str, start: usize) -> Range<usize> {
    let end = memchr::memchr(b'\n', &body.as_bytes()[start..])
        .map_or(body.len(), |feed| start + feed + 1);
    start..end
}

/// Whether the line only opens a comment that goes on below.
fn is_opening(line: &str) -> bool {
    matches!(
        line,
        "/*" | "/**" | "<!--" | "(*" | "{-" | "--[[" | "\"\"\"" | "'''" | "//" | "=begin"
    )
}

/// What must stay first in a file.
fn is_preamble(line: &str) -> bool {
    let starts = |with: &str| {
        line.get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    (line.starts_with("#!") && !line.starts_with("#!["))
        || matches!(
            line.trim_end_matches(';'),
            "<?php"
                | "---"
                | "@echo off"
                | "\"use client\""
                | "'use client'"
                | "\"use server\""
                | "'use server'"
                | "\"use strict\""
                | "'use strict'"
        )
        || starts("# -*- coding")
        || starts("# syntax=")
        || starts("# frozen_string_literal")
        || starts("<?xml ")
        || starts("<!doctype ")
}

/// The text of a line that is one comment and nothing else.
fn comment_text<'t>(language: &str, line: &'t str) -> Option<&'t str> {
    if kind(language) == Kind::Diff {
        return None;
    }
    const PAIRS: [(&str, &str); 14] = [
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
        ("{-", "-}"),
        ("@*", "*@"),
        ("{{!", "}}"),
        ("--[[", "]]"),
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
