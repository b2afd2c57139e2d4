//! Keeps the working tree and `work` together: takes in what people changed, then shows what `work` has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use sluice_path::RelPath;
use sluice_workspace::{
    FileDifference, FileState, Identity, Looked, NewCommit, Oid, Repo, Seen, Skipped,
};

use crate::edits::merge::theirs;
use crate::edits::record::{self, Edit, EditState, Files, Pair, Source};
use crate::edits::told::Told;
use crate::factory::{Factory, now};
use crate::git_names::{WORK, WORK_TREE, WORK_TREE_NEXT, daemon};

/// A larger file of a working tree is left alone, bytes: as large as one that the API takes.
const LARGEST: u64 = 16 << 20;

/// How the changes of a working tree are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakeIn {
    /// As commits on `work`. The caller holds the project's hand, and no run is open.
    Commit,
    /// As held edits.
    Hold,
}

/// What a look at a working tree came to.
#[derive(Debug, Default)]
pub struct Settled {
    /// What is to be told of it.
    pub(crate) told: Vec<Told>,
    /// Some files were being written; nothing, or not these, was taken in.
    pub is_unsettled: bool,
    /// The folders that were looked into.
    pub(crate) folders: Vec<String>,
    /// What is there and is never taken in.
    pub(crate) left_alone: Vec<Skipped>,
}

impl Factory {
    /// Brings the working tree to `work`. What people changed in it is held first; who holds the hand lets it go.
    pub(crate) async fn work_tree_settle(&self, project: &str) -> anyhow::Result<()> {
        self.settle(project, TakeIn::Hold, false).await?;
        Ok(())
    }

    /// Takes in what people changed in the working tree and brings it to `work`. With `is_patient`, nothing happens
    /// while a file is being written.
    pub(crate) async fn settle(
        &self,
        project: &str,
        take_in: TakeIn,
        is_patient: bool,
    ) -> anyhow::Result<Settled> {
        let lock = {
            let mut locks = self
                .work_trees
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(project.to_owned()).or_default())
        };
        let _one_at_a_time = lock.lock().await;
        let run = self.store.run_fetch_open(project).await?;
        let at = now();
        let settling = Settling {
            dir: self.data.work_tree(project),
            aside: self
                .data
                .deleted()
                .join(format!("{project}-{}.files", at.as_microsecond())),
            seen: self.data.seen(project),
            person: self.editor().await?,
            quiet: self.editing().quiet,
            run: run.map(|record| record.id.to_string()),
            take_in,
            is_patient,
            at,
        };
        let settled = self
            .git(project, move |repo| settling.settle(&repo))
            .await
            .with_context(|| format!("bring the working tree of {project} up to date"))?;
        for told in &settled.told {
            let event = told.clone().event(project);
            self.store.event_append(event).await?;
        }
        let mut left = self
            .left_alone
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        left.insert(project.to_owned(), settled.left_alone.clone());
        drop(left);
        Ok(settled)
    }
}

/// Files by path, `None`: no file.
type Sides = BTreeMap<String, Option<FileState>>;

/// Everything that settling one working tree depends on.
struct Settling {
    dir: PathBuf,
    aside: PathBuf,
    seen: PathBuf,
    person: Identity,
    quiet: Duration,
    run: Option<String>,
    take_in: TakeIn,
    is_patient: bool,
    at: Timestamp,
}

impl Settling {
    fn settle(self, repo: &Repo) -> anyhow::Result<Settled> {
        let mut settled = Settled::default();
        let Some(work) = repo.ref_get(WORK)? else {
            return Ok(settled);
        };
        let mut shown = repo.ref_get(WORK_TREE)?;
        let is_there = self.is_there()?;
        if !is_there {
            // Nothing in a folder that is gone is a person's, and its files are not deleted one by one.
            if let Some(before) = shown {
                let nothing = nothing(repo)?;
                repo.ref_move(WORK_TREE, Some(before), nothing, "the folder is gone")?;
                shown = Some(nothing);
            }
            std::fs::create_dir_all(&self.dir)
                .with_context(|| format!("make {}", self.dir.display()))?;
        }
        let pending = pending(repo, shown)?;
        let mut edits = record::open(repo)?;
        let mut work = work;
        // What the folder has, where that is not what it was brought to.
        let mut on_disk = BTreeMap::new();
        if is_there {
            let looked = self.look(repo, shown)?;
            settled.is_unsettled = !looked.unsettled.is_empty();
            settled.folders = looked.folders;
            settled.left_alone = looked.left_alone;
            if settled.is_unsettled && self.is_patient {
                return Ok(settled);
            }
            if looked.is_emptied {
                tracing::warn!(path = %self.dir.display(), "every file of a working tree is gone; that is not taken for an edit");
            }
            let changes = self.persons(repo, looked.changes, pending)?;
            on_disk.extend(
                changes
                    .iter()
                    .map(|change| (change.path.clone(), change.to)),
            );
            work = self.take_in(repo, changes, shown, work, &mut edits, &mut settled.told)?;
        }
        self.show(repo, shown, pending, &on_disk, target(repo, work, &edits)?)?;
        Ok(settled)
    }

    /// Whether the folder is there; what is no folder is moved aside.
    fn is_there(&self) -> anyhow::Result<bool> {
        let found = std::fs::symlink_metadata(&self.dir);
        let is_there = found.as_ref().is_ok_and(std::fs::Metadata::is_dir);
        if found.is_ok() && !is_there {
            // A link would lead the writes below to somewhere else.
            tracing::warn!(path = %self.dir.display(), aside = %self.aside.display(), "moved aside what is no folder");
            std::fs::rename(&self.dir, &self.aside)
                .with_context(|| format!("move {} aside", self.dir.display()))?;
        }
        Ok(is_there)
    }

    fn look(&self, repo: &Repo, shown: Option<Oid>) -> anyhow::Result<Looked> {
        let tree = shown.map(|oid| repo.commit_read(&oid)).transpose()?;
        let tree = tree.map(|commit| commit.tree);
        let mut seen = seen_read(&self.seen);
        let looked =
            repo.work_tree_look(&self.dir, tree.as_ref(), &mut seen, self.quiet, LARGEST)?;
        if looked.read > 0 {
            seen_write(&self.seen, &seen);
        }
        Ok(looked)
    }

    /// Leaves out what an interrupted sync wrote.
    fn persons(
        &self,
        repo: &Repo,
        mut changes: Vec<FileDifference>,
        pending: Option<Oid>,
    ) -> anyhow::Result<Vec<FileDifference>> {
        if let Some(pending) = pending {
            let tree = repo.commit_read(&pending)?.tree;
            let mut ours = Vec::new();
            for change in &changes {
                ours.push(theirs(repo, &tree, &change.path)? == change.to);
            }
            let mut ours = ours.into_iter();
            changes.retain(|_| !ours.next().unwrap_or(false));
        }
        Ok(changes)
    }

    /// Makes the changes commits, or edits that are held; returns where `work` is then.
    fn take_in(
        &self,
        repo: &Repo,
        changes: Vec<FileDifference>,
        shown: Option<Oid>,
        work: Oid,
        edits: &mut Vec<Edit>,
        told: &mut Vec<Told>,
    ) -> anyhow::Result<Oid> {
        let at = self.at.as_second();
        let tree = repo.commit_read(&work)?.tree;
        let mut files = Files::new();
        let mut is_fitting = true;
        let mut grown = Vec::new();
        for change in changes {
            let of = edits.iter_mut().enumerate().find(|(_, edit)| {
                edit.source == Source::WorkingTree && edit.files.contains_key(&change.path)
            });
            if let Some((place, edit)) = of {
                if let Some(pair) = edit.files.get_mut(&change.path) {
                    pair.mine = change.to;
                }
                grown.push(place);
                continue;
            }
            let on_work = theirs(repo, &tree, &change.path)?;
            // A commit that a killed process made, or what somebody else wrote, too.
            if on_work == change.to {
                continue;
            }
            is_fitting &= on_work == change.from;
            let pair = Pair {
                base: change.from,
                mine: change.to,
            };
            files.insert(change.path, pair);
        }
        grown.dedup();
        for place in grown {
            let edit = &mut edits[place];
            edit.files.retain(|_, pair| pair.base != pair.mine);
            if edit.files.is_empty() {
                edit.state = EditState::Dropped;
                edit.by = Some(edit.person.name.clone());
                told.extend(Told::of(edit, self.at));
            }
            edit.write(repo, at)?;
        }
        edits.retain(|edit| edit.state.is_open());
        if files.is_empty() {
            return Ok(work);
        }
        if self.take_in == TakeIn::Commit && is_fitting {
            let sides = files.iter().map(|(path, pair)| (path.clone(), pair.mine));
            let tree = repo.tree_set(&tree, &sides.collect())?;
            let commit = repo.commit(
                &NewCommit {
                    tree,
                    parents: vec![work],
                    author: self.person.clone(),
                    committer: self.person.clone(),
                    time: at,
                    message: record::message(&files),
                    trailers: Vec::new(),
                },
                None,
            )?;
            repo.ref_move(WORK, Some(work), commit, "an edit")?;
            let paths: Vec<String> = files.into_keys().collect();
            let by = &self.person.name;
            let source = Source::WorkingTree;
            told.push(Told::edited(&paths, by, &commit, source, None, self.at));
            return Ok(commit);
        }
        let open = edits.iter_mut().find(|edit| {
            edit.state == EditState::Held
                && edit.source == Source::WorkingTree
                && edit.person == self.person
        });
        match open {
            Some(edit) => {
                edit.files.extend(files);
                edit.write(repo, at)?;
                told.extend(Told::of(edit, self.at));
            }
            None => {
                let mut edit = Edit {
                    n: record::next(repo)?,
                    state: EditState::Held,
                    source: Source::WorkingTree,
                    person: self.person.clone(),
                    since: at,
                    run: self.run.clone(),
                    base: shown.unwrap_or(work),
                    tip: None,
                    commit: None,
                    by: None,
                    files,
                };
                edit.write(repo, at)?;
                told.extend(Told::of(&edit, self.at));
                edits.push(edit);
            }
        }
        Ok(work)
    }

    /// Writes what differs from the target.
    fn show(
        &self,
        repo: &Repo,
        shown: Option<Oid>,
        pending: Option<Oid>,
        on_disk: &Sides,
        target: Oid,
    ) -> anyhow::Result<()> {
        let mut shown = shown;
        if let Some(pending) = pending {
            // What an interrupted sync left: the rest of it, before anything else.
            shown = Some(self.bring(repo, shown, &Sides::new(), pending)?);
        }
        if shown == Some(target) {
            return Ok(());
        }
        let next = repo.ref_get(WORK_TREE_NEXT)?;
        repo.ref_move(WORK_TREE_NEXT, next, target, "working tree")?;
        self.bring(repo, shown, on_disk, target)?;
        Ok(())
    }

    /// Brings the folder from one commit to another and notes what it shows then.
    fn bring(
        &self,
        repo: &Repo,
        from: Option<Oid>,
        on_disk: &Sides,
        to: Oid,
    ) -> anyhow::Result<Oid> {
        let before = match from {
            Some(from) => Some(repo.tree_set(&repo.commit_read(&from)?.tree, on_disk)?),
            None => None,
        };
        let after = repo.commit_read(&to)?;
        let synced = repo.work_tree_sync(&self.dir, before.as_ref(), &after.tree)?;
        // A file that was kept is one that its person saw as it was: what they make of it is held against that.
        let mut kept = BTreeMap::new();
        for one in &synced.kept_conflicts {
            tracing::debug!(path = %one.path, reason = ?one.reason, "kept a file of the working tree as it is");
            if let Ok(path) = RelPath::parse(&one.path) {
                let was = before
                    .map(|tree| repo.file_state(&tree, &path))
                    .transpose()?;
                kept.insert(one.path.clone(), was.flatten());
            }
        }
        let tree = repo.tree_set(&after.tree, &kept)?;
        let shows = if tree == after.tree {
            to
        } else {
            daemon_commit(
                repo,
                tree,
                vec![to],
                after.time,
                "What the working tree shows",
            )?
        };
        repo.ref_move(WORK_TREE, from, shows, "working tree")?;
        Ok(shows)
    }
}

/// What the working tree was being brought to when a process was killed or failed.
fn pending(repo: &Repo, shown: Option<Oid>) -> anyhow::Result<Option<Oid>> {
    let Some(next) = repo.ref_get(WORK_TREE_NEXT)? else {
        return Ok(None);
    };
    let Some(shown) = shown else {
        return Ok(Some(next));
    };
    let is_done = shown == next || repo.commit_read(&shown)?.parents.contains(&next);
    Ok((!is_done).then_some(next))
}

/// The commit that the working tree is to show: `work`, and over it what people wrote here and is held.
fn target(repo: &Repo, work: Oid, edits: &[Edit]) -> anyhow::Result<Oid> {
    let on_top: Sides = edits
        .iter()
        .filter(|edit| edit.source == Source::WorkingTree)
        .flat_map(|edit| &edit.files)
        .map(|(path, pair)| (path.clone(), pair.mine))
        .collect();
    let commit = repo.commit_read(&work)?;
    let tree = repo.tree_set(&commit.tree, &on_top)?;
    if tree == commit.tree {
        return Ok(work);
    }
    daemon_commit(
        repo,
        tree,
        vec![work],
        commit.time,
        "What the working tree shows",
    )
}

/// A commit without files.
fn nothing(repo: &Repo) -> anyhow::Result<Oid> {
    let tree = repo.tree_build(None, &[])?;
    daemon_commit(repo, tree, Vec::new(), 0, "Nothing")
}

fn daemon_commit(
    repo: &Repo,
    tree: Oid,
    parents: Vec<Oid>,
    time: i64,
    message: &str,
) -> anyhow::Result<Oid> {
    Ok(repo.commit(
        &NewCommit {
            tree,
            parents,
            author: daemon(),
            committer: daemon(),
            time,
            message: message.to_owned(),
            trailers: Vec::new(),
        },
        None,
    )?)
}

/// What is known of the files; a file that cannot be read or understood is none, and everything is read again.
fn seen_read(path: &Path) -> Seen {
    let text = std::fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Best effort: without it, the next start reads every file once.
fn seen_write(path: &Path, seen: &Seen) {
    let Ok(text) = serde_json::to_vec(seen) else {
        return;
    };
    let written = path
        .parent()
        .ok_or_else(|| std::io::Error::other("no folder"))
        .and_then(tempfile::NamedTempFile::new_in)
        .and_then(|file| {
            std::fs::write(file.path(), text)?;
            file.persist(path).map_err(|error| error.error)
        });
    if let Err(error) = written {
        tracing::debug!(path = %path.display(), %error, "what is known of the files was not kept");
    }
}
