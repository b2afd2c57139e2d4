//! A demo that was run with `--keep` and `--json`, and whether it told and left what it must.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::program::{self, Ran};
use super::repository::Repository;
use crate::built::sluice;

/// The gates in order.
pub(crate) const GATES: [&str; 10] = ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9"];

/// A demo that was run.
pub(crate) struct Passage {
    folder: TempDir,
    engine: &'static str,
    document: Value,
    story: String,
    /// The project's repository.
    pub(crate) git: Repository,
    /// A clone of it, with the chains of the gates.
    pub(crate) clone: Repository,
}

impl Passage {
    /// Runs it, minutes long.
    pub(crate) fn run(engine: &'static str) -> Passage {
        let folder = tempfile::tempdir().expect("a folder");
        let keep = folder.path().join("kept");
        let mut command = Command::new(sluice());
        program::clean(&mut command);
        command
            .args(["demo", "--json", "--engine", engine, "--keep"])
            .arg(&keep);
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 0, "{ran}");
        let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| {
            panic!("standard output is not one JSON document: {error}\n{ran}")
        });
        let git = Repository::at(keep.join("git/guestbook.git"));
        let clone = git.clone_into(&folder.path().join("clone"));
        let key = program_output(
            Command::new("ssh-keygen")
                .arg("-y")
                .arg("-f")
                .arg(keep.join("signing_key")),
        );
        let line = format!("daemon namespaces=\"git,sluice\" {key}");
        std::fs::write(folder.path().join("signers"), line).expect("the signers");
        Passage {
            folder,
            engine,
            document,
            story: ran.err,
            git,
            clone,
        }
    }

    /// A path beside the kept data.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of trusted signers, made from the data directory's key.
    pub(crate) fn signers(&self) -> PathBuf {
        self.path("signers")
    }

    /// What `sluice verify` says of `repository`, as JSON or to a person.
    pub(crate) fn verify(&self, repository: &Repository, options: &[&str]) -> Ran {
        let mut command = Command::new(sluice());
        program::clean(&mut command);
        Ran::of(command.arg("verify").arg(repository.path()).args(options))
    }

    fn gate(&self, gate: &str) -> &Value {
        let gates = self.document["gates"].as_array().expect("gates");
        gates
            .iter()
            .find(|one| one["gate"] == gate)
            .unwrap_or_else(|| panic!("no {gate}"))
    }

    /// The steps of a gate, as `step text`.
    fn steps(&self, gate: &str) -> Vec<String> {
        let steps = self.document["steps"].as_array().expect("steps");
        let text = |step: &Value, key: &str| step[key].as_str().expect("text").to_owned();
        steps
            .iter()
            .filter(|step| step["gate"] == gate)
            .map(|step| format!("{} {}", text(step, "step"), text(step, "text")))
            .collect()
    }

    /// Whether the document and the story say what happened.
    pub(crate) fn told(&self) {
        let document = &self.document;
        assert_eq!(document["engine"], self.engine);
        assert_eq!(document["verified"], true);
        assert_eq!(document["kept"], true);
        assert_eq!(document["git"], self.git.path().display().to_string());
        assert_eq!(
            document["gates"].as_array().map(Vec::len),
            Some(GATES.len())
        );
        for gate in GATES {
            assert_eq!(self.gate(gate)["state"], "approved", "{gate}");
            let steps = self.steps(gate);
            let at = |what: &str| steps.iter().position(|step| step.starts_with(what));
            let order = [
                at("reply attempt 0"),
                at("green "),
                at("decided approve"),
                at("sealed approved"),
            ];
            assert!(
                order.iter().all(Option::is_some) && order.is_sorted(),
                "{gate}: {steps:#?}"
            );
        }
        self.a_red_build_was_healed();
        self.a_person_was_asked();
        // The story is one line a step, in the order of the steps.
        let mut lines = self.story.lines();
        for step in document["steps"].as_array().expect("steps") {
            let text = step["text"].as_str().expect("text");
            assert!(
                lines.any(|line| line.ends_with(text)),
                "the story does not tell {step}:\n{}",
                self.story
            );
        }
    }

    fn a_red_build_was_healed(&self) {
        assert_eq!(self.gate("g5")["attempt"], 1);
        let steps = self.steps("g5");
        let attempts: Vec<&[String]> = steps
            .split(|step| step.starts_with("reply "))
            .skip(1)
            .collect();
        let [first, second] = attempts[..] else {
            panic!("not two attempts: {steps:#?}")
        };
        let has = |steps: &[String], words: [&str; 2]| {
            steps
                .iter()
                .any(|step| step.starts_with(words[0]) && step.contains(words[1]))
        };
        assert!(
            has(first, ["check build", " fail "]) && has(first, ["red attempt 0", "build"]),
            "{steps:#?}"
        );
        assert!(
            has(first, ["check build", "TS2345"]),
            "the red build has no finding: {steps:#?}"
        );
        for check in ["check install", "check build", "check test", "check lint"] {
            assert!(has(second, [check, " pass "]), "{check}: {steps:#?}");
        }
        assert!(has(second, ["green attempt 1", ""]), "{steps:#?}");
    }

    fn a_person_was_asked(&self) {
        assert_eq!(self.gate("g6")["attempt"], 4);
        let steps = self.steps("g6");
        let at = |what: &str| {
            let found: Vec<usize> = (0..steps.len())
                .filter(|n| steps[*n].starts_with(what))
                .collect();
            assert_eq!(found.len(), 1, "{what:?}: {steps:#?}");
            found[0]
        };
        let order = [
            at("red attempt 0"),
            at("red attempt 1"),
            at("red attempt 2"),
            at("strategy "),
            at("red attempt 3"),
            at("escalated "),
            at("answered retry"),
            at("green attempt 4"),
        ];
        assert!(order.is_sorted(), "{steps:#?}");
        let escalations = &self.decision("g6")["predicate"]["escalations"];
        assert_eq!(
            escalations.as_array().map(Vec::len),
            Some(1),
            "the proof tells of the question: {escalations}"
        );
    }

    /// The decision of a gate, out of the clone.
    pub(crate) fn decision(&self, gate: &str) -> Value {
        serde_json::from_slice(&self.clone.file(gate, "decision.json")).expect("a decision")
    }

    /// Whether everything that the contract promises is in git, and nothing is wrong with it.
    pub(crate) fn left(&self) {
        let git = &self.git;
        let fsck = git.try_git(&["fsck", "--strict", "--no-progress"]);
        assert!(
            fsck.code == 0 && fsck.out.is_empty() && fsck.err.is_empty(),
            "git fsck: {fsck}"
        );
        assert_eq!(git.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
        let mut before = git.git(&["rev-list", "--max-parents=0", "main"]);
        for gate in GATES {
            let view = self.gate(gate);
            let subject = view["subject"]["commit"].as_str().expect("a commit");
            assert_eq!(
                git.oid(&format!("refs/tags/gates/{gate}")),
                subject,
                "the tag of {gate}"
            );
            let decided = &self.decision(gate)["subject"];
            assert_eq!(decided[0]["digest"]["gitCommit"], subject, "{gate}");
            assert_eq!(
                decided[1]["digest"]["gitTree"],
                git.oid(&format!("{subject}^{{tree}}")),
                "{gate}"
            );
            let run = view["run"].as_str().expect("a run");
            let last = view["attempt"].as_u64().expect("a number");
            let wanted: Vec<String> = (0..=last)
                .map(|n| format!("refs/attempts/{gate}/{run}/{n}"))
                .collect();
            let found = git.refs(&format!("refs/attempts/{gate}"));
            assert_eq!(
                found.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                wanted.iter().collect::<Vec<_>>()
            );
            for (n, (name, attempt)) in found.iter().enumerate() {
                assert_eq!(
                    git.oid(&format!("{name}^")),
                    before,
                    "{name} is not built on the one before it"
                );
                before.clone_from(attempt);
                let trailers = git.git(&["log", "-1", "--format=%(trailers:only,unfold)", name]);
                for trailer in [
                    format!("Gate: {gate}"),
                    format!("Run: {run}"),
                    format!("Attempt: {n}"),
                    "Agent: recorded".to_owned(),
                ] {
                    assert!(
                        trailers.lines().any(|line| line == trailer),
                        "{name}: no {trailer:?} in {trailers}"
                    );
                }
                assert!(trailers.contains("Reply-Digest: "), "{name}: {trailers}");
            }
            assert_eq!(
                before, subject,
                "the last attempt of {gate} is what it passed"
            );
        }
        for branch in ["refs/heads/main", "refs/heads/work"] {
            assert_eq!(git.oid(branch), before, "{branch} is what g9 passed");
        }
        assert_eq!(git.refs("refs/gates").len(), GATES.len());
        self.work_tree_is_main();
    }

    /// git's own comparison, with an index that Sluice never saw.
    fn work_tree_is_main(&self) {
        let tree = self.path("kept/workspaces/guestbook");
        let run = |arguments: &[&str]| {
            let mut command = self.git.command(arguments);
            command
                .current_dir(&tree)
                .env("GIT_DIR", self.git.path())
                .env("GIT_WORK_TREE", &tree)
                .env("GIT_INDEX_FILE", self.path("index"));
            let ran = Ran::of(&mut command);
            assert_eq!(ran.code, 0, "{ran}");
            ran.out
        };
        run(&["read-tree", "refs/heads/main"]);
        assert_eq!(
            run(&["diff", "--name-status"]),
            "",
            "the working tree is not main"
        );
        assert_eq!(
            run(&["ls-files", "--others"]),
            "",
            "more in the working tree than in main"
        );
        assert!(
            run(&["ls-files"]).lines().count() > 30,
            "main holds the project"
        );
    }
}

/// Standard output of a program that must end well.
fn program_output(command: &mut Command) -> String {
    let ran = Ran::of(command);
    assert_eq!(ran.code, 0, "{ran}");
    ran.out
}
