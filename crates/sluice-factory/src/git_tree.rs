//! A git tree as the checks see it: paths and contents.

use std::collections::BTreeMap;

use sluice_checks::Tree;
use sluice_workspace::{EntryKind, Oid, Repo, WorkspaceError};

/// A larger file is not looked into, in bytes.
const LARGEST: u64 = 16 << 20;

/// The regular files of one tree.
pub(crate) struct GitTree {
    repo: Repo,
    files: BTreeMap<String, Oid>,
}

impl GitTree {
    /// Lists a tree.
    pub(crate) fn open(repo: &Repo, tree: &Oid) -> Result<GitTree, WorkspaceError> {
        let files = repo
            .tree_list(tree)?
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::File && entry.size <= LARGEST)
            .map(|entry| (entry.path, entry.oid))
            .collect();
        Ok(GitTree {
            repo: repo.clone(),
            files,
        })
    }
}

impl Tree for GitTree {
    fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.repo.blob_read(self.files.get(path)?).ok()
    }
}
