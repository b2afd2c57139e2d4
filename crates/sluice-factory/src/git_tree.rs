//! A git tree as the checks see it: paths and contents, and a folder of them when something must run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use sluice_checks::{Source, SourceFault, Tree};
use sluice_workspace::{Entry, EntryKind, Oid, Repo, WorkspaceError};
use tokio::sync::OnceCell;

/// A larger file is not looked into, in bytes.
const LARGEST: u64 = 16 << 20;

/// The regular files of one tree.
pub(crate) struct GitTree {
    repo: Repo,
    files: BTreeMap<String, Entry>,
}

impl GitTree {
    /// Lists a tree.
    pub(crate) fn open(repo: &Repo, tree: &Oid) -> Result<GitTree, WorkspaceError> {
        let files = repo
            .tree_list(tree)?
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::File)
            .map(|entry| (entry.path.clone(), entry))
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
        let entry = self.files.get(path)?;
        if entry.size > LARGEST {
            return None;
        }
        self.repo.blob_read(&entry.oid).ok()
    }

    fn stamp(&self, path: &str) -> Option<String> {
        let entry = self.files.get(path)?;
        Some(format!("{} {}", u8::from(entry.executable), entry.oid))
    }
}

/// A tree whose files are exported when the first check runs; most often, every answer is known.
pub(crate) struct GitSource {
    files: GitTree,
    tree: Oid,
    place: PathBuf,
    laid_out: OnceCell<()>,
}

impl GitSource {
    /// The files of `tree`, to be exported to `place`, which the caller removes.
    pub(crate) fn open(
        repo: &Repo,
        tree: Oid,
        place: PathBuf,
    ) -> Result<GitSource, WorkspaceError> {
        Ok(GitSource {
            files: GitTree::open(repo, &tree)?,
            tree,
            place,
            laid_out: OnceCell::new(),
        })
    }
}

#[async_trait]
impl Source for GitSource {
    fn files(&self) -> &dyn Tree {
        &self.files
    }

    async fn folder(&self) -> Result<PathBuf, SourceFault> {
        let lay_out = || async {
            let (repo, tree, place) = (self.files.repo.clone(), self.tree, self.place.clone());
            let exported = tokio::task::spawn_blocking(move || repo.snapshot(&tree, &place));
            let exported = exported.await??;
            if !exported.refused.is_empty() {
                tracing::warn!(paths = ?exported.refused, "left links and the like out of a snapshot");
            }
            Ok::<(), SourceFault>(())
        };
        self.laid_out.get_or_try_init(lay_out).await?;
        Ok(self.place.clone())
    }
}
