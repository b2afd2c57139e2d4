//! Reads the paths in the header of a diff.

use super::hunk::Written;

/// The two paths of `--- x` and `+++ y`; `None` stands for `/dev/null`.
pub(crate) fn sides(old: &str, new: &str) -> (Option<Written>, Option<Written>) {
    (readings(old), readings(new))
}

/// The readings of one side: without the one-letter folder that git puts before it, and as it stands.
pub(crate) fn readings(text: &str) -> Option<Written> {
    let path = bare(text);
    if path == "/dev/null" {
        return None;
    }
    if path.is_empty() {
        return Some(Vec::new());
    }
    let mut readings = Vec::with_capacity(2);
    if let Some(rest) = ["a/", "b/", "i/", "w/", "c/", "o/", "1/", "2/"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .filter(|rest| !rest.is_empty())
    {
        readings.push(rest.to_owned());
    }
    readings.push(path);
    Some(readings)
}

/// One path without quotes, time stamp and CR.
pub(crate) fn bare(text: &str) -> String {
    let text = text.trim_end_matches('\r').trim();
    if text.starts_with('"') {
        return unquoted(text).0;
    }
    let path = text.split('\t').next().unwrap_or(text);
    without_time(path).trim().trim_matches('`').to_owned()
}

/// The two paths of `diff --git a/x b/x`, which blanks in a path make ambiguous: then both are equal.
pub(crate) fn git_paths(rest: &str) -> Option<(Written, Written)> {
    let rest = rest.trim_end_matches('\r').trim();
    let (old, new) = if rest.starts_with('"') {
        let (old, length) = unquoted(rest);
        (old, bare(&rest[length..]))
    } else if let Some(at) = rest.find(" \"") {
        (rest[..at].to_owned(), bare(&rest[at..]))
    } else {
        let equal = rest.match_indices(' ').find_map(|(at, _)| {
            let (old, new) = (&rest[..at], &rest[at + 1..]);
            let stem = |path: &'_ str| path.split_once('/').map(|(_, stem)| stem.to_owned());
            (old == new || (stem(old).is_some() && stem(old) == stem(new))).then_some((old, new))
        });
        let (old, new) = match equal {
            Some(pair) => pair,
            None => rest.split_once(' ')?,
        };
        (old.to_owned(), new.to_owned())
    };
    Some((readings(&old)?, readings(&new)?))
}

/// Takes the quotes of git off (`core.quotePath`), and says how many bytes of the text they span.
fn unquoted(text: &str) -> (String, usize) {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        at += 1;
        let octal: String = text[at..]
            .chars()
            .take(3)
            .take_while(|c| ('0'..='7').contains(c))
            .collect();
        if octal.len() == 3
            && let Ok(byte) = u8::from_str_radix(&octal, 8)
        {
            out.push(byte);
            at += 3;
            continue;
        }
        match bytes.get(at) {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'a') => out.push(7),
            Some(b'b') => out.push(8),
            Some(b'v') => out.push(11),
            Some(b'f') => out.push(12),
            Some(other) => out.push(*other),
            None => break,
        }
        at += 1;
    }
    // What is no UTF-8 becomes U+FFFD, which no path may hold: it is refused, not misread.
    (
        String::from_utf8_lossy(&out).into_owned(),
        (at + 1).min(bytes.len()),
    )
}

/// Takes ` 2024-01-31 10:00:00…` off, which `diff` writes behind a tab and agents behind a blank.
fn without_time(path: &str) -> &str {
    let is_date = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() >= 10
            && bytes[..10].iter().enumerate().all(|(i, byte)| match i {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    match path
        .match_indices(' ')
        .find(|(at, _)| is_date(&path[at + 1..]))
    {
        Some((at, _)) => &path[..at],
        None => path,
    }
}
