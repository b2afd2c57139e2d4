//! Makes findings: their fingerprint, and the path that a tool meant.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use sha2::{Digest, Sha256};

use crate::class::classify;
use crate::find::is_foreign;
use crate::{Finding, Level, Tree};

/// The longest message in bytes that a finding keeps.
const LONGEST_MESSAGE: usize = 4000;
/// The most findings that one check keeps.
pub(crate) const MOST_FINDINGS: usize = 500;

static NOISE: LazyLock<Regex> = LazyLock::new(|| {
    // Absolute paths and URLs first, then hexadecimal numbers, then any other digits with a unit of time.
    Regex::new(
        r"(?:[a-z]+://|/)[^\s'\x22`:(),]*/[^\s'\x22`:(),]*|\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{7,}\b|[0-9]+(?:[.,:][0-9]+)*\s?(?:ms|s|m)?\b|[0-9]+",
    )
    .expect("a constant pattern")
});
static ANSI: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
        .expect("a constant pattern")
});

/// Takes the colours and cursor movements of a terminal out of a text.
pub(crate) fn strip_ansi(text: &str) -> String {
    ANSI.replace_all(text, "").into_owned()
}

/// A finding under construction; [`Draft::done`] adds the fingerprint.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) tool: &'static str,
    pub(crate) rule: String,
    pub(crate) level: Level,
    pub(crate) message: String,
    pub(crate) path: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

impl Draft {
    /// An error of `tool` without a place.
    pub(crate) fn error(tool: &'static str, rule: &str, message: impl Into<String>) -> Draft {
        Draft {
            tool,
            rule: rule.to_owned(),
            level: Level::Error,
            message: message.into(),
            path: None,
            line: None,
            column: None,
        }
    }

    /// The same with a lower or higher level.
    pub(crate) fn level(self, level: Level) -> Draft {
        Draft { level, ..self }
    }

    /// The same at a place; a zero is no line and no column.
    pub(crate) fn at(self, path: Option<String>, line: u32, column: u32) -> Draft {
        let line = (line > 0 && path.is_some()).then_some(line);
        let column = line.and((column > 0).then_some(column));
        Draft {
            path,
            line,
            column,
            ..self
        }
    }

    /// The finding.
    pub(crate) fn done(self) -> Finding {
        let message = shorten(strip_ansi(&self.message).trim(), LONGEST_MESSAGE);
        let fingerprint = fingerprint(
            self.tool,
            &self.rule,
            self.path.as_deref().unwrap_or(""),
            &message,
        );
        let (class, fixable) = classify(self.tool, &self.rule, &message);
        Finding {
            class,
            fixable,
            tool: self.tool.to_owned(),
            rule: shorten(&self.rule, 500),
            level: self.level,
            message,
            path: self.path,
            line: self.line,
            column: self.column,
            fingerprint,
        }
    }
}

/// At most `most` bytes of a text, cut between characters.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// The same for the same fault in two runs: SHA-256 over tool, rule, path and the message without digits,
/// hexadecimal numbers, times and absolute paths.
pub fn fingerprint(tool: &str, rule: &str, path: &str, message: &str) -> String {
    let plain = NOISE.replace_all(message, "#");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut hash = Sha256::new();
    for part in [tool, rule, path, &plain] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Turns the paths that tools print into paths of the workspace.
pub(crate) struct Paths {
    dir: String,
    known: BTreeSet<String>,
}

impl Paths {
    /// For a tool that ran in the folder `dir` of `tree`.
    pub(crate) fn new(tree: &dyn Tree, dir: &str) -> Paths {
        Paths {
            dir: dir.to_owned(),
            known: tree.paths().into_iter().collect(),
        }
    }

    /// Whether a path of the workspace was there before anything ran.
    pub(crate) fn knows(&self, path: &str) -> bool {
        self.known.contains(path)
    }

    /// The path in the workspace that `printed` means; `None` when it lies outside or in a dependency.
    pub(crate) fn resolve(&self, printed: &str) -> Option<String> {
        let printed = printed.trim();
        let printed = printed.strip_prefix("file://").unwrap_or(printed);
        let absolute = printed.strip_prefix("/workspace/");
        if absolute.is_none() && printed.starts_with('/') {
            return None;
        }
        let joined = match absolute {
            Some(inside) => inside.to_owned(),
            None if self.dir.is_empty() => printed.to_owned(),
            None => format!("{}/{printed}", self.dir),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in joined.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        if parts.is_empty() || is_foreign(&parts.join("/")) {
            return None;
        }
        let path = parts.join("/");
        if self.known.contains(&path) || absolute.is_some() {
            return Some(path);
        }
        // A member of npm workspaces prints paths relative to its own folder, which the log does not name.
        let tail = format!("/{}", printed.trim_start_matches("./"));
        let mut ends = self.known.iter().filter(|known| known.ends_with(&tail));
        match (ends.next(), ends.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => Some(path),
        }
    }

    /// The path of a file in a Go package, whose name ends in its folder below the module.
    pub(crate) fn in_package(&self, package: &str, file: &str) -> Option<String> {
        let prefix = match self.dir.is_empty() {
            true => String::new(),
            false => format!("{}/", self.dir),
        };
        let fits = |path: &&String| -> Option<usize> {
            let inside = path.strip_prefix(&prefix)?;
            let (folder, name) = inside.rsplit_once('/').unwrap_or(("", inside));
            let is_it =
                name == file && (folder.is_empty() || package.ends_with(&format!("/{folder}")));
            is_it.then_some(folder.len())
        };
        self.known
            .iter()
            .filter(|path| fits(path).is_some())
            .max_by_key(|path| fits(path))
            .cloned()
    }
}
