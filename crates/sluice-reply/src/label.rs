//! Reads the line before a fence: the grammar's fourth source of a path.

mod sentence;
mod words;

use crate::pathlike::{clean, is_path_like, may_hold_path, says_deleted, without_marker};
use sentence::{told, words};
use words::{NOISE, TITLES, is_about_what_was, is_alone_no_title};

/// How surely a line labels the block after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    /// A heading, bold, a code span, `File: x`: a title that stands by itself.
    Title,
    /// `x:` or `Create x`: a sentence.
    Sentence,
}

/// The path that a line gives to the block after it, if the line is a label.
///
/// A sentence that merely mentions a file labels nothing.
pub(crate) fn label(line: &str) -> Option<(String, Strength)> {
    let line = line.trim();
    let is_row = line.starts_with('|') || line.ends_with('|');
    if line.len() > 1000 || is_row || !may_hold_path(line) || says_deleted(line) {
        return None;
    }
    let text = without_tags(line).replace('：', ": ").replace('’', "'");
    let mut text = undecorated(&text);
    let heading = text.starts_with('#');
    text = text.trim_start_matches('#').trim_end_matches('#').trim();
    text = without_item_mark(undecorated(text));
    let marked =
        heading || text.starts_with("**") || text.starts_with("__") || text.starts_with('`');
    if let Some(path) = whole(text) {
        let strength = if marked {
            Strength::Title
        } else {
            Strength::Sentence
        };
        return Some((path, strength));
    }
    if let Some(rest) = without_marker(plain(text).trim_matches(['*', '_', ' '])) {
        let path = clean(rest.trim_matches(['*', '`', ' ']));
        return is_named(path).then(|| (path.to_owned(), Strength::Title));
    }
    if marked && let Some(path) = titled(text) {
        return Some((path, Strength::Title));
    }
    told(&plain(text)).map(|path| (path, Strength::Sentence))
}

/// Without what people draw around a label: `// src/a.ts`, `--- src/a.ts ---`, a picture, an arrow.
fn undecorated(text: &str) -> &str {
    let mut text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '=' | '─'));
    if let Some(inner) = text
        .strip_prefix("/*")
        .and_then(|rest| rest.strip_suffix("*/"))
    {
        text = inner.trim_matches(['*', ' ']);
    }
    text = text.trim_start_matches("//").trim_start();
    let picture = |c: char| !c.is_ascii() && !c.is_alphanumeric();
    text = text.trim_start_matches(picture).trim_start();
    text.trim_end_matches(picture).trim_end()
}

/// The whole line is a path, apart from emphasis, quotes, a colon and notes.
fn whole(text: &str) -> Option<String> {
    let plain = plain(text);
    let path = clean(plain.trim_matches(['*', ' ']));
    let bare = clean(path.trim_matches(['`', '*', ' ']));
    let marked = text.starts_with(['*', '`']);
    let coded = text.trim_start_matches(['*', '_', ' ']).starts_with('`');
    // `__src/a.ts__` is bold and `_src/a.ts_` italic, `__init__.py` and `__tests__/a.ts` are not.
    for (open, close) in [("__", "__"), ("_", "_"), ("(", ")"), ("[", "]")] {
        let inner = bare
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner.map(clean).filter(|inner| is_path_like(inner)) {
            return Some(inner.to_owned());
        }
    }
    if is_path_like(bare) || (coded && is_spaced(bare)) {
        return Some(bare.to_owned());
    }
    // Emphasis that ends before a note or a full stop: **`src/a.ts`** - the helper.
    let unmarked = plain.replace(['*', '`'], "");
    let bare = clean(unmarked.trim_end_matches(['.', ',', ';']));
    (marked && is_path_like(bare)).then(|| bare.to_owned())
}

/// A path with spaces in its folders, and no command such as `node src/a.ts`.
fn is_spaced(path: &str) -> bool {
    let first = path.split_whitespace().next().unwrap_or_default();
    first.contains('/') && !is_path_like(first) && is_named(path)
}

/// A path as somebody would write it after `File:`: spaces are allowed in its folders.
fn is_named(path: &str) -> bool {
    is_path_like(path) || is_path_like(&path.replace(' ', "_"))
}

/// A title whose last or first part is the path: `Backend: src/a.ts`, `Step 2: Create src/a.ts`,
/// `src/a.ts — adds`, `The button (src/Button.tsx)`.
fn titled(text: &str) -> Option<String> {
    let text = plain(text);
    let text = text.replace("**", "");
    let parts: Vec<&str> = text.split_inclusive([':', '—', '–']).collect();
    let mut paths = words(&text).filter(|word| is_path_like(word));
    let path = paths.next()?;
    if paths.next().is_some() {
        return None;
    }
    let others: Vec<String> = text
        .split_whitespace()
        .filter(|word| !word.contains(path))
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_ascii_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect();
    let is_noise = |word: &String| {
        NOISE.contains(&word.as_str())
            || (others.len() <= 2 && TITLES.contains(&word.as_str()))
            || word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    if others.iter().all(is_noise) {
        return Some(path.to_owned());
    }
    if others.iter().any(|word| is_about_what_was(word))
        || matches!(others.as_slice(), [only] if is_alone_no_title(only))
    {
        return None;
    }
    let separated = parts.len() > 1
        && parts.iter().any(|part| {
            is_path_like(clean(
                part.trim_end_matches([':', '—', '–'])
                    .trim()
                    .trim_matches('`'),
            ))
        });
    (separated || is_bracketed(&text, path)).then(|| path.to_owned())
}

/// `The button (src/Button.tsx)`.
fn is_bracketed(text: &str, path: &str) -> bool {
    text.trim_end_matches([':', ' ', '*'])
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once('('))
        .is_some_and(|(_, inner)| clean(inner.trim_matches(['`', ' '])) == path)
}

/// Link text instead of links: `[src/a.ts](src/a.ts)`.
fn plain(text: &str) -> String {
    if let Some(middle) = text.find("](")
        && let Some(open) = text[..middle].rfind('[')
        && let Some(close) = text[middle..].find(')')
    {
        let inner = &text[open + 1..middle];
        return format!("{}{inner}{}", &text[..open], &text[middle + close + 1..]);
    }
    text.to_owned()
}

/// `<summary>src/a.ts</summary>` and `<!-- src/a.ts -->` as their text.
fn without_tags(line: &str) -> String {
    if !line.starts_with('<') {
        return line.to_owned();
    }
    let comment = line
        .strip_prefix("<!--")
        .and_then(|rest| rest.strip_suffix("-->"));
    if let Some(comment) = comment {
        return comment.trim().to_owned();
    }
    let mut text = String::with_capacity(line.len());
    let mut inside = false;
    for c in line.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

/// The text after `- `, `* `, `1. `, `(1) `, `a) `, `Step 1: ` or `[NEW] `.
fn without_item_mark(text: &str) -> &str {
    if let Some(rest) = ["- ", "* ", "+ ", "• "]
        .iter()
        .find_map(|mark| text.strip_prefix(mark))
    {
        return rest.trim_start();
    }
    if let Some((mark, rest)) = text.split_once(' ') {
        let name = mark.trim_matches(['(', ')', '[', ']', '.']);
        let numbered = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let lettered = name.len() == 1 && name.bytes().all(|b| b.is_ascii_alphabetic());
        if mark.ends_with(['.', ')']) && (numbered || lettered) && name.len() < 10
            || mark.starts_with('[')
                && mark.ends_with(']')
                && name.bytes().all(|b| b.is_ascii_alphabetic())
                && !words::is_about_what_was(&name.to_ascii_lowercase())
        {
            return rest.trim_start();
        }
    }
    let step = text
        .get(..5)
        .filter(|head| head.eq_ignore_ascii_case("step "))
        .map(|head| &text[head.len()..]);
    if let Some(rest) = step {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let after = rest
            .strip_prefix([':', '.', ')'])
            .or_else(|| rest.strip_prefix(" -"));
        if let Some(after) = after {
            return after.trim_start();
        }
    }
    text
}
