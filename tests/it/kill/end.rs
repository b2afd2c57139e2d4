//! Where a story stands in the end, in lines that are the same for every way there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sluice_store::{EventRecord, EventSeq, FindingFilter, Store};

use super::story::{PROJECT, Story};

/// An event that tells of one check; what was checked when the kill came is checked, and told of, again.
const AT_LEAST_ONCE: &str = "check.finished";

/// Everything that must be the same, in a fixed order.
pub(crate) async fn lines(story: &Story) -> Vec<String> {
    let store = open(story).await;
    let mut lines = Vec::new();
    let mut names = BTreeMap::new();
    runs(&store, &mut lines, &mut names).await;
    records(&store, &mut lines, &names).await;
    events(&store, &mut lines, &names).await;
    store.close().await.expect("the store closes");
    git_data(story, &mut lines, &names);
    work_tree(story, &mut lines);
    lines
}

/// The events as `seq kind`, for comparison with what was acknowledged.
pub(crate) async fn told(story: &Story) -> BTreeSet<String> {
    let store = open(story).await;
    let told = all_events(&store).await;
    store.close().await.expect("the store closes");
    told.iter()
        .map(|event| format!("{} {}", event.seq.0, event.kind))
        .collect()
}

async fn open(story: &Story) -> Store {
    let file = story.data().join("sluice.db");
    Store::open(&format!("sqlite://{}?mode=rw", file.display()))
        .await
        .expect("the store opens")
}

async fn all_events(store: &Store) -> Vec<EventRecord> {
    store
        .event_list(EventSeq(0), None, 10_000)
        .await
        .expect("the events")
}

/// Runs with their attempts, decisions and escalations; run ids get names.
async fn runs(store: &Store, lines: &mut Vec<String>, names: &mut BTreeMap<String, String>) {
    let mut runs = store
        .run_list(PROJECT, None, 500)
        .await
        .expect("the runs")
        .items;
    runs.sort_by_key(|run| (run.run.gate(), run.ordinal));
    for run in runs {
        let name = format!("{}#{}", run.run.gate(), run.ordinal);
        names.insert(run.id.to_string(), name.clone());
        lines.push(format!(
            "run {name} {} step {} due {} faults {} base {} subject {:?} pins {:?} by {}",
            run.run.state(),
            run.run.step().0,
            run.due_at.is_some(),
            run.fault_count,
            run.base_tree,
            run.subject_tree,
            run.pins.keys().collect::<Vec<_>>(),
            run.opened_by,
        ));
        for one in store.attempt_list(run.id).await.expect("the attempts") {
            let asks: Vec<_> = one
                .asks
                .iter()
                .map(|ask| (ask.ask, &ask.reply_digest))
                .collect();
            lines.push(format!(
                "attempt {name} {} {} tree {:?} failure {:?} held {:?} note {:?} asks {asks:?}",
                one.n, one.strategy, one.tree, one.failure, one.held, one.note,
            ));
        }
        for one in store.decision_list(run.id).await.expect("the decisions") {
            lines.push(format!(
                "decision {name} {} attempt {:?} by {} says {:?}",
                one.kind.as_str(),
                one.attempt,
                one.actor.name,
                one.comment,
            ));
        }
        for one in store
            .escalation_list_of(run.id)
            .await
            .expect("the escalations")
        {
            lines.push(format!(
                "escalation {name} attempt {} {:?} {:?}",
                one.attempt, one.state, one.answer
            ));
        }
    }
}

async fn records(store: &Store, lines: &mut Vec<String>, names: &BTreeMap<String, String>) {
    let mut found = Vec::new();
    for gate in sluice_factory::Gate::ALL {
        for proof in store.proof_list(PROJECT, gate).await.expect("the proofs") {
            let run = &names[&proof.run.to_string()];
            found.push(format!(
                "proof {run} {} {}",
                proof.predicate_type, proof.path
            ));
        }
    }
    found.sort();
    lines.append(&mut found);
    let findings = store
        .finding_list(PROJECT, FindingFilter::default(), None, 500)
        .await
        .expect("the findings");
    for one in findings.items {
        let run = &names[&one.run.to_string()];
        found.push(format!(
            "finding {run} {} {} {} resolved {:?}",
            one.attempt, one.check, one.fingerprint, one.resolved_by_attempt
        ));
    }
    found.sort();
    lines.append(&mut found);
}

/// The events in order, each with what in it is not a time, an id or a digest.
async fn events(store: &Store, lines: &mut Vec<String>, names: &BTreeMap<String, String>) {
    let mut finished = BTreeSet::new();
    let mut last = 0;
    for event in all_events(store).await {
        assert_eq!(
            event.seq.0,
            last + 1,
            "the events are numbered without a gap"
        );
        last = event.seq.0;
        let mut line = format!("event {}", event.kind);
        for key in [
            "run", "gate", "attempt", "ask", "state", "step", "work", "held", "verdict", "failing",
            "failure", "decision", "by", "action", "check", "path", "tests", "edit", "source",
        ] {
            if let Some(value) = event.body.get(key) {
                let run = value
                    .as_str()
                    .and_then(|text| names.get(text))
                    .filter(|_| key == "run");
                let value = run.map_or_else(|| value.clone(), |name| Value::from(name.clone()));
                line.push_str(&format!(" {key} {value}"));
            }
        }
        if event.kind == AT_LEAST_ONCE {
            finished.insert(line);
        } else {
            lines.push(line);
        }
    }
    lines.extend(finished);
}

/// Every ref with the number of its commits and what it leads to, and that git finds nothing wrong.
fn git_data(story: &Story, lines: &mut Vec<String>, names: &BTreeMap<String, String>) {
    let git = |arguments: &[&str]| git(&story.git(), arguments);
    let plain = |text: &str| {
        names
            .iter()
            .fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    };
    for line in git(&["for-each-ref", "--format=%(refname) %(objectname)"]).lines() {
        let (name, oid) = line.split_once(' ').expect("two words");
        let count = git(&["rev-list", "--count", oid]);
        // Notes lie under the ids of commits, which tell times, and name runs.
        let is_notes = name.starts_with("refs/notes/");
        let mut subjects: Vec<String> = git(&["log", "--format=%s", oid])
            .lines()
            .filter(|_| !is_notes)
            .map(str::to_owned)
            .collect();
        // The states of an edit lie beside what was seen: git lists them by the time, in seconds.
        if name.starts_with("refs/held/") {
            subjects.sort();
        }
        // Evidence and decisions tell times; all else is a function of the story.
        let is_proof = name.starts_with("refs/evidence/") || name.starts_with("refs/gates/");
        let holds = if is_proof {
            // Logs and keys are named by their digests.
            let files = git(&["ls-tree", "-r", "--name-only", oid]);
            let mut folders: Vec<&str> = files
                .lines()
                .filter(|path| !path.starts_with("logs/"))
                .collect();
            folders.sort_unstable();
            folders.join(" ")
        } else if is_notes {
            let notes = git(&["ls-tree", "-r", "--name-only", oid]);
            format!("{} notes", notes.lines().count())
        } else {
            git(&["rev-parse", &format!("{oid}^{{tree}}")])
        };
        lines.push(plain(&format!(
            "ref {name}: {} commits {subjects:?}: {}",
            count.trim(),
            holds.trim()
        )));
    }
    let same = git(&["rev-parse", "refs/heads/work", "refs/sluice/work-tree"]);
    let same: BTreeSet<&str> = same.lines().collect();
    lines.push(format!(
        "work and the working tree are one commit: {}",
        same.len() == 1
    ));
    lines.push(format!("head {}", git(&["symbolic-ref", "HEAD"]).trim()));

    // What was made twice is there twice, though nothing leads to one of them.
    let loose = git(&[
        "fsck",
        "--strict",
        "--unreachable",
        "--no-reflogs",
        "--no-progress",
    ]);
    for line in loose.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let ["unreachable", kind, oid] = words[..] else {
            lines.push(format!("fsck: {line}"));
            continue;
        };
        if kind == "commit" {
            let body = git(&["log", "-1", "--format=%s%n%b", oid]);
            let is_once = body.contains("\nAttempt: ") || body.contains("\nDecision: ");
            if is_once {
                lines.push(plain(&format!("made twice: {}", body.replace('\n', " | "))));
            }
        }
    }
}

fn work_tree(story: &Story, lines: &mut Vec<String>) {
    let folder = story.data().join("workspaces").join(PROJECT);
    let mut shown = Vec::new();
    files(&folder, &folder, &mut shown);
    shown.sort();
    let listed = git(
        &story.git(),
        &[
            "ls-tree",
            "-r",
            "--format=%(path) %(objectname)",
            "refs/heads/work",
        ],
    );
    let mut wanted: Vec<String> = listed.lines().map(str::to_owned).collect();
    wanted.sort();
    lines.push(format!("the working tree shows work: {}", shown == wanted));
    if shown != wanted {
        lines.push(format!("working tree: {shown:?}\nwork: {wanted:?}"));
    }
}

fn files(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let oid = git(
                folder,
                &["hash-object", "--no-filters", &path.display().to_string()],
            );
            let name = path
                .strip_prefix(root)
                .expect("below")
                .display()
                .to_string();
            found.push(format!("{name} {}", oid.trim()));
        }
    }
}

/// What the git program, which is not ours, says.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {errors}");
    format!("{}{errors}", String::from_utf8_lossy(&output.stdout))
}
