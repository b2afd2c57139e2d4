//! An edit that was held, as git keeps it: a chain of commits under a ref of its own.
//!
//! The newest commit of `refs/held/<n>` has the person's side as its tree and what the person had seen
//! as its first parent; what differs between the two is the edit. Its trailers say where it stands, its
//! second parent where it stood before, so nothing that a person wrote is ever lost.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sluice_workspace::{FileState, Identity, NewCommit, Oid, Repo};

use crate::git_names::{HELD, daemon, held_ref};

/// Where an edit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditState {
    /// It waits for the run that is open.
    Held,
    /// The run, or somebody else, changed the same lines: a person has to say what holds.
    Conflict,
    /// It is on `work`.
    Applied,
    /// A person said what holds, and that is on `work`.
    Resolved,
    /// It was given up.
    Dropped,
}

const STATES: [(EditState, &str); 5] = [
    (EditState::Held, "held"),
    (EditState::Conflict, "conflict"),
    (EditState::Applied, "applied"),
    (EditState::Resolved, "resolved"),
    (EditState::Dropped, "dropped"),
];

impl EditState {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        let found = STATES.iter().find(|(state, _)| *state == self);
        found.map_or("held", |(_, word)| word)
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<EditState> {
        let found = STATES.iter().find(|(_, known)| *known == word);
        found.map(|(state, _)| *state)
    }

    /// Whether it still waits for something.
    pub fn is_open(self) -> bool {
        matches!(self, EditState::Held | EditState::Conflict)
    }
}

/// How an edit came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file of the working tree was changed.
    WorkingTree,
    /// `PUT` or `DELETE` of a file.
    Api,
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Source::WorkingTree => "working_tree",
            Source::Api => "api",
        }
    }
}

/// A file as the person saw it, and as they want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) base: Option<FileState>,
    pub(crate) mine: Option<FileState>,
}

/// The files of an edit by path.
pub(crate) type Files = BTreeMap<String, Pair>;

/// An edit that was held.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) n: u64,
    pub(crate) state: EditState,
    pub(crate) source: Source,
    pub(crate) person: Identity,
    /// When it was first held, seconds since 1970 (UTC).
    pub(crate) since: i64,
    /// The run that held it.
    pub(crate) run: Option<String>,
    /// The commit that the person saw.
    pub(crate) base: Oid,
    /// The newest commit of its ref; `None` before it is written.
    pub(crate) tip: Option<Oid>,
    /// The commit on `work` that it became, or that it is in conflict with.
    pub(crate) commit: Option<Oid>,
    /// Who ended it.
    pub(crate) by: Option<String>,
    pub(crate) files: Files,
}

impl Edit {
    /// Writes how the edit stands now; what is written already is not written again.
    pub(crate) fn write(&mut self, repo: &Repo, at: i64) -> anyhow::Result<()> {
        let seen = repo.commit_read(&self.base)?;
        let side = |of: fn(&Pair) -> Option<FileState>| {
            let files = self.files.iter();
            files.map(|(path, pair)| (path.clone(), of(pair))).collect()
        };
        let base = repo.tree_set(&seen.tree, &side(|pair| pair.base))?;
        let tree = repo.tree_set(&base, &side(|pair| pair.mine))?;
        if base != seen.tree {
            self.base = repo.commit(
                &NewCommit {
                    tree: base,
                    parents: vec![self.base],
                    author: daemon(),
                    committer: daemon(),
                    time: self.since,
                    message: format!("What was seen before edit {}", self.n),
                    trailers: Vec::new(),
                },
                None,
            )?;
        }
        let mut trailers = vec![
            ("Edit".to_owned(), self.n.to_string()),
            ("State".to_owned(), self.state.as_str().to_owned()),
            ("Source".to_owned(), self.source.as_str().to_owned()),
            ("Since".to_owned(), self.since.to_string()),
        ];
        let more = [
            ("Run", self.run.clone()),
            ("Commit", self.commit.map(|oid| oid.to_string())),
            ("By", self.by.clone()),
        ];
        trailers.extend(
            more.into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?))),
        );
        if let Some(tip) = self.tip {
            let stands = repo.commit_read(&tip)?;
            if stands.tree == tree
                && stands.trailers == trailers
                && stands.parents.first() == Some(&self.base)
            {
                return Ok(());
            }
        }
        let commit = repo.commit(
            &NewCommit {
                tree,
                parents: std::iter::once(self.base).chain(self.tip).collect(),
                author: self.person.clone(),
                committer: self.person.clone(),
                time: at,
                message: message(&self.files),
                trailers,
            },
            None,
        )?;
        repo.ref_move(&held_ref(self.n), self.tip, commit, self.state.as_str())?;
        self.tip = Some(commit);
        Ok(())
    }

    /// What changes when the edit, or what it is merged with, changes.
    pub(crate) fn version(&self, work: Oid) -> String {
        let tip = self.tip.map(|tip| tip.to_string()).unwrap_or_default();
        format!("{tip}-{work}")
    }

    fn read(repo: &Repo, n: u64, tip: Oid) -> anyhow::Result<Edit> {
        let commit = repo.commit_read(&tip)?;
        let trailer = |key: &str| {
            let found = commit.trailers.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.as_str())
        };
        let base = *commit.parents.first().context("it has no base")?;
        let seen = repo.commit_read(&base)?;
        let differences = repo.file_differences(&seen.tree, &commit.tree)?;
        let files = differences.into_iter().map(|one| {
            let pair = Pair {
                base: one.from,
                mine: one.to,
            };
            (one.path, pair)
        });
        Ok(Edit {
            n,
            state: trailer("State")
                .and_then(EditState::parse)
                .context("it has no state")?,
            source: match trailer("Source") {
                Some("api") => Source::Api,
                _ => Source::WorkingTree,
            },
            since: trailer("Since")
                .and_then(|text| text.parse().ok())
                .unwrap_or(commit.time),
            run: trailer("Run").map(str::to_owned),
            commit: trailer("Commit").and_then(|text| text.parse().ok()),
            by: trailer("By").map(str::to_owned),
            person: commit.author.clone(),
            base,
            tip: Some(tip),
            files: files.collect(),
        })
    }
}

/// All edits that were ever held, oldest first.
pub(crate) fn all(repo: &Repo) -> anyhow::Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for (name, tip) in repo.ref_list(HELD)? {
        if let Some(n) = number(&name) {
            edits.push(Edit::read(repo, n, tip).with_context(|| format!("read {name}"))?);
        }
    }
    edits.sort_by_key(|edit| edit.n);
    Ok(edits)
}

/// Those that still wait for something, oldest first.
pub(crate) fn open(repo: &Repo) -> anyhow::Result<Vec<Edit>> {
    let mut edits = all(repo)?;
    edits.retain(|edit| edit.state.is_open());
    Ok(edits)
}

/// One edit.
pub(crate) fn fetch(repo: &Repo, n: u64) -> anyhow::Result<Option<Edit>> {
    let tip = repo.ref_get(&held_ref(n))?;
    tip.map(|tip| Edit::read(repo, n, tip)).transpose()
}

/// The number of the next edit.
pub(crate) fn next(repo: &Repo) -> anyhow::Result<u64> {
    let taken = repo.ref_list(HELD)?;
    let last = taken.iter().filter_map(|(name, _)| number(name)).max();
    Ok(last.unwrap_or(0) + 1)
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(HELD)?.parse().ok()
}

/// What a commit of these files says: `Edit a, b and 3 more`.
pub(crate) fn message(files: &Files) -> String {
    let all = |is: fn(&Pair) -> bool| files.values().all(is);
    let verb = if all(|pair| pair.base.is_none()) {
        "Add"
    } else if all(|pair| pair.mine.is_none()) {
        "Delete"
    } else {
        "Edit"
    };
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    let text = match paths.as_slice() {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    };
    format!("{verb} {text}")
}
