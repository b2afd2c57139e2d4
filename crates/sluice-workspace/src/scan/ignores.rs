//! Says what git would leave out of a commit: ignored by a `.gitignore`, and not tracked.

use std::collections::BTreeSet;
use std::path::Path;

use git2::Index;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::guard::Root;

/// The rules that hold in the folder that is being read.
pub(crate) struct Ignores {
    /// The ignore files from the root down.
    stack: Vec<Gitignore>,
    /// What the folder's own index knows: a tracked file is never ignored.
    tracked: BTreeSet<Vec<u8>>,
}

impl Ignores {
    pub(crate) fn new(root: &Root) -> Self {
        let tracked = tracked(root).unwrap_or_default();
        Self {
            stack: Vec::new(),
            tracked,
        }
    }

    /// As [`Ignores::new`], with the tracked paths said by the caller.
    pub(crate) fn with(tracked: BTreeSet<Vec<u8>>) -> Self {
        Self {
            stack: Vec::new(),
            tracked,
        }
    }

    /// Enters a folder whose ignore file, if it has one, holds `rules`.
    pub(crate) fn push(&mut self, folder: &str, rules: &[u8]) {
        let mut builder = GitignoreBuilder::new(Path::new("/").join(folder));
        let text = String::from_utf8_lossy(rules);
        for line in text.trim_start_matches('\u{feff}').lines() {
            // A line that is no pattern ignores nothing, as in git.
            let _ = builder.add_line(None, line);
        }
        self.stack
            .push(builder.build().unwrap_or_else(|_| Gitignore::empty()));
    }

    /// Leaves a folder.
    pub(crate) fn pop(&mut self) {
        self.stack.pop();
    }

    /// Whether the rules ignore a path: the deepest ignore file that mentions it decides.
    pub(crate) fn ignores(&self, path: &str, is_dir: bool) -> bool {
        let path = Path::new("/").join(path);
        for rules in self.stack.iter().rev() {
            match rules.matched(&path, is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    /// Whether a path, or something below it, is tracked.
    pub(crate) fn tracks(&self, path: &str, is_dir: bool) -> bool {
        if !is_dir {
            return self.tracked.contains(path.as_bytes());
        }
        let below = format!("{path}/").into_bytes();
        let next = self.tracked.range(below.clone()..).next();
        next.is_some_and(|tracked| tracked.starts_with(&below))
    }
}

/// The paths in the folder's index; none without a plain `.git` folder and a readable index.
fn tracked(root: &Root) -> Option<BTreeSet<Vec<u8>>> {
    if !root.is_regular(".git/index") {
        return None;
    }
    // Opened without its repository, so that no configuration of it is read.
    let index = Index::open(&root.path().join(".git/index")).ok()?;
    Some(index.iter().map(|entry| entry.path).collect())
}
