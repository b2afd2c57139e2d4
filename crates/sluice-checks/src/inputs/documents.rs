//! Documents that nothing in a tree names: no check reads them.

use std::collections::{BTreeMap, BTreeSet};

use regex::bytes::Regex;

use super::text_of;
use crate::Tree;

/// Endings of documents.
const ENDINGS: [&str; 14] = [
    "md", "markdown", "mdx", "rst", "adoc", "txt", "html", "htm", "pdf", "png", "jpg", "jpeg",
    "gif", "svg",
];
/// Folders of documents, at the top of the tree or of a project.
const FOLDERS: [&str; 2] = ["docs", "doc"];
/// Folders that are for other programs than ours.
const ELSEWHERE: [&str; 3] = [".github", ".vscode", ".idea"];
/// Starts of the names of documents that lie beside a manifest.
const NAMES: [&str; 12] = [
    "readme",
    "changelog",
    "changes",
    "history",
    "contributing",
    "code_of_conduct",
    "security",
    "license",
    "licence",
    "authors",
    "notice",
    "copying",
];
/// More documents than this are not looked for one by one.
const MOST: usize = 2_000;

/// The documents of a tree that no other file names: not by their name, not by that of a folder that they lie
/// in, not by a pattern for their ending.
pub(super) fn unread(tree: &dyn Tree) -> BTreeSet<String> {
    let paths = tree.paths();
    let tops: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            crate::Toolchain::ALL
                .iter()
                .any(|toolchain| toolchain.manifests().contains(&name))
                .then_some(folder)
        })
        .chain([""])
        .collect();
    let is_unread = |path: &&String| is_document(path, &tops);
    let documents: BTreeSet<String> = paths.iter().filter(is_unread).cloned().collect();
    if documents.is_empty() || documents.len() > MOST {
        return BTreeSet::new();
    }
    let Some(mut search) = Search::new(&documents, &tops) else {
        return BTreeSet::new();
    };
    for path in paths.iter().filter(|path| !documents.contains(*path)) {
        match text_of(tree, path) {
            Some(text) => search.look(&without_own(path, text)),
            None => return BTreeSet::new(),
        }
    }
    documents
        .iter()
        .filter(|path| !search.is_named(path))
        .cloned()
        .collect()
}

fn is_document(path: &str, tops: &BTreeSet<&str>) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let lower = name.to_lowercase();
    let (stem, ending) = lower.split_once('.').unwrap_or((&lower, ""));
    let last = ending.rsplit('.').next().unwrap_or(ending);
    match top_folder(path, tops) {
        Some(top) if ELSEWHERE.contains(&top) => true,
        Some(_) if ENDINGS.contains(&last) => true,
        _ => {
            let is_text = matches!(ending, "" | "md" | "markdown" | "rst" | "txt" | "adoc");
            tops.contains(folder) && is_text && NAMES.contains(&stem)
        }
    }
}

/// The folder for documents, at the top of the tree or of a project, that a file lies in.
fn top_folder<'a>(path: &'a str, tops: &BTreeSet<&str>) -> Option<&'a str> {
    let mut above = "";
    loop {
        let rest = path[above.len()..].trim_start_matches('/');
        let (folder, _) = rest.split_once('/')?;
        if tops.contains(above) && (FOLDERS.contains(&folder) || ELSEWHERE.contains(&folder)) {
            return Some(folder);
        }
        above = &path[..path.len() - rest.len() + folder.len()];
    }
}

/// What a word names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// The documents of this name.
    File,
    /// Those in a folder of this name.
    Folder,
    /// Those with this ending.
    Ending,
}

/// Looks for what names documents.
struct Search {
    pattern: Regex,
    words: BTreeMap<String, Names>,
    named: BTreeSet<String>,
}

impl Search {
    fn new(documents: &BTreeSet<String>, tops: &BTreeSet<&str>) -> Option<Search> {
        let mut words = BTreeMap::new();
        for path in documents {
            let name = path.rsplit('/').next().unwrap_or(path);
            if let Some((_, ending)) = name.rsplit_once('.') {
                words.insert(ending.to_owned(), Names::Ending);
            }
        }
        for path in documents {
            words.extend(top_folder(path, tops).map(|top| (top.to_owned(), Names::Folder)));
        }
        for path in documents {
            let name = path.rsplit('/').next().unwrap_or(path);
            words.insert(name.to_owned(), Names::File);
        }
        let mut sorted: Vec<&String> = words.keys().collect();
        // Of two words that start alike the longer one is looked for first.
        sorted.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let sorted: Vec<String> = sorted.into_iter().map(|word| regex::escape(word)).collect();
        let pattern = Regex::new(&sorted.join("|")).ok()?;
        Some(Search {
            pattern,
            words,
            named: BTreeSet::new(),
        })
    }

    fn look(&mut self, text: &[u8]) {
        for found in self.pattern.find_iter(text) {
            let word = String::from_utf8_lossy(found.as_bytes()).into_owned();
            let (before, after) = text.split_at(found.start());
            let after = &after[found.len()..];
            let is_named = match self.words.get(&word) {
                Some(Names::File) => true,
                Some(Names::Folder) => is_folder(before, after),
                Some(Names::Ending) => is_ending(before, after),
                None => false,
            };
            if is_named {
                self.named.insert(word);
            }
        }
    }

    fn is_named(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        path.split('/').any(|part| self.named.contains(part))
            || ending.is_some_and(|ending| self.named.contains(ending))
    }
}

/// Whether a word is a whole part of a path, and no file below it is named behind it.
fn is_folder(before: &[u8], after: &[u8]) -> bool {
    let opens = matches!(
        before.last(),
        Some(b'"' | b'\'' | b'`' | b'/' | b'\\' | b'=' | b'(' | b',')
    );
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_file = matches!(after, [b'.', byte, ..] if byte.is_ascii_alphanumeric());
    if !opens || is_file || after.first().is_some_and(is_word) {
        return false;
    }
    let end = after
        .iter()
        .position(|byte| !is_word(byte) && *byte != b'/');
    let names_a_file = after.first() == Some(&b'/')
        && end.is_some_and(|end| {
            after[end] == b'.' && after.get(end + 1).is_some_and(u8::is_ascii_alphanumeric)
        });
    !names_a_file
}

/// Whether an ending stands in a pattern, as in `*.md`, `/\.md$/` or `{md,txt}`, and not in a file's name.
fn is_ending(before: &[u8], after: &[u8]) -> bool {
    if after.first().is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    match before {
        [.., byte, b'.'] => !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-'),
        [b'.'] => true,
        [.., b'{' | b',' | b'|' | b'('] => {
            matches!(after.first(), Some(b'}' | b',' | b'|' | b')' | b'?'))
        }
        _ => false,
    }
}

/// What a manifest says of its own documents is for who packs it, not for who checks it.
fn without_own(path: &str, text: Vec<u8>) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with('.') && name.ends_with("ignore") {
        return Vec::new();
    }
    if !matches!(name, "Cargo.toml" | "pyproject.toml") {
        return text;
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let is_own = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        matches!(
            key,
            "readme" | "license" | "license-file" | "homepage" | "documentation" | "repository"
        )
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_own(line)).collect();
    lines.join("\n").into_bytes()
}
