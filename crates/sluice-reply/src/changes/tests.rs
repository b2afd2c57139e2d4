//! Tests of what a reply with edits comes to on a base.

mod diffs;
mod hostile;
mod kept;
mod properties;
mod real;
mod searches;
mod strays;
mod together;

use std::collections::BTreeMap;

use super::*;

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct World(BTreeMap<String, Entry>);

impl World {
    pub(super) fn new(files: &[(&str, &str)]) -> World {
        let mut world = World::default();
        for (path, text) in files {
            world.put(path, text.as_bytes(), false);
        }
        world
    }

    pub(super) fn put(&mut self, path: &str, bytes: &[u8], executable: bool) {
        let entry = Entry::File {
            bytes: bytes.to_vec(),
            executable,
        };
        self.0.insert(path.to_owned(), entry);
    }

    pub(super) fn resolve(&self, text: &str) -> Resolved {
        resolve(&crate::parse(text), self, Taker::Gate).unwrap()
    }

    /// The files after a reply of which nothing is refused.
    #[track_caller]
    pub(super) fn after(&self, text: &str) -> BTreeMap<String, String> {
        let resolved = self.resolve(text);
        assert_eq!(resolved.refused, [], "{text}");
        self.with(&resolved.changes)
    }

    pub(super) fn with(&self, changes: &[FileChange]) -> BTreeMap<String, String> {
        let mut files = self.0.clone();
        for change in changes {
            match &change.action {
                FileAction::Write { bytes, executable } => {
                    let entry = Entry::File {
                        bytes: bytes.clone(),
                        executable: *executable,
                    };
                    files.insert(change.path.as_str().to_owned(), entry);
                }
                FileAction::Delete => drop(files.remove(change.path.as_str())),
            }
        }
        let texts = files.into_iter().map(|(path, entry)| match entry {
            Entry::File { bytes, .. } => (path, String::from_utf8_lossy(&bytes).into_owned()),
            other => (path, format!("{other:?}")),
        });
        texts.collect()
    }

    /// The codes and lines of what is refused; nothing may be half done then.
    #[track_caller]
    pub(super) fn refused(&self, text: &str) -> Vec<(&'static str, usize)> {
        let resolved = self.resolve(text);
        assert_ne!(resolved.refused, [], "{:?}", resolved.changes);
        for refused in &resolved.refused {
            assert!(!refused.message.is_empty());
        }
        let refused = resolved.refused.iter();
        refused.map(|one| (one.code, one.line)).collect()
    }
}

impl Base for World {
    fn entry(&self, path: &str) -> Result<Entry, BaseError> {
        Ok(self.0.get(path).cloned().unwrap_or(Entry::Missing))
    }

    fn paths(&self) -> Result<Vec<String>, BaseError> {
        Ok(self.0.keys().cloned().collect())
    }
}

/// A text in a fence that nothing in it closes.
pub(super) fn fenced(info: &str, text: &str) -> String {
    let run = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(run.max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{fence}{info}\n{text}{end}{fence}\n")
}
