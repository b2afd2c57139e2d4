//! Files, trees and history of a project, read.

use jiff::Timestamp;
use sluice_workspace::{CommitInfo, DiffStatus, EntryKind, Oid, Repo};

use crate::factory::{Factory, rfc3339};
use crate::git_names::MAIN;
use crate::refusal::{Asked, Refusal, rel_path};
use crate::view::{BranchView, CommitView, DiffView, EntryView, FileContent, FileDiff, Page};

/// A longer patch of one file is cut, in bytes.
const MAX_PATCH: usize = 200_000;
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

    /// The history of a ref, newest first.
    ///
    /// # Errors
    /// When the project, the ref or the cursor is not there.
    pub async fn commit_list(
        &self,
        project: &str,
        reference: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Asked<Page<CommitView>> {
        let from = self.resolve(project, reference).await?.oid;
        let after = cursor
            .map(|cursor| cursor.parse::<Oid>())
            .transpose()
            .map_err(|_| Refusal::invalid("cursor", "the cursor is not one that was given out"))?;
        let mut commits = self
            .git(project, move |repo| {
                Ok(repo.log(&from, limit + 1, after.as_ref())?)
            })
            .await?;
        let more = commits.len() > limit;
        commits.truncate(limit);
        let next_cursor = commits
            .last()
            .filter(|_| more)
            .map(|last| last.oid.to_string());
        Ok(Page {
            items: commits.into_iter().map(commit_view).collect(),
            next_cursor,
        })
    }

    /// One commit with what it changed against its first parent.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn commit_fetch(&self, project: &str, oid: &str) -> Asked<(CommitView, DiffView)> {
        let commit = self.resolve(project, Some(oid)).await?;
        let shown = commit.clone();
        let diff = self
            .git(project, move |repo| {
                let parent = commit
                    .parents
                    .first()
                    .map(|oid| repo.commit_read(oid))
                    .transpose()?;
                let diff = repo.diff(parent.as_ref().map(|parent| &parent.tree), &commit.tree)?;
                Ok(DiffView {
                    from: parent
                        .map(|parent| parent.oid.to_string())
                        .unwrap_or_default(),
                    to: commit.oid.to_string(),
                    files: diff.files.into_iter().map(file_diff).collect(),
                })
            })
            .await?;
        Ok((commit_view(shown), diff))
    }

    /// What differs between two refs or commits.
    ///
    /// # Errors
    /// When one is not there.
    pub async fn diff(&self, project: &str, from: &str, to: &str) -> Asked<DiffView> {
        let from = self.resolve(project, Some(from)).await?;
        let to = self.resolve(project, Some(to)).await?;
        let diff = self
            .git(project, move |repo| {
                diff_view(&repo, from.oid, to.oid, &from.tree, &to.tree)
            })
            .await?;
        Ok(diff)
    }

    /// The branches with their commits.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn branch_list(&self, project: &str) -> Asked<Vec<BranchView>> {
        self.project_record(project).await?;
        let branches = self.git(project, |repo| Ok(repo.branches()?)).await?;
        Ok(branches
            .into_iter()
            .map(|(name, oid)| BranchView {
                name,
                commit: oid.to_string(),
            })
            .collect())
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

/// What differs between two trees, named by their commits.
pub(crate) fn diff_view(
    repo: &Repo,
    from: Oid,
    to: Oid,
    before: &Oid,
    after: &Oid,
) -> anyhow::Result<DiffView> {
    let diff = repo.diff(Some(before), after)?;
    Ok(DiffView {
        from: from.to_string(),
        to: to.to_string(),
        files: diff.files.into_iter().map(file_diff).collect(),
    })
}

fn file_diff(file: sluice_workspace::DiffFile) -> FileDiff {
    let mut patch = file.patch.unwrap_or_default();
    if patch.len() > MAX_PATCH {
        let end = (0..=MAX_PATCH)
            .rev()
            .find(|at| patch.is_char_boundary(*at))
            .unwrap_or(0);
        patch.truncate(end);
    }
    FileDiff {
        path: file.path,
        old_path: file.old_path,
        status: match file.status {
            DiffStatus::Added => "added",
            DiffStatus::Deleted => "deleted",
            DiffStatus::Renamed => "renamed",
            _ => "modified",
        }
        .to_owned(),
        additions: file.additions,
        deletions: file.deletions,
        patch,
    }
}

fn commit_view(commit: CommitInfo) -> CommitView {
    let at = Timestamp::from_second(commit.time).unwrap_or_default();
    CommitView {
        oid: commit.oid.to_string(),
        tree: commit.tree.to_string(),
        parents: commit.parents.iter().map(Oid::to_string).collect(),
        author: commit.author.name,
        at: rfc3339(at),
        message: commit.message,
        trailers: commit.trailers,
    }
}
