//! Files, trees and history of a project, and the edits that people make.

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;
use sluice_path::RelPath;
use sluice_store::{Actor, EventSeq, NewEvent, Role};
use sluice_workspace::{Change, CommitInfo, DiffStatus, EntryKind, NewCommit, Oid, Repo};

use crate::check::project_event;
use crate::decide::machinery;
use crate::factory::{Factory, now, rfc3339};
use crate::git_names::{MAIN, WORK, daemon, identity};
use crate::refusal::{Asked, Refusal};
use crate::view::{
    BranchView, CommitView, DiffView, EntryView, FileContent, FileDiff, FileWritten, Page,
};

/// A larger file is refused, in bytes.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// A longer patch of one file is cut, in bytes.
const MAX_PATCH: usize = 200_000;
/// The event that tells of a person's edit.
const EDITED: &str = "file.edited";
/// What the message of a person's edit begins with.
const VERBS: [&str; 3] = ["Add", "Edit", "Delete"];
/// How many edits are looked at for one that was not told of: as many as can be made at one time.
const MOST_EDITS: usize = 100;

/// What must hold of a file before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// It must not exist (`If-None-Match: *`).
    Absent,
    /// It must be one of these blobs (`If-Match`).
    Matches(Vec<String>),
    /// It must exist (`If-Match: *`).
    Present,
}

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

    /// Writes a file as a commit of the person's on `work`.
    ///
    /// # Errors
    /// The path is refused, the precondition does not hold, a run is open on what would be changed.
    pub async fn file_write(
        &self,
        project: &str,
        path: &str,
        bytes: Vec<u8>,
        precondition: Precondition,
        actor: &Actor,
    ) -> Asked<FileWritten> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(Refusal::invalid(
                "body",
                format!("a file has at most {MAX_FILE_BYTES} bytes"),
            ));
        }
        let path = rel_path(path)?;
        let change = Change::write(path, bytes);
        self.edit(project, change, precondition, actor).await
    }

    /// Deletes a file as a commit of the person's on `work`.
    ///
    /// # Errors
    /// As [`Factory::file_write`], and when it is not there.
    pub async fn file_delete(
        &self,
        project: &str,
        path: &str,
        precondition: Precondition,
        actor: &Actor,
    ) -> Asked<FileWritten> {
        let path = rel_path(path)?;
        self.edit(project, Change::delete(path), precondition, actor)
            .await
    }

    async fn edit(
        &self,
        project: &str,
        change: Change,
        precondition: Precondition,
        actor: &Actor,
    ) -> Asked<FileWritten> {
        if actor.role < Role::Operator {
            return Err(Refusal::forbidden(
                "role",
                "the role operator is needed to edit files",
            ));
        }
        self.project_record(project).await?;
        // No gate starts between the look and the commit.
        let _hand = self.hand(project).await;
        self.project_record(project).await?;
        if let Some(open) = self
            .store
            .run_fetch_open(project)
            .await
            .map_err(machinery)?
        {
            let message = format!(
                "{} is {}; what it works on cannot be edited meanwhile: decide on it or cancel it first",
                open.run.gate(),
                open.run.state()
            );
            return Err(Refusal::conflict("run_open", message));
        }
        let at = now();
        let path = change.path.clone();
        let author = actor.name.clone();
        let edited = self
            .git(project, move |repo| {
                edit_work(&repo, change, precondition, &author, at)
            })
            .await?;
        let (commit, oid) = edited?;
        self.work_tree_settle(project).await?;
        let event = edited_event(project, path.as_str(), &actor.name, &commit, at);
        self.store.event_append(event).await.map_err(machinery)?;
        Ok(FileWritten {
            path: path.as_str().to_owned(),
            oid,
            commit,
        })
    }

    /// Tells of the edits that a killed process made and did not come to tell of.
    pub(crate) async fn edits_tell(&self, project: &str) -> anyhow::Result<()> {
        let mut untold = self.git(project, |repo| edits_on_top(&repo)).await?;
        let mut after = EventSeq(0);
        // One of the newest commits is a person's only until the next attempt, so this is rarely walked.
        while !untold.is_empty() {
            let events = self.store.event_list(after, Some(project), 500).await?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            for event in events.iter().filter(|event| event.kind == EDITED) {
                untold.retain(|edit| event.body["commit"] != edit.oid.to_string());
            }
        }
        for edit in untold.iter().rev() {
            let (_, path) = edit_of(edit).unwrap_or_default();
            let at = Timestamp::from_second(edit.time)?;
            let event = edited_event(project, path, &edit.author.name, &edit.oid.to_string(), at);
            self.store.event_append(event).await?;
        }
        Ok(())
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

type Edited = Asked<(String, Option<String>)>;

fn edited_event(project: &str, path: &str, by: &str, commit: &str, at: Timestamp) -> NewEvent {
    let body = json!({ "path": path, "by": by, "commit": commit });
    project_event(project, EDITED, body, at)
}

/// The edits of people that `work` ends with, newest first.
fn edits_on_top(repo: &Repo) -> anyhow::Result<Vec<CommitInfo>> {
    let Some(work) = repo.ref_get(WORK)? else {
        return Ok(Vec::new());
    };
    let newest = repo.log(&work, MOST_EDITS, None)?;
    Ok(newest
        .into_iter()
        .take_while(|commit| edit_of(commit).is_some())
        .collect())
}

/// The verb and the path of an edit; `None` for any other commit.
fn edit_of(commit: &CommitInfo) -> Option<(&str, &str)> {
    let is_person =
        commit.committer == identity(&commit.author.name) && commit.committer != daemon();
    let (verb, path) = commit.message.trim_end().split_once(' ')?;
    (is_person && VERBS.contains(&verb)).then_some((verb, path))
}

fn edit_work(
    repo: &Repo,
    change: Change,
    precondition: Precondition,
    author: &str,
    at: Timestamp,
) -> anyhow::Result<Edited> {
    let work = repo.ref_get(WORK)?.context("the project has no `work`")?;
    let before = repo.commit_read(&work)?;
    let present = repo.file_read(&before.tree, &change.path)?;
    let oid = present.as_ref().map(|entry| entry.oid.to_string());
    let path = change.path.as_str().to_owned();
    let deletes = change.action == sluice_workspace::Action::Delete;
    if deletes && present.is_none() {
        return Ok(Err(Refusal::not_found(format!("file {path:?}"))));
    }
    let holds = match (&precondition, &oid) {
        (Precondition::Absent, None) | (Precondition::Present, Some(_)) => true,
        (Precondition::Matches(wanted), Some(oid)) => wanted.contains(oid),
        _ => false,
    };
    if !holds {
        let message = match oid {
            Some(oid) => format!("{path} is {oid} now"),
            None => format!("{path} does not exist"),
        };
        return Ok(Err(Refusal::PreconditionFailed { message }));
    }
    let tree = match repo.tree_build(Some(&before.tree), std::slice::from_ref(&change)) {
        Ok(tree) => tree,
        Err(
            error @ (sluice_workspace::WorkspaceError::Io { .. }
            | sluice_workspace::WorkspaceError::Git { .. }),
        ) => {
            return Err(error.into());
        }
        Err(error) => return Ok(Err(Refusal::invalid("path", error.to_string()))),
    };
    let new_oid = repo
        .file_read(&tree, &change.path)?
        .map(|entry| entry.oid.to_string());
    if tree == before.tree {
        return Ok(Ok((work.to_string(), new_oid)));
    }
    let [add, edit, delete] = VERBS;
    let verb = match (deletes, oid.is_some()) {
        (true, _) => delete,
        (false, true) => edit,
        (false, false) => add,
    };
    let commit = repo.commit(
        &NewCommit {
            tree,
            parents: vec![work],
            author: identity(author),
            committer: identity(author),
            time: at.as_second(),
            message: format!("{verb} {path}"),
            trailers: Vec::new(),
        },
        None,
    )?;
    match repo.ref_move(WORK, Some(work), commit, "an edit") {
        Ok(_) => Ok(Ok((commit.to_string(), new_oid))),
        Err(sluice_workspace::WorkspaceError::Conflict { .. }) => {
            let message =
                format!("somebody else edited the project at the same time; read {path} again");
            Ok(Err(Refusal::PreconditionFailed { message }))
        }
        Err(error) => Err(error.into()),
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

fn rel_path(path: &str) -> Asked<RelPath> {
    RelPath::parse(path).map_err(|refusal| Refusal::Invalid {
        field: "path",
        message: format!("{} ({})", refusal.message, refusal.reason.as_str()),
    })
}
