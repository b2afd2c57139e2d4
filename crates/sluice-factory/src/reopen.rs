//! Which gates are passed and which are reopened, and by what: worked out from the runs and from git, stored nowhere.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use sluice_checks::document;
use sluice_gates::Gate;
use sluice_store::{DecisionKind, RunRecord};
use sluice_workspace::{Oid, Repo};

use crate::edits::release::is_persons;
use crate::factory::Factory;
use crate::gate_file::GateFile;
use crate::git_names::{MAIN, WORK};
use crate::git_tree::GitTree;
use crate::view::ReopenedView;

/// How many of a project's newest runs are looked at for what a gate's next run is.
const MOST_RUNS: u64 = 500;
/// How many paths are named.
const MOST_PATHS: usize = 50;

/// Why what a gate passed does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The rejection of this gate's subject sent the work back.
    SentBack(Gate),
    /// People changed what its evidence is about.
    Edited {
        /// What they changed of that.
        paths: Vec<String>,
        /// Their commits, newest first.
        commits: Vec<String>,
    },
    /// This gate before it is not passed, or was passed anew since.
    Before(Gate),
}

/// Where the gates of a project stand.
pub(crate) struct Gates {
    /// The newest run of each gate.
    runs: BTreeMap<Gate, RunRecord>,
    reopened: BTreeMap<Gate, Why>,
}

impl Gates {
    pub(crate) fn run(&self, gate: Gate) -> Option<&RunRecord> {
        self.runs.get(&gate)
    }

    /// Why a gate that was passed is to be passed again.
    pub(crate) fn reopened(&self, gate: Gate) -> Option<&Why> {
        self.reopened.get(&gate)
    }

    /// Whether the next gate may start.
    pub(crate) fn is_passed(&self, gate: Gate) -> bool {
        self.runs.get(&gate).is_some_and(passes) && !self.reopened.contains_key(&gate)
    }

    pub(crate) fn first_unpassed(&self) -> Option<Gate> {
        Gate::ALL.into_iter().find(|gate| !self.is_passed(*gate))
    }
}

/// What people changed since the newest approval.
struct Edits {
    /// Newest first.
    commits: Vec<(String, BTreeSet<String>)>,
    /// Those of the changed paths that are not as they were.
    paths: BTreeSet<String>,
    /// The tree that was approved, and the one that is there.
    trees: [Oid; 2],
}

impl Factory {
    /// Where the gates of a project stand.
    pub(crate) async fn gates_of(&self, project: &str) -> anyhow::Result<Gates> {
        let runs: BTreeMap<Gate, RunRecord> = self
            .store
            .run_list_current(project)
            .await?
            .into_iter()
            .map(|run| (run.run.gate(), run))
            .collect();
        let mut edited = BTreeMap::new();
        if runs.values().any(passes) {
            // While a run is open, what it makes stands on `work` too; people's edits are below it.
            let open = runs.values().find(|run| !run.run.is_closed());
            let upto = open.map(|run| run.base_commit.clone());
            let edits = self.git(project, move |repo| edits(&repo, upto)).await?;
            if let Some(edits) = edits {
                let mut files = BTreeMap::new();
                for run in runs.values().filter(|run| run.run.state() == "approved") {
                    files.insert(run.run.gate(), self.demands(run).await?);
                }
                edited = self
                    .git(project, move |repo| touched(&repo, &edits, &files))
                    .await?;
            }
        }
        let reopened = reopened(&runs, edited);
        Ok(Gates { runs, reopened })
    }

    /// Whether the next run of a gate checks what is there before it asks anybody: it was passed, and nobody has
    /// rejected that or sent the work back since.
    pub(crate) async fn revalidates(&self, project: &str, gate: Gate) -> anyhow::Result<bool> {
        let runs = self.store.run_list(project, None, MOST_RUNS).await?.items;
        let last = runs
            .iter()
            .find(|run| run.run.gate() == gate && run.run.state() != "cancelled");
        Ok(last.is_some_and(|last| {
            passes(last)
                && !runs
                    .iter()
                    .any(|run| run.id > last.id && sends_back(run, gate))
        }))
    }

    /// What people said who sent the work back to this gate, or past it, since it was passed.
    pub(crate) async fn sent_back_reasons(
        &self,
        record: &RunRecord,
    ) -> anyhow::Result<Vec<String>> {
        let gate = record.run.gate();
        let runs = self
            .store
            .run_list(&record.project, None, MOST_RUNS)
            .await?
            .items;
        let passed = runs
            .iter()
            .find(|run| run.run.gate() == gate && run.id < record.id && passes(run))
            .map(|run| run.id);
        let mut reasons = Vec::new();
        for run in runs
            .iter()
            .filter(|run| run.id < record.id && passed.is_none_or(|passed| run.id > passed))
            .filter(|run| run.run.gate() != gate && sends_back(run, gate))
        {
            let decisions = self.store.decision_list(run.id).await?;
            let reject = decisions
                .into_iter()
                .find(|one| one.kind == DecisionKind::Reject);
            if let (Some(reject), Some(to)) = (reject, run.run.sent_back()) {
                let (from, to) = (words(run.run.gate()), words(to));
                let why = reject.comment.unwrap_or_default();
                let who = reject.actor.name;
                reasons.push(format!(
                    "{who} rejected {from} and sent the work back to {to}: {why}"
                ));
            }
        }
        reasons.reverse();
        Ok(reasons)
    }
}

/// Whether a run is one that passes its gate, by itself.
pub(crate) fn passes(record: &RunRecord) -> bool {
    matches!(record.run.state(), "approved" | "not_applicable")
}

/// Whether a run's rejection sent the work back to `gate` or past it.
fn sends_back(run: &RunRecord, gate: Gate) -> bool {
    run.run
        .sent_back()
        .is_some_and(|to| to <= gate && gate <= run.run.gate())
}

fn reopened(
    runs: &BTreeMap<Gate, RunRecord>,
    mut edited: BTreeMap<Gate, Why>,
) -> BTreeMap<Gate, Why> {
    let mut reopened = BTreeMap::new();
    // The first gate that is not passed, and the newest passage of the gates before.
    let mut open: Option<Gate> = None;
    let mut newest: Option<&RunRecord> = None;
    for gate in Gate::ALL {
        let Some(run) = runs.get(&gate).filter(|run| passes(run)) else {
            open = open.or(Some(gate));
            continue;
        };
        let sent = runs
            .values()
            .find(|other| other.id > run.id && sends_back(other, gate));
        let why = if let Some(sent) = sent {
            Some(Why::SentBack(sent.run.gate()))
        } else if let Some(why) = edited.remove(&gate) {
            Some(why)
        } else if let Some(before) = open {
            Some(Why::Before(before))
        } else {
            newest
                .filter(|newest| newest.id > run.id)
                .map(|newest| Why::Before(newest.run.gate()))
        };
        match why {
            Some(why) => {
                reopened.insert(gate, why);
                open = open.or(Some(gate));
            }
            None => newest = Some(run),
        }
    }
    reopened
}

/// What people committed on `work` after `main`, up to a commit; `None` when that is nothing.
fn edits(repo: &Repo, upto: Option<String>) -> anyhow::Result<Option<Edits>> {
    let main = repo.ref_get(MAIN)?.context("the project has no `main`")?;
    let upto = match upto {
        Some(commit) => commit.parse()?,
        None => repo.ref_get(WORK)?.context("the project has no `work`")?,
    };
    if upto == main {
        return Ok(None);
    }
    let mut commits = Vec::new();
    for commit in repo.log_since(&upto, &[main], usize::MAX)? {
        if !is_persons(&commit) {
            continue;
        }
        let Some(parent) = commit.parents.first() else {
            continue;
        };
        let before = repo.commit_read(parent)?.tree;
        let changed = repo.file_differences(&before, &commit.tree)?;
        let paths: BTreeSet<String> = changed.into_iter().map(|one| one.path).collect();
        commits.push((commit.oid.to_string(), paths));
    }
    if commits.is_empty() {
        return Ok(None);
    }
    let trees = [repo.commit_read(&main)?.tree, repo.commit_read(&upto)?.tree];
    // What was put back as it was is no change.
    let paths = repo
        .file_differences(&trees[0], &trees[1])?
        .into_iter()
        .map(|one| one.path)
        .filter(|path| commits.iter().any(|(_, paths)| paths.contains(path)))
        .collect();
    Ok(Some(Edits {
        commits,
        paths,
        trees,
    }))
}

/// The gates whose evidence is about something that was changed: the documents of their rules, and for a gate with
/// checks everything, because what is checked is the tree.
fn touched(
    repo: &Repo,
    edits: &Edits,
    files: &BTreeMap<Gate, GateFile>,
) -> anyhow::Result<BTreeMap<Gate, Why>> {
    let mut touched = BTreeMap::new();
    for (gate, file) in files {
        let mut paths = BTreeSet::new();
        if file.checks.is_empty() {
            for tree in &edits.trees {
                let tree = GitTree::open(repo, tree)?;
                for rule in &file.documents {
                    paths.extend(document::paths(&tree, &rule.path));
                }
            }
            paths.retain(|path| edits.paths.contains(path));
        } else {
            paths.clone_from(&edits.paths);
        }
        if paths.is_empty() {
            continue;
        }
        let of = |changed: &BTreeSet<String>| changed.iter().any(|path| paths.contains(path));
        let commits = edits.commits.iter().filter(|(_, changed)| of(changed));
        let why = Why::Edited {
            commits: commits.map(|(oid, _)| oid.clone()).collect(),
            paths: paths.into_iter().take(MOST_PATHS).collect(),
        };
        touched.insert(*gate, why);
    }
    Ok(touched)
}

impl Why {
    /// The same for people.
    pub(crate) fn view(&self) -> ReopenedView {
        let mut view = ReopenedView {
            by: String::new(),
            gate: None,
            paths: Vec::new(),
            commits: Vec::new(),
        };
        match self {
            Why::SentBack(from) => {
                view.by = "rejection".to_owned();
                view.gate = Some(from.as_str().to_owned());
            }
            Why::Edited { paths, commits } => {
                view.by = "edit".to_owned();
                view.paths.clone_from(paths);
                view.commits.clone_from(commits);
            }
            Why::Before(gate) => {
                view.by = "gate".to_owned();
                view.gate = Some(gate.as_str().to_owned());
            }
        }
        view
    }

    /// What to do about it, where this gate comes first.
    pub(crate) fn advice(&self) -> String {
        match self {
            Why::SentBack(from) => {
                format!("{from} was rejected and the work sent back: start it, or hand in a reply")
            }
            Why::Edited { paths, .. } => format!(
                "people changed {} since it was approved: start it to have what is there checked, then somebody else \
                 approves it",
                named(paths)
            ),
            Why::Before(gate) => {
                format!("{gate} was passed anew since: start it to have what is there checked")
            }
        }
    }
}

/// A few of some paths.
pub(crate) fn named(paths: &[String]) -> String {
    match paths {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

fn words(gate: Gate) -> String {
    gate.as_str().to_uppercase()
}

#[cfg(test)]
mod tests;
