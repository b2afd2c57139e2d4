//! Files written and deleted through the API: commits of the caller's on `work`, held while a run is open.

use anyhow::Context as _;
use jiff::Timestamp;
use sluice_store::Actor;
use sluice_workspace::{Action, Change, FileState, NewCommit, Oid, Repo, WorkspaceError};

use crate::decide::machinery;
use crate::edits::merge::theirs;
use crate::edits::person::may_edit;
use crate::edits::record::{self, Edit, EditState, Files, Pair, Source};

use crate::edits::told::Told;
use crate::factory::{Factory, now};
use crate::git_names::{WORK, identity};
use crate::refusal::{Asked, Refusal, rel_path};
use crate::view::FileWritten;

/// A larger file is refused, in bytes.
pub const MAX_FILE_BYTES: usize = 16 << 20;

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

impl Precondition {
    fn holds(&self, file: Option<FileState>) -> bool {
        match (self, file) {
            (Precondition::Absent, None) | (Precondition::Present, Some(_)) => true,
            (Precondition::Matches(wanted), Some(file)) => wanted.contains(&file.oid.to_string()),
            _ => false,
        }
    }
}

impl Factory {
    /// Writes a file as a commit of the person's on `work`; while a run is open, it is held.
    ///
    /// # Errors
    /// The path is refused, the precondition does not hold.
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

    /// Deletes a file as a commit of the person's on `work`; while a run is open, it is held.
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
        may_edit(actor)?;
        self.project_record(project).await?;
        // No gate starts between the look and the commit.
        let _hand = self.hand(project).await;
        self.project_record(project).await?;
        let open = self
            .store
            .run_fetch_open(project)
            .await
            .map_err(machinery)?;
        let put = Put {
            change,
            precondition,
            by: actor.name.clone(),
            run: open.map(|open| open.id.to_string()),
            at: now(),
        };
        let (written, told) = self.git(project, move |repo| put.make(&repo)).await??;
        if written.held.is_none() {
            // Also what the working tree has meanwhile, which is no part of this edit.
            self.edits_take_in(project, false).await?;
        }
        if let Some(told) = told {
            let event = told.event(project).by(actor);
            self.store.event_append(event).await.map_err(machinery)?;
        }
        Ok(written)
    }
}

/// One write or deletion.
struct Put {
    change: Change,
    precondition: Precondition,
    by: String,
    run: Option<String>,
    at: Timestamp,
}

type Made = Asked<(FileWritten, Option<Told>)>;

impl Put {
    fn make(self, repo: &Repo) -> anyhow::Result<Made> {
        let work = repo.ref_get(WORK)?.context("the project has no `work`")?;
        let tree = repo.commit_read(&work)?.tree;
        let path = self.change.path.as_str().to_owned();
        let present = theirs(repo, &tree, &path)?;
        let mut held = None;
        if self.run.is_some() {
            let mine = |edit: &Edit| {
                edit.source == Source::Api
                    && edit.person == identity(&self.by)
                    && edit.files.contains_key(&path)
            };
            held = record::open(repo)?.into_iter().find(mine);
        }
        // Who has an edit of the file held has seen that, or what `work` has.
        let own = held
            .as_ref()
            .and_then(|edit| edit.files.get(&path).copied());
        let (before, base) = match own {
            Some(own) if self.precondition.holds(own.mine) => (own.mine, own.base),
            _ => (present, present),
        };
        if self.change.action == Action::Delete && before.is_none() {
            return Ok(Err(Refusal::not_found(format!("file {path:?}"))));
        }
        if !self.precondition.holds(before) {
            let message = match before {
                Some(file) => format!("{path} is {} now", file.oid),
                None => format!("{path} does not exist"),
            };
            return Ok(Err(Refusal::PreconditionFailed { message }));
        }
        let onto = match own {
            Some(_) => repo.tree_set(&tree, &[(path.clone(), before)].into())?,
            None => tree,
        };
        let changed = match repo.tree_build(Some(&onto), std::slice::from_ref(&self.change)) {
            Ok(changed) => changed,
            Err(error @ (WorkspaceError::Io { .. } | WorkspaceError::Git { .. })) => {
                return Err(error.into());
            }
            Err(error) => return Ok(Err(Refusal::invalid("path", error.to_string()))),
        };
        let after = theirs(repo, &changed, &path)?;
        let written = |commit: Oid, held| FileWritten {
            path: path.clone(),
            oid: after.map(|file| file.oid.to_string()),
            commit: commit.to_string(),
            held,
        };
        let pair = Pair { base, mine: after };
        match (&self.run, held) {
            (None, _) if changed == tree => Ok(Ok((written(work, None), None))),
            (None, _) => Ok(self.commit(repo, work, changed, pair)?.map(|commit| {
                let paths = [path.clone()];
                let told = Told::edited(&paths, &self.by, &commit, Source::Api, None, self.at);
                (written(commit, None), Some(told))
            })),
            (Some(_), Some(mut edit)) => {
                edit.files.insert(path.clone(), pair);
                if pair.base == pair.mine {
                    edit.state = EditState::Dropped;
                    edit.by = Some(self.by.clone());
                }
                edit.write(repo, self.at.as_second())?;
                let tip = edit.tip.unwrap_or(work);
                Ok(Ok((written(tip, Some(edit.n)), Told::of(&edit, self.at))))
            }
            (Some(_), None) if changed == tree => Ok(Ok((written(work, None), None))),
            (Some(run), None) => {
                let mut edit = Edit {
                    n: record::next(repo)?,
                    state: EditState::Held,
                    source: Source::Api,
                    person: identity(&self.by),
                    since: self.at.as_second(),
                    run: Some(run.clone()),
                    base: work,
                    tip: None,
                    commit: None,
                    by: None,
                    files: Files::from([(path.clone(), pair)]),
                };
                edit.write(repo, self.at.as_second())?;
                let tip = edit.tip.unwrap_or(work);
                Ok(Ok((written(tip, Some(edit.n)), Told::of(&edit, self.at))))
            }
        }
    }

    fn commit(&self, repo: &Repo, work: Oid, tree: Oid, pair: Pair) -> anyhow::Result<Asked<Oid>> {
        let path = self.change.path.as_str();
        let commit = repo.commit(
            &NewCommit {
                tree,
                parents: vec![work],
                author: identity(&self.by),
                committer: identity(&self.by),
                time: self.at.as_second(),
                message: record::message(&Files::from([(path.to_owned(), pair)])),
                trailers: Vec::new(),
            },
            None,
        )?;
        match repo.ref_move(WORK, Some(work), commit, "an edit") {
            Ok(_) => Ok(Ok(commit)),
            Err(WorkspaceError::Conflict { .. }) => {
                let message =
                    format!("somebody else edited the project at the same time; read {path} again");
                Ok(Err(Refusal::PreconditionFailed { message }))
            }
            Err(error) => Err(error.into()),
        }
    }
}
