//! History of a project, read page by page: commits, files over time, lines, differences, names.

use jiff::Timestamp;
use sluice_workspace::{
    Blame, BlameRange, CommitInfo, Diff, DiffFile, DiffStatus, HistoryCursor, Oid, Repo,
    WorkspaceError,
};

use crate::factory::{Factory, rfc3339};
use crate::git_names::daemon;
use crate::refusal::{Asked, Refusal, rel_path};
use crate::view::{
    BlameView, BranchView, CommitView, DiffView, FileDiff, LinesView, MadeBy, Page, TagView,
};

/// A longer patch of one file is cut, in bytes.
const MAX_PATCH: usize = 200_000;
/// Files of a difference that are shown with their commit; the rest is had page by page.
const FILES_AT_ONCE: usize = 1_000;

impl Factory {
    /// The history of a ref, newest first; with a path, the commits that changed what is there.
    ///
    /// # Errors
    /// When the project or the ref is not there, or the path or the cursor is refused.
    pub async fn commit_list(
        &self,
        project: &str,
        reference: Option<&str>,
        path: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Asked<Page<CommitView>> {
        let from = self.resolve(project, reference).await?.oid;
        let path = path.map(rel_path).transpose()?;
        let cursor = cursor
            .map(|cursor| cursor.parse::<HistoryCursor>())
            .transpose()
            .map_err(|_| bad_cursor())?;
        let page = self
            .git(project, move |repo| {
                match repo.history(&from, path.as_ref(), cursor.as_ref(), limit) {
                    Ok(page) => Ok(Ok(page)),
                    // What the cursor names is not of this history.
                    Err(WorkspaceError::OtherCursor) => Ok(Err(bad_cursor())),
                    Err(WorkspaceError::Missing { .. }) if cursor.is_some() => {
                        Ok(Err(bad_cursor()))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await??;
        Ok(Page {
            items: page.commits.into_iter().map(commit_view).collect(),
            next_cursor: page.next.map(|next| next.to_string()),
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
                let between = Between {
                    from: commit.parents.first().copied(),
                    to: commit.oid,
                    skip: 0,
                };
                between.page(&repo, FILES_AT_ONCE)
            })
            .await?;
        Ok((commit_view(shown), diff))
    }

    /// What differs between two refs or commits. With a cursor, the rest of an earlier answer, whatever the
    /// refs are now.
    ///
    /// # Errors
    /// When one is not there, or the cursor is refused.
    pub async fn diff(
        &self,
        project: &str,
        from: &str,
        to: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Asked<DiffView> {
        let between = match cursor {
            Some(cursor) => {
                self.project_record(project).await?;
                Between::parse(cursor).ok_or_else(bad_cursor)?
            }
            None => Between {
                from: Some(self.resolve(project, Some(from)).await?.oid),
                to: self.resolve(project, Some(to)).await?.oid,
                skip: 0,
            },
        };
        let is_cursor = cursor.is_some();
        self.git(project, move |repo| match between.page(&repo, limit) {
            Ok(view) => Ok(Ok(view)),
            Err(error)
                if is_cursor
                    && matches!(error.downcast_ref(), Some(WorkspaceError::Missing { .. })) =>
            {
                Ok(Err(bad_cursor()))
            }
            Err(error) => Err(error),
        })
        .await?
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

    /// The tags with the commits that they lead to.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn tag_list(&self, project: &str) -> Asked<Vec<TagView>> {
        self.project_record(project).await?;
        let tags = self.git(project, |repo| Ok(repo.tags()?)).await?;
        Ok(tags
            .into_iter()
            .map(|(name, oid)| TagView {
                name,
                commit: oid.to_string(),
            })
            .collect())
    }

    /// Whom the lines of a file come from, `limit` lines from the one numbered `first` (1 is the first) on.
    ///
    /// # Errors
    /// When the project, the ref or the file is not there, or the file is no text.
    pub async fn blame(
        &self,
        project: &str,
        path: &str,
        reference: Option<&str>,
        first: usize,
        limit: usize,
    ) -> Asked<BlameView> {
        let path = rel_path(path)?;
        let commit = self.resolve(project, reference).await?;
        let shown = path.as_str().to_owned();
        let start = first.saturating_sub(1);
        let end = start.saturating_add(limit);
        let blame = self
            .git(project, move |repo| {
                Ok(repo.blame(&commit.oid, &path, start..end)?)
            })
            .await?;
        match blame {
            Blame::NoFile => Err(Refusal::not_found(format!("file {shown:?}"))),
            Blame::NotText => Err(Refusal::invalid(
                "path",
                format!("{shown} is binary or too large to be looked into line by line"),
            )),
            Blame::Lines {
                total,
                ranges,
                commits,
            } => Ok(BlameView {
                commit: commit.oid.to_string(),
                items: ranges
                    .iter()
                    .map(|range| lines_view(range, |oid| commits.get(oid)))
                    .collect(),
                next_cursor: (end < total).then(|| (end + 1).to_string()),
            }),
        }
    }
}

fn bad_cursor() -> Refusal {
    Refusal::invalid("cursor", "the cursor is not one that was given out")
}

/// Two commits, and how many of the files that differ were shown before.
#[derive(Clone, Copy)]
struct Between {
    /// `None`: nothing, as before a first commit.
    from: Option<Oid>,
    to: Oid,
    skip: usize,
}

impl Between {
    fn parse(cursor: &str) -> Option<Self> {
        let [from, to, skip] = cursor.split('.').collect::<Vec<_>>().try_into().ok()?;
        Some(Self {
            from: match from {
                "" => None,
                from => Some(from.parse().ok()?),
            },
            to: to.parse().ok()?,
            skip: skip.parse().ok()?,
        })
    }

    fn page(self, repo: &Repo, limit: usize) -> anyhow::Result<DiffView> {
        let before = self.from.map(|oid| repo.commit_read(&oid)).transpose()?;
        let after = repo.commit_read(&self.to)?;
        let before = before.as_ref().map(|commit| &commit.tree);
        let diff = repo.diff_page(before, &after.tree, self.skip, limit)?;
        let from = self.from.map(|oid| oid.to_string()).unwrap_or_default();
        let shown = self.skip + diff.files.len();
        let next_cursor = (shown < diff.total).then(|| format!("{from}.{}.{shown}", self.to));
        Ok(DiffView {
            from,
            to: self.to.to_string(),
            files: diff.files.into_iter().map(file_diff).collect(),
            next_cursor,
        })
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
    let Diff { files, total } = repo.diff_page(Some(before), after, 0, FILES_AT_ONCE)?;
    Ok(DiffView {
        from: from.to_string(),
        to: to.to_string(),
        next_cursor: (files.len() < total).then(|| format!("{from}.{to}.{}", files.len())),
        files: files.into_iter().map(file_diff).collect(),
    })
}

fn file_diff(file: DiffFile) -> FileDiff {
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

fn lines_view<'a>(
    range: &BlameRange,
    commit: impl Fn(&Oid) -> Option<&'a CommitInfo>,
) -> LinesView {
    let commit = range.commit.as_ref().and_then(commit);
    LinesView {
        first: range.first,
        lines: range.lines,
        commit: commit.map(|commit| commit.oid.to_string()),
        author: commit.map(|commit| commit.author.name.clone()),
        at: commit.map(|commit| rfc3339(Timestamp::from_second(commit.time).unwrap_or_default())),
        summary: commit.map(|commit| commit.message.lines().next().unwrap_or_default().to_owned()),
        made_by: commit.and_then(made_by),
    }
}

/// The attempt that a commit is of. Only what the daemon committed is believed: its trailers are its own.
fn made_by(commit: &CommitInfo) -> Option<MadeBy> {
    if commit.committer != daemon() {
        return None;
    }
    let trailer = |key: &str| {
        let found = commit.trailers.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone())
    };
    Some(MadeBy {
        gate: trailer("Gate")?,
        run: trailer("Run")?,
        attempt: trailer("Attempt")?.parse().ok()?,
        agent: trailer("Agent")?,
    })
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
