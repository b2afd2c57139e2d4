//! Reads the line before a fence: the grammar's fourth source of a path.

use crate::pathlike::{clean, is_path_like, without_marker};

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
    if line.len() > 1000 || line.starts_with('|') || line.ends_with('|') {
        return None;
    }
    let text = without_tags(line);
    // `// src/a.ts`, `--- src/a.ts ---`, and a picture before the path.
    let mut text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '=' | '─'));
    text = text.trim_start_matches("//").trim_start();
    text = text
        .trim_start_matches(|c: char| !c.is_ascii() && !c.is_alphanumeric())
        .trim_start();
    let heading = text.starts_with('#');
    text = text.trim_start_matches('#').trim_end_matches('#').trim();
    text = without_item_mark(text);
    let marked =
        heading || text.starts_with("**") || text.starts_with("__") || text.starts_with('`');
    if let Some(path) = whole(text) {
        return Some((
            path,
            if marked {
                Strength::Title
            } else {
                Strength::Sentence
            },
        ));
    }
    if let Some(rest) = without_marker(plain(text).trim_matches(['*', '_', ' '])) {
        let path = clean(rest.trim_matches(['*', '`', ' ']));
        return is_named(path).then(|| (path.to_owned(), Strength::Title));
    }
    if marked && let Some(path) = titled(text) {
        return Some((path, Strength::Title));
    }
    told(text).map(|path| (path, Strength::Sentence))
}

/// The whole line is a path, apart from emphasis, quotes, a colon and notes.
fn whole(text: &str) -> Option<String> {
    let plain = plain(text);
    let path = clean(plain.trim_matches(['*', ' ']));
    let bare = clean(path.trim_matches(['`', '*', ' ']));
    let coded = text.trim_start_matches(['*', '_', ' ']).starts_with('`');
    // `__src/a.ts__` is bold, `__init__.py` and `__tests__/a.ts` are not.
    let bold = bare.strip_prefix("__").and_then(|t| t.strip_suffix("__"));
    if let Some(inner) = bold.map(clean).filter(|inner| is_path_like(inner)) {
        return Some(inner.to_owned());
    }
    if is_path_like(bare) || (coded && is_named(bare)) {
        return Some(bare.to_owned());
    }
    // Emphasis that ends before a note: **`src/a.ts`** - the helper.
    let unmarked = plain.replace(['*', '`'], "");
    let bare = clean(&unmarked);
    (text.starts_with(['*', '`']) && is_path_like(bare)).then(|| bare.to_owned())
}

/// A path as somebody would write it after `File:` or in a code span: spaces are allowed in its folders.
fn is_named(path: &str) -> bool {
    is_path_like(path) || is_path_like(&path.replace(' ', "_"))
}

/// A title whose last or first part is the path: `Backend: src/a.ts`, `Step 2: Create src/a.ts`,
/// `src/a.ts — adds`, `The button (src/Button.tsx)`.
fn titled(text: &str) -> Option<String> {
    let text = plain(text);
    let text = text.replace("**", "");
    let parts: Vec<&str> = text.split_inclusive([':', '—', '–']).collect();
    let mut paths = Vec::new();
    for word in words(&text) {
        if is_path_like(word) {
            paths.push(word);
        }
    }
    let [path] = paths.as_slice() else {
        return None;
    };
    let mut noise = text
        .split_whitespace()
        .filter(|word| !word.contains(*path))
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_ascii_lowercase()
        });
    if noise.all(|word| {
        word.is_empty()
            || NOISE.contains(&word.as_str())
            || word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    }) {
        return Some((*path).to_owned());
    }
    let separated = parts.len() > 1
        && parts.iter().any(|part| {
            is_path_like(clean(
                part.trim_end_matches([':', '—', '–'])
                    .trim()
                    .trim_matches('`'),
            ))
        });
    // `The button (src/Button.tsx)`
    let bracketed = text
        .trim_end_matches([':', ' '])
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once('('))
        .is_some_and(|(_, inner)| clean(inner.trim_matches(['`', ' '])) == *path);
    (separated || bracketed).then(|| (*path).to_owned())
}

/// `Create x`, `Now add the file x:`, `Here is x:`: a sentence that starts with an order and names one file.
fn told(text: &str) -> Option<String> {
    let text = plain(text);
    let text = text.replace("**", "");
    let mut all = text.split_whitespace().map(|word| {
        word.trim_matches(|c: char| !c.is_alphanumeric())
            .to_ascii_lowercase()
    });
    let leads = |word: &String| {
        matches!(
            word.as_str(),
            "" | "now"
                | "then"
                | "first"
                | "next"
                | "finally"
                | "also"
                | "and"
                | "please"
                | "let's"
                | "lets"
                | "let"
                | "us"
                | "i'll"
                | "i"
                | "we"
                | "we'll"
                | "will"
                | "step"
                | "second"
                | "third"
                | "lastly"
        ) || word.bytes().all(|b| b.is_ascii_digit())
    };
    let first = all.find(|word| !leads(word))?;
    let told = matches!(
        first.as_str(),
        "create"
            | "creating"
            | "add"
            | "adding"
            | "write"
            | "save"
            | "make"
            | "put"
            | "place"
            | "new"
            | "updated"
            | "update"
            | "updating"
            | "replace"
            | "rewrite"
            | "overwrite"
            | "generate"
            | "here's"
            | "contents"
            | "content"
            | "file"
            | "filename"
            | "created"
            | "added"
            | "complete"
            | "full"
    ) || (first == "here" && all.next().as_deref() == Some("is"));
    if !told || text.ends_with(['.', '!', '?']) {
        return None;
    }
    let mut paths = words(&text).filter(|word| is_path_like(word));
    let path = paths.next()?.to_owned();
    paths.next().is_none().then_some(path)
}

/// Words without the punctuation and quotes around them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().map(|word| {
        let word = word.trim_matches(['`', '"', '\'', '*', ',', ';', ':', '“', '”']);
        let bare = word
            .strip_prefix('(')
            .and_then(|w| w.strip_suffix(')'))
            .unwrap_or(word);
        clean(bare)
    })
}

/// Link text instead of links: `[src/a.ts](src/a.ts)`.
fn plain(text: &str) -> String {
    if let Some(open) = text.find('[')
        && let Some(middle) = text[open..].find("](")
        && let Some(close) = text[open + middle..].find(')')
    {
        let inner = &text[open + 1..open + middle];
        return format!(
            "{}{inner}{}",
            &text[..open],
            &text[open + middle + close + 1..]
        );
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

/// The text after `- `, `* `, `1. ` or `1) `.
fn without_item_mark(text: &str) -> &str {
    if let Some(rest) = ["- ", "* ", "+ ", "• "]
        .iter()
        .find_map(|mark| text.strip_prefix(mark))
    {
        return rest.trim_start();
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0
        && let Some(rest) = text[digits..]
            .strip_prefix(". ")
            .or_else(|| text[digits..].strip_prefix(") "))
    {
        return rest.trim_start();
    }
    text
}

/// Words of a title that say nothing against its path.
const NOISE: &[&str] = &[
    "a", "add", "added", "an", "and", "code", "complete", "content", "contents", "create",
    "created", "creating", "edit", "edited", "file", "final", "fixed", "for", "full", "here", "is",
    "modified", "modify", "new", "now", "of", "path", "replace", "revised", "s", "save", "source",
    "step", "the", "then", "to", "update", "updated", "updating", "write", "part", "version",
];
