//! What people decide about an edit that is held or in conflict.

use std::collections::BTreeMap;

use anyhow::Context as _;
use jiff::Timestamp;
use sluice_store::Actor;
use sluice_workspace::{FileState, Oid, Repo};

use crate::decide::machinery;
use crate::edits::merge::{Merged, merge, theirs};
use crate::edits::person::may_edit;
use crate::edits::put::MAX_FILE_BYTES;
use crate::edits::record::{self, Edit, EditState};
use crate::edits::release::{already, commit};
use crate::edits::told::Told;
use crate::factory::{Factory, now};
use crate::git_names::WORK;
use crate::refusal::{Asked, Refusal};
use crate::view::EditView;

/// What holds of a file that two sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Take {
    /// The person's side.
    Mine,
    /// What `work` has.
    Theirs,
    /// This.
    Content(Vec<u8>),
}

/// What holds of an edit's files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// What holds of these.
    pub files: BTreeMap<String, Take>,
    /// What holds of the others that are in conflict.
    pub others: Option<Take>,
    /// The versions of the edit ([`EditView::version`]) that the person may have looked at; `None`: any.
    pub seen: Option<Vec<String>>,
}

impl Factory {
    /// Says what holds of the files of an edit that is in conflict; the others are merged. It becomes a commit of the
    /// one who says so.
    ///
    /// # Errors
    /// It is not there or has ended, a run is open, a file that needs a decision has none, it is not as the person
    /// saw it.
    pub async fn edit_resolve(
        &self,
        project: &str,
        n: u64,
        resolution: Resolution,
        actor: &Actor,
    ) -> Asked<EditView> {
        may_edit(actor)?;
        for take in resolution.files.values().chain(&resolution.others) {
            if matches!(take, Take::Content(bytes) if bytes.len() > MAX_FILE_BYTES) {
                let message = format!("a file has at most {MAX_FILE_BYTES} bytes");
                return Err(Refusal::invalid("files", message));
            }
        }
        self.project_record(project).await?;
        let _hand = self.hand(project).await;
        self.project_record(project).await?;
        if let Some(open) = self
            .store
            .run_fetch_open(project)
            .await
            .map_err(machinery)?
        {
            let message = format!(
                "{} is {}; the edit waits until it is decided or cancelled",
                open.run.gate(),
                open.run.state()
            );
            return Err(Refusal::conflict("run_open", message));
        }
        // What is on disk is the person's side.
        self.edits_take_in(project, false).await?;
        let (at, by) = (now(), actor.name.clone());
        let resolved = self
            .git(project, move |repo| resolve(&repo, n, resolution, &by, at))
            .await?;
        for told in resolved? {
            let event = told.event(project).by(actor);
            self.store.event_append(event).await.map_err(machinery)?;
        }
        self.edits_take_in(project, false).await?;
        self.edit_fetch(project, n).await
    }

    /// Gives an edit up. What the person wrote stays in git; the working tree shows `work` again.
    ///
    /// # Errors
    /// It is not there, or ended already.
    pub async fn edit_drop(&self, project: &str, n: u64, actor: &Actor) -> Asked<EditView> {
        may_edit(actor)?;
        self.project_record(project).await?;
        let _hand = self.hand(project).await;
        self.project_record(project).await?;
        self.edits_take_in(project, false).await?;
        let (at, by) = (now(), actor.name.clone());
        let dropped = self
            .git(project, move |repo| {
                let mut edit = match open_edit(&repo, n)? {
                    Ok(edit) => edit,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                edit.state = EditState::Dropped;
                edit.by = Some(by);
                edit.write(&repo, at.as_second())?;
                Ok(Ok(Told::of(&edit, at)))
            })
            .await?;
        if let Some(told) = dropped? {
            let event = told.event(project).by(actor);
            self.store.event_append(event).await.map_err(machinery)?;
        }
        self.edits_take_in(project, false).await?;
        self.edit_fetch(project, n).await
    }
}

fn open_edit(repo: &Repo, n: u64) -> anyhow::Result<Asked<Edit>> {
    let Some(edit) = record::fetch(repo, n)? else {
        return Ok(Err(Refusal::not_found(format!("edit {n}"))));
    };
    if !edit.state.is_open() {
        let message = format!("edit {n} is {} already", edit.state.as_str());
        return Ok(Err(Refusal::conflict("edit_ended", message)));
    }
    Ok(Ok(edit))
}

fn resolve(
    repo: &Repo,
    n: u64,
    resolution: Resolution,
    by: &str,
    at: Timestamp,
) -> anyhow::Result<Asked<Vec<Told>>> {
    let mut edit = match open_edit(repo, n)? {
        Ok(edit) => edit,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let work = repo.ref_get(WORK)?.context("the project has no `work`")?;
    let tree = repo.commit_read(&work)?.tree;
    let Resolution {
        files,
        others,
        seen,
    } = resolution;
    if seen.is_some_and(|seen| !seen.contains(&edit.version(work))) {
        let message = format!("edit {n}, or `work`, has changed meanwhile; look at it again");
        return Ok(Err(Refusal::PreconditionFailed { message }));
    }
    if let Some(other) = files.keys().find(|path| !edit.files.contains_key(*path)) {
        let message = format!("{other:?} is no file of edit {n}; GET …/edits/{n} lists them");
        return Ok(Err(Refusal::invalid("files", message)));
    }
    let mut decided = BTreeMap::new();
    for (path, take) in files {
        let file = taken(repo, &edit, &tree, &path, &take)?;
        decided.insert(path, file);
    }
    // A file that gives way to a folder is found only when the others are decided.
    let merged: Oid = loop {
        match (merge(repo, &edit, &tree, &decided)?, &others) {
            (Merged::Clean(merged), _) => break merged,
            (Merged::Conflict(open), Some(take))
                if open.keys().any(|path| !decided.contains_key(path)) =>
            {
                for path in open.into_keys() {
                    let file = taken(repo, &edit, &tree, &path, take)?;
                    decided.entry(path).or_insert(file);
                }
            }
            (Merged::Conflict(open), _) => {
                let open: Vec<&str> = open.keys().map(String::as_str).collect();
                let message = format!(
                    "say what holds of {}: {{\"take\": \"mine\"}}, {{\"take\": \"theirs\"}} or {{\"content\": …}}",
                    open.join(", ")
                );
                return Ok(Err(Refusal::invalid("files", message)));
            }
        }
    };
    let done = match already(repo, &work, n)? {
        Some(done) => done,
        None => commit(repo, &edit, work, merged, by, at)?,
    };
    edit.state = EditState::Resolved;
    edit.commit = Some(done);
    edit.by = Some(by.to_owned());
    edit.write(repo, at.as_second())?;
    let mut told = Vec::new();
    if done != work {
        let paths: Vec<String> = edit.files.keys().cloned().collect();
        told.push(Told::edited(&paths, by, &done, edit.source, Some(n), at));
    }
    told.extend(Told::of(&edit, at));
    Ok(Ok(told))
}

/// The file that somebody chose.
fn taken(
    repo: &Repo,
    edit: &Edit,
    tree: &Oid,
    path: &str,
    take: &Take,
) -> anyhow::Result<Option<FileState>> {
    let mine = edit.files.get(path).and_then(|pair| pair.mine);
    Ok(match take {
        Take::Mine => mine,
        Take::Theirs => theirs(repo, tree, path)?,
        Take::Content(bytes) => Some(FileState {
            oid: repo.blob_write(bytes)?,
            executable: mine.is_some_and(|mine| mine.executable),
        }),
    })
}
