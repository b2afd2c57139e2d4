//! Files and trees of a project, read.

use sluice_workspace::{CommitInfo, EntryKind, Oid};

use crate::factory::Factory;
use crate::git_names::MAIN;
use crate::refusal::{Asked, Refusal, rel_path};
use crate::view::{EntryView, FileContent};

impl Factory {
    /// The tree of a ref, commit or branch; `work` when none is named.
    ///
    /// # Errors
    /// When the project or the ref is not there.
    pub async fn tree_list(
        &self,
        project: &str,
        reference: Option<&str>,
    ) -> Asked<(String, Vec<EntryView>)> {
        let commit = self.resolve(project, reference).await?;
        let oid = commit.tree;
        let entries = self
            .git(project, move |repo| Ok(repo.tree_list(&oid)?))
            .await?
            .into_iter()
            .map(|entry| EntryView {
                path: entry.path,
                oid: entry.oid.to_string(),
                size: entry.size,
                kind: match (entry.kind, entry.executable) {
                    (EntryKind::File, false) => "file",
                    (EntryKind::File, true) => "executable",
                    (EntryKind::Symlink, _) => "link",
                    (EntryKind::Submodule, _) => "submodule",
                }
                .to_owned(),
            })
            .collect();
        Ok((oid.to_string(), entries))
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// When it is not there, or the path is refused.
    pub async fn file_read(
        &self,
        project: &str,
        path: &str,
        reference: Option<&str>,
    ) -> Asked<FileContent> {
        let path = rel_path(path)?;
        let commit = self.resolve(project, reference).await?;
        let shown = path.clone();
        let entry = self
            .git(
                project,
                move |repo| Ok(repo.file_read(&commit.tree, &path)?),
            )
            .await?;
        entry
            .map(|entry| FileContent {
                oid: entry.oid.to_string(),
                bytes: entry.bytes,
            })
            .ok_or_else(|| Refusal::not_found(format!("file {shown:?}", shown = shown.as_str())))
    }

    /// The commit that a name stands for: a branch, a tag, a full ref, a commit id; `work` when none.
    pub(crate) async fn resolve(&self, project: &str, name: Option<&str>) -> Asked<CommitInfo> {
        self.project_record(project).await?;
        let name = name.unwrap_or("work").to_owned();
        let shown = name.clone();
        let found = self
            .git(project, move |repo| {
                let candidates = match name.as_str() {
                    "HEAD" => vec![MAIN.to_owned()],
                    full if full.starts_with("refs/") => vec![full.to_owned()],
                    short => vec![format!("refs/heads/{short}"), format!("refs/tags/{short}")],
                };
                for candidate in candidates {
                    // A name that git does not allow for a ref names nothing.
                    if let Ok(Some(oid)) = repo.ref_get(&candidate) {
                        return Ok(repo.commit_read(&oid).ok());
                    }
                }
                Ok(name
                    .parse::<Oid>()
                    .ok()
                    .and_then(|oid| repo.commit_read(&oid).ok()))
            })
            .await?;
        found.ok_or_else(|| Refusal::not_found(format!("ref {shown:?}")))
    }
}
