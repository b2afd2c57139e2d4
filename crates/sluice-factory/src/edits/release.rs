//! Brings held edits onto `work` when no run is open, and tells of what a killed process did not tell.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sluice_store::EventSeq;
use sluice_workspace::{CommitInfo, NewCommit, Oid, Repo};

use crate::edits::merge::{Merged, merge};
use crate::edits::record::{self, Edit, EditState, Source};
use crate::edits::told::Told;
use crate::factory::{Factory, now};
use crate::git_names::{WORK, daemon};
use crate::work_tree::{Settled, TakeIn};

/// How many edits are looked at for one that was not told of: as many as can be made at one time.
const MOST_EDITS: usize = 100;
/// How many of the newest events are looked at for the time of the last one.
const RECENT: i64 = 500;
/// What is told of later than this after it happened, seconds, is not lost to a kill.
const MOST_SECONDS: i64 = 60;
/// The trailer of a commit that an edit became.
pub(crate) const EDIT: &str = "Edit";

impl Factory {
    /// Takes in what people did: what the working tree has, and what was held for a run that has ended. The caller
    /// holds the project's hand. While a run is open, edits are only held.
    pub(crate) async fn edits_take_in(
        &self,
        project: &str,
        is_patient: bool,
    ) -> anyhow::Result<Settled> {
        let is_open = self.store.run_fetch_open(project).await?.is_some();
        let how = if is_open {
            TakeIn::Hold
        } else {
            TakeIn::Commit
        };
        let settled = self.settle(project, how, is_patient).await?;
        if is_open {
            return Ok(settled);
        }
        let at = now();
        let released = self.git(project, move |repo| release(&repo, at)).await?;
        if released.is_empty() {
            return Ok(settled);
        }
        for told in released {
            self.store.event_append(told.event(project)).await?;
        }
        self.settle(project, how, is_patient).await
    }

    /// Looks at the working tree and takes in what people changed, as the watch does; `None` when the project is gone.
    /// With `is_patient`, nothing happens while a file is being written.
    ///
    /// # Errors
    /// The disk's fault, or the store's.
    pub async fn edits_look(
        &self,
        project: &str,
        is_patient: bool,
    ) -> anyhow::Result<Option<Settled>> {
        let _hand = self.hand(project).await;
        let record = self.store.project_fetch(project).await?;
        if record.is_none_or(|record| record.deleted_at.is_some()) {
            return Ok(None);
        }
        self.edits_take_in(project, is_patient).await.map(Some)
    }

    /// Brings held edits onto `work` after a run has ended. A fault is tried again with the next look.
    pub(crate) async fn edits_release(&self, project: &str) {
        let released = async {
            if self.store.run_fetch_open(project).await?.is_none() {
                self.edits_look(project, false).await?;
            }
            anyhow::Ok(())
        };
        if let Err(error) = released.await {
            let error = format!("{error:#}");
            tracing::warn!(project, error, "held edits wait until the next look");
        }
    }

    /// Tells of the edits that a killed process made and did not come to tell of.
    pub(crate) async fn edits_tell(&self, project: &str) -> anyhow::Result<()> {
        let newest = self.store.events_watch().borrow().0;
        let recent = EventSeq((newest - RECENT).max(0));
        let recent = self.store.event_list(recent, Some(project), 500).await?;
        let since = recent
            .last()
            .map(|event| event.at.as_second() - MOST_SECONDS);
        let mut untold = self.git(project, move |repo| untold(&repo, since)).await?;
        let mut after = EventSeq(0);
        // One of the newest commits is a person's only until the next attempt, so this is rarely walked.
        while !untold.is_empty() {
            let events = self.store.event_list(after, Some(project), 500).await?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            for event in &events {
                untold.retain(|told| !told.is(&event.kind, &event.body));
            }
        }
        for told in untold {
            self.store.event_append(told.event(project)).await?;
        }
        Ok(())
    }
}

/// Merges what is held into `work`, oldest first.
fn release(repo: &Repo, at: Timestamp) -> anyhow::Result<Vec<Told>> {
    let mut told = Vec::new();
    for mut edit in record::open(repo)? {
        let Some(work) = repo.ref_get(WORK)? else {
            break;
        };
        if let Some(commit) = already(repo, &work, edit.n)? {
            // Killed between the commit and its record.
            edit.state = match edit.state {
                EditState::Conflict => {
                    edit.by = Some(repo.commit_read(&commit)?.author.name);
                    EditState::Resolved
                }
                _ => EditState::Applied,
            };
            edit.commit = Some(commit);
            edit.write(repo, at.as_second())?;
            told.extend(Told::of(&edit, at));
            continue;
        }
        let tree = repo.commit_read(&work)?.tree;
        match merge(repo, &edit, &tree, &BTreeMap::new())? {
            Merged::Clean(merged) => {
                let commit = commit(repo, &edit, work, merged, &edit.person.name, at)?;
                edit.state = EditState::Applied;
                edit.commit = Some(commit);
                edit.write(repo, at.as_second())?;
                if commit != work {
                    let paths: Vec<String> = edit.files.keys().cloned().collect();
                    let by = &edit.person.name;
                    told.push(Told::edited(
                        &paths,
                        by,
                        &commit,
                        edit.source,
                        Some(edit.n),
                        at,
                    ));
                }
            }
            Merged::Conflict(_) if edit.state != EditState::Conflict => {
                edit.state = EditState::Conflict;
                edit.commit = Some(work);
                edit.write(repo, at.as_second())?;
                told.extend(Told::of(&edit, at));
            }
            Merged::Conflict(_) => {}
        }
    }
    Ok(told)
}

/// Puts an edit on `work`; where it changes nothing, `work` stays.
pub(crate) fn commit(
    repo: &Repo,
    edit: &Edit,
    work: Oid,
    tree: Oid,
    by: &str,
    at: Timestamp,
) -> anyhow::Result<Oid> {
    if tree == repo.commit_read(&work)?.tree {
        return Ok(work);
    }
    let author = if by == edit.person.name {
        edit.person.clone()
    } else {
        crate::git_names::identity(by)
    };
    let commit = repo.commit(
        &NewCommit {
            tree,
            parents: vec![work],
            author: author.clone(),
            committer: author,
            time: at.as_second(),
            message: record::message(&edit.files),
            trailers: vec![(EDIT.to_owned(), edit.n.to_string())],
        },
        None,
    )?;
    repo.ref_move(WORK, Some(work), commit, "an edit that was held")?;
    Ok(commit)
}

/// The commit on top of `work` that an edit became.
pub(crate) fn already(repo: &Repo, work: &Oid, n: u64) -> anyhow::Result<Option<Oid>> {
    let number = n.to_string();
    let of = |commit: &CommitInfo| {
        let mut trailers = commit.trailers.iter();
        trailers.any(|(key, value)| key == EDIT && *value == number)
    };
    let newest = repo.log(work, MOST_EDITS)?;
    let found = newest
        .iter()
        .filter(|commit| is_persons(commit))
        .find(|commit| of(commit));
    Ok(found.map(|commit| commit.oid))
}

/// What would be told of the edits that `work` ends with, of those that are open, and of those that ended after
/// `since`, oldest first.
fn untold(repo: &Repo, since: Option<i64>) -> anyhow::Result<Vec<Told>> {
    let mut told = Vec::new();
    if let Some(work) = repo.ref_get(WORK)? {
        let newest = repo.log(&work, MOST_EDITS)?;
        for commit in newest.iter().take_while(|commit| is_persons(commit)) {
            told.push(told_of(repo, commit)?);
        }
        told.reverse();
    }
    for edit in record::all(repo)? {
        let at = if edit.state.is_open() {
            edit.since
        } else {
            match edit.tip {
                Some(tip) => repo.commit_read(&tip)?.time,
                None => continue,
            }
        };
        if edit.state.is_open() || since.is_none_or(|since| at >= since) {
            told.extend(Told::of(&edit, Timestamp::from_second(at)?));
        }
    }
    Ok(told)
}

fn told_of(repo: &Repo, commit: &CommitInfo) -> anyhow::Result<Told> {
    let mut paths = Vec::new();
    if let Some(parent) = commit.parents.first() {
        let before = repo.commit_read(parent)?.tree;
        let differences = repo.file_differences(&before, &commit.tree)?;
        paths.extend(differences.into_iter().map(|one| one.path));
    }
    let trailer = commit.trailers.iter().find(|(key, _)| key == EDIT);
    let edit = trailer.and_then(|(_, n)| n.parse().ok());
    let source = match edit.map(|n| record::fetch(repo, n)).transpose()?.flatten() {
        Some(edit) => edit.source,
        None => Source::Api,
    };
    let at = Timestamp::from_second(commit.time)?;
    let by = &commit.author.name;
    Ok(Told::edited(&paths, by, &commit.oid, source, edit, at))
}

/// Whether a commit on `work` is a person's: the attempts are committed by the daemon.
pub(crate) fn is_persons(commit: &CommitInfo) -> bool {
    commit.committer == commit.author && commit.committer != daemon()
}
