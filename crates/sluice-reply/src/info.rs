//! Reads info strings: the grammar's first three sources of a path.

use crate::Source;
use crate::pathlike::{clean, is_path_like};

/// What an info string says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    /// In lower case; empty when there is none.
    pub(crate) language: String,
    /// Paths as written, the strongest source first.
    pub(crate) paths: Vec<(Source, String)>,
    /// `12:15:src/a.ts` points at lines of a file that exists.
    pub(crate) citation: bool,
}

impl Info {
    /// Reads a trimmed info string; understands any.
    pub(crate) fn read(info: &str) -> Info {
        let mut read = Info::default();
        let (info, attributes) = split_object(info).unwrap_or_else(|| split_attributes(info));
        if let Some((language, path)) = colon(&info) {
            if is_lines(language) || path.split_once(':').is_some_and(|(part, _)| is_lines(part)) {
                return Info {
                    citation: true,
                    ..read
                };
            }
            read.language = language.to_ascii_lowercase();
            let path = clean(path);
            if !path.is_empty() || attributes.is_empty() {
                read.paths.push((Source::InfoString, path.to_owned()));
            }
        }
        read.paths
            .extend(attributes.into_iter().map(|path| (Source::Attribute, path)));
        if !read.language.is_empty()
            || read
                .paths
                .first()
                .is_some_and(|(source, _)| *source == Source::InfoString)
        {
            return read;
        }
        let mut words = info.split_whitespace();
        let Some(first) = words.next() else {
            return read;
        };
        if is_language(first) {
            read.language = first.trim_start_matches('.').to_ascii_lowercase();
        } else {
            words = info.split_whitespace();
        }
        let word = words
            .map(|word| clean(word.trim_matches(['(', ')', '[', ']', ','])))
            .find(|word| is_path_like(word));
        if let Some(word) = word {
            read.paths.push((Source::InfoWord, word.to_owned()));
        } else if read.language.is_empty() && is_path_like(clean(&info)) {
            read.paths.push((Source::InfoWord, clean(&info).to_owned()));
        }
        read
    }
}

/// Whether the text counts lines, as `12`, `12-15` and `L12-L15` do.
fn is_lines(text: &str) -> bool {
    let text = text.trim();
    text.bytes().any(|b| b.is_ascii_digit())
        && text
            .split(['-', ','])
            .map(|part| part.strip_prefix('L').unwrap_or(part))
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Splits `lang:path`. The language may hold `+`, `#`, `-`, `.` and `_`, and may be empty.
fn colon(info: &str) -> Option<(&str, &str)> {
    let (language, path) = info.split_once(':')?;
    let language = language.trim_end();
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '+' | '#' | '-' | '.' | '_');
    if !language.chars().all(letter) {
        return None;
    }
    // `src.ts:10` is a path with a line, not a language with a path.
    if is_path_like(language) && path.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((language, path.trim()))
}

/// Whether the first word is a language and not already a path.
fn is_language(word: &str) -> bool {
    let name = word.strip_prefix('.').unwrap_or(word);
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.');
    // `Dockerfile` and `makefile` are languages when they stand alone.
    let named = matches!(
        name.to_ascii_lowercase().as_str(),
        "dockerfile" | "makefile" | "justfile" | "jenkinsfile" | "caddyfile"
    );
    name.chars().all(letter)
        && name.starts_with(char::is_alphabetic)
        && (named || !is_path_like(word))
}

/// Takes `{…}` and `key=value` out of an info string, and gives back the rest and the paths in them.
fn split_attributes(info: &str) -> (String, Vec<String>) {
    let mut rest = String::with_capacity(info.len());
    let mut paths = Vec::new();
    let bytes = info.as_bytes();
    let mut at = 0;
    let mut copied = 0;
    while let Some(found) = memchr::memchr(b'=', &bytes[at..]) {
        let equals = at + found;
        let named = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let name_start = bytes[copied..equals]
            .iter()
            .rposition(|b| !named(b))
            .map_or(copied, |place| copied + place + 1);
        let name = info[name_start..equals].to_ascii_lowercase();
        // `js:title=src/a.js` is how Gatsby writes it; other names there are parts of a path.
        let preceded = name_start == 0
            || matches!(bytes[name_start - 1], b' ' | b'\t' | b'{' | b',')
            || (bytes[name_start - 1] == b':' && is_path_name(&name));
        if name.is_empty() || !preceded {
            at = equals + 1;
            continue;
        }
        let (value, end) = value(info, equals + 1);
        paths.extend(attribute(&name, value));
        rest.push_str(&info[copied..name_start]);
        copied = end;
        at = end;
    }
    rest.push_str(&info[copied..]);
    if !paths.is_empty() || copied > 0 {
        let kept = rest.replace(['{', '}'], " ");
        return (kept.trim().to_owned(), paths);
    }
    // `ts {1,3}` without attributes: highlighting, or a class as in `{.ts}`.
    if let Some(inner) = info.strip_prefix('{').and_then(|i| i.strip_suffix('}')) {
        return (inner.trim().to_owned(), paths);
    }
    (rest, paths)
}

/// The path that an attribute gives; `name` is in lower case.
fn attribute(name: &str, value: &str) -> Option<String> {
    if !is_path_name(name) {
        return None;
    }
    let path = clean(value);
    let names = match name {
        "title" | "name" => is_path_like(path) || is_spaced_path(path),
        _ => !path.is_empty(),
    };
    names.then(|| path.to_owned())
}

/// Whether an attribute of this name can hold a path.
fn is_path_name(name: &str) -> bool {
    matches!(
        name,
        "file" | "filename" | "path" | "filepath" | "file_path" | "file-path" | "title" | "name"
    )
}

/// Takes `{"file": "src/a.ts"}`, as in JSON or JavaScript, off the end of an info string when it names a path.
fn split_object(info: &str) -> Option<(String, Vec<String>)> {
    let (before, inner) = info.strip_suffix('}')?.split_once('{')?;
    if !before.is_empty() && !before.ends_with(char::is_whitespace) {
        return None;
    }
    let pairs = inner.split(',').filter_map(|pair| pair.split_once(':'));
    let paths: Vec<String> = pairs
        .filter_map(|(name, value)| {
            let name = name.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
            attribute(&name, value)
        })
        .collect();
    (!paths.is_empty()).then(|| (before.trim().to_owned(), paths))
}

/// `docs/My File.md`: every part is a path's, but there are spaces in it.
fn is_spaced_path(text: &str) -> bool {
    text.contains(['/', '\\']) && is_path_like(&text.replace(' ', "_"))
}

/// The value that starts at `start`, without quotes, and where it ends.
fn value(info: &str, start: usize) -> (&str, usize) {
    let rest = &info[start..];
    if let Some(quote @ (b'"' | b'\'')) = rest.bytes().next() {
        let inner = &rest[1..];
        return match memchr::memchr(quote, inner.as_bytes()) {
            Some(end) => (&inner[..end], start + end + 2),
            None => (inner, info.len()),
        };
    }
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '}' | ','))
        .unwrap_or(rest.len());
    (&rest[..end], start + end)
}
