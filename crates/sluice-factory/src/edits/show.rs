//! What is shown of edits that were held.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use anyhow::Context as _;
use jiff::Timestamp;
use sluice_workspace::{FileState, Repo, SkipReason, Skipped};

use crate::edits::merge::{Merged, merge, theirs};
use crate::edits::record::{self, Edit, EditState};
use crate::factory::{Factory, rfc3339};
use crate::git_names::WORK;
use crate::refusal::{Asked, Refusal};
use crate::view::{EditFile, EditSide, EditSummary, EditView, LeftAlone};

/// A longer text is not shown, bytes.
const MAX_TEXT: usize = 200_000;

impl Factory {
    /// The edits that were held, oldest first; all of them, or those in these states.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn edit_list(&self, project: &str, states: &[EditState]) -> Asked<Vec<EditSummary>> {
        self.project_record(project).await?;
        let edits = self.git(project, |repo| record::all(&repo)).await?;
        Ok(edits
            .iter()
            .filter(|edit| states.is_empty() || states.contains(&edit.state))
            .map(summary)
            .collect())
    }

    /// One edit with both sides.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn edit_fetch(&self, project: &str, n: u64) -> Asked<EditView> {
        self.project_record(project).await?;
        let found = self
            .git(project, move |repo| {
                let edit = record::fetch(&repo, n)?;
                edit.map(|edit| view(&repo, &edit)).transpose()
            })
            .await?;
        found.ok_or_else(|| Refusal::not_found(format!("edit {n}")))
    }

    /// What the last look at the working tree found there and left alone.
    pub fn left_alone(&self, project: &str) -> Vec<LeftAlone> {
        let left = self
            .left_alone
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = left.get(project).map(Vec::as_slice).unwrap_or_default();
        left.iter().map(left_view).collect()
    }
}

fn summary(edit: &Edit) -> EditSummary {
    EditSummary {
        id: edit.n,
        state: edit.state.as_str().to_owned(),
        source: edit.source.as_str().to_owned(),
        by: edit.person.name.clone(),
        at: rfc3339(Timestamp::from_second(edit.since).unwrap_or_default()),
        run: edit.run.clone(),
        commit: edit.commit.map(|oid| oid.to_string()),
        ended_by: edit.by.clone(),
        paths: edit.files.keys().cloned().collect(),
    }
}

fn view(repo: &Repo, edit: &Edit) -> anyhow::Result<EditView> {
    let work = repo.ref_get(WORK)?.context("the project has no `work`")?;
    let tree = repo.commit_read(&work)?.tree;
    let conflicts = match merge(repo, edit, &tree, &BTreeMap::new())? {
        Merged::Conflict(conflicts) if edit.state.is_open() => conflicts,
        _ => BTreeMap::new(),
    };
    let mut files = Vec::new();
    for (path, pair) in &edit.files {
        let found = conflicts.get(path);
        files.push(EditFile {
            path: path.clone(),
            base: side(repo, pair.base)?,
            mine: side(repo, pair.mine)?,
            theirs: side(repo, theirs(repo, &tree, path)?)?,
            conflict: found.is_some(),
            marked: found.cloned().flatten().and_then(text),
        });
    }
    Ok(EditView {
        summary: summary(edit),
        version: edit.version(work),
        base: edit.base.to_string(),
        mine: edit.tip.map(|tip| tip.to_string()).unwrap_or_default(),
        theirs: work.to_string(),
        files,
    })
}

fn side(repo: &Repo, file: Option<FileState>) -> anyhow::Result<Option<EditSide>> {
    let Some(FileState { oid, executable }) = file else {
        return Ok(None);
    };
    Ok(Some(EditSide {
        oid: oid.to_string(),
        executable,
        text: text(repo.blob_read(&oid)?),
    }))
}

fn text(bytes: Vec<u8>) -> Option<String> {
    let is_shown = bytes.len() <= MAX_TEXT && !bytes.contains(&0);
    String::from_utf8(bytes).ok().filter(|_| is_shown)
}

fn left_view(left: &Skipped) -> LeftAlone {
    LeftAlone {
        path: left.path.clone(),
        reason: match left.reason {
            SkipReason::Symlink => "symlink",
            SkipReason::NotRegular => "not_regular",
            SkipReason::Refused(reason) => reason.as_str(),
            SkipReason::NotUtf8 => "not_utf8",
            SkipReason::TooLarge => "too_large",
            SkipReason::Unreadable => "unreadable",
        }
        .to_owned(),
    }
}
