//! Gates with checks: a real project, real npm, real sandboxes of the native engine.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sluice_checks::{Tests, Verdict};
use sluice_factory::{Gate, Precondition};
use sluice_sandbox::{
    Ended, EngineInfo, Job, LogSink, Native, NativeConfig, Sandbox, SandboxError,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::proof::{decision, expect_verified};
use crate::world::{PROJECT, World, operator};

const GATE: &str = r#"
name = "Development"
purpose = "It is built."
worker = "backend"
heal_attempts = 3
checks = ["install", "build", "test"]
"#;

const MANIFEST: &str = "```json:package.json\n{ \"name\": \"adder\", \"version\": \"1.0.0\", \"type\": \"module\", \
    \"scripts\": { \"build\": \"node --check src/add.js\", \"test\": \"node --test test/*.test.js\" } }\n```\n";
const ADD: &str = "```js:src/add.js\nexport const add = (a, b) => a + b;\n```\n";
const TESTS: &str = "```js:test/add.test.js\nimport assert from 'node:assert';\nimport test from 'node:test';\n\
    import { add } from '../src/add.js';\n\ntest('adds', () => assert.equal(add(1, 2), 3));\n\
    test('adds nothing', () => assert.equal(add(1, 0), 1));\n```\n";

/// A folder that the users of sandboxes can reach.
fn home() -> TempDir {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755)).unwrap();
    home
}

/// The native engine's helper, which another package builds next to this test.
fn helper() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let helper = folder.join("sluice-sandbox-init");
    if !helper.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([
            "build",
            "--quiet",
            "-p",
            "sluice-sandbox",
            "--bin",
            "sluice-sandbox-init",
        ]);
        if folder.file_name().is_some_and(|name| name == "release") {
            cargo.arg("--release");
        }
        assert!(
            cargo.status().unwrap().success(),
            "the helper cannot be built"
        );
    }
    helper
}

/// The native engine, which is not reachable for the first few jobs.
struct Flaky {
    native: Native,
    faults: AtomicUsize,
}

#[async_trait]
impl Sandbox for Flaky {
    fn engine(&self) -> &EngineInfo {
        self.native.engine()
    }

    async fn run(
        &self,
        job: &Job,
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<Ended, SandboxError> {
        let left = self
            .faults
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if left.is_ok() {
            return Err(SandboxError::Unavailable {
                engine: "docker",
                mend: "start it".to_owned(),
            });
        }
        self.native.run(job, log, cancel).await
    }

    async fn reap(&self) -> Result<usize, SandboxError> {
        self.native.reap().await
    }
}

/// A world whose gates run checks, on an engine that is gone for the first jobs.
async fn world(gate: &str, faults: usize) -> World {
    let home = home();
    let config = NativeConfig::new(home.path().join("native"), vec![helper().into()]);
    let sandbox = Flaky {
        native: Native::new(config).expect("a kernel for native sandboxes"),
        faults: AtomicUsize::new(faults),
    };
    World::on(home, gate, true, Arc::new(sandbox)).await
}

/// What a check of an attempt said, with its note and messages in one text.
async fn said(world: &World, attempt: u16, check: &str) -> (Verdict, String) {
    let view = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, attempt)
        .await
        .unwrap();
    let report = view.evaluation.unwrap().checks.unwrap();
    let found = report.checks.iter().find(|one| one.name == check).unwrap();
    (
        found.verdict,
        format!("{:?} {:?}", found.note, found.findings),
    )
}

#[tokio::test]
async fn a_red_test_is_healed_and_the_refs_are_as_the_contract_says() {
    let world = world(GATE, 0).await;
    let main = world.at("refs/heads/main");
    let wrong = ADD.replace("a + b", "a - b");
    world.script.says(&format!("{MANIFEST}\n{wrong}\n{TESTS}"));
    world.script.says(ADD);
    world
        .factory
        .gate_start(PROJECT, Gate::G0, &operator())
        .await
        .unwrap();
    // The reply is taken and checked.
    while world
        .attempts(Gate::G0)
        .await
        .first()
        .is_none_or(|one| one.1 != "red")
    {
        assert!(world.factory.tick().await.unwrap());
    }
    assert_eq!(
        world.at("refs/heads/work"),
        main,
        "`work` stays while it is red"
    );
    let run = world.gate(Gate::G0).await.run.unwrap();
    let red = world.at(&format!("refs/attempts/g0/{run}/0")).unwrap();
    let (verdict, text) = said(&world, 0, "test").await;
    assert_eq!(verdict, Verdict::Fail);
    assert!(text.contains("test/add.test.js"), "{text}");
    assert_eq!(said(&world, 0, "build").await.0, Verdict::Pass);

    world.settle().await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.fault),
        ("awaiting_approval", None)
    );
    let prompt = world.script.last_prompt();
    for part in [
        "adds",
        "test/add.test.js",
        "# Output of test",
        "- test/add.test.js",
    ] {
        assert!(prompt.contains(part), "{part:?} is not in\n{prompt}");
    }
    let green = view.subject.unwrap().commit;
    assert_eq!(
        world.at(&format!("refs/attempts/g0/{run}/1")),
        Some(green.clone())
    );
    let commit = world.repo().commit_read(&green.parse().unwrap()).unwrap();
    assert_eq!(
        commit.parents,
        [red.parse().unwrap()],
        "each builds on the one before it"
    );
    assert_eq!(world.at("refs/heads/work"), Some(green.clone()));
    assert_eq!(world.at("refs/heads/main"), main);

    world.approve(Gate::G0).await;
    assert_eq!(world.at("refs/heads/main"), Some(green));
    expect_verified(&world);
    let proven = decision(&world, Gate::G0);
    let verdicts: Vec<&str> = proven["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["fail", "pass"]);
    // What the sandboxes were given is gone.
    let left = std::fs::read_dir(world.factory.data().run()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().contains("snapshot")),
        "{left:?}"
    );
}

#[tokio::test]
async fn fewer_tests_than_before_wait_for_a_person() {
    let world = world(GATE, 0).await;
    world.script.says(&format!("{MANIFEST}\n{ADD}\n{TESTS}"));
    world.start(Gate::G0).await;
    world.approve(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "approved");
    // A person moves a test away: the gate is reopened, and what is there is checked without asking an agent.
    let tests = world
        .factory
        .file_read(PROJECT, "test/add.test.js", None)
        .await
        .unwrap();
    let text = String::from_utf8(tests.bytes).unwrap();
    let fewer: String = text
        .lines()
        .filter(|line| !line.contains("nothing"))
        .map(|line| format!("{line}\n"))
        .collect();
    let when = Precondition::Matches(vec![tests.oid]);
    world
        .factory
        .file_write(
            PROJECT,
            "test/add.test.js",
            fewer.into_bytes(),
            when,
            &operator(),
        )
        .await
        .unwrap();
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "awaiting_approval");
    assert_eq!(view.waits_for, "person");
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 0)
        .await
        .unwrap();
    let counted = attempt.evaluation.unwrap().tests();
    let expected = Tests {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    assert_eq!(counted, expected);
    world.approve(Gate::G0).await;
    expect_verified(&world);
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_never_green_and_says_so() {
    let gate = GATE.replace("heal_attempts = 3", "heal_attempts = 0");
    let world = world(&gate, 0).await;
    let manifest = MANIFEST.replace("node --check", "no-such-compiler");
    world.script.says(&format!("{manifest}\n{ADD}\n{TESTS}"));
    world.start(Gate::G0).await;
    let id = world.question(Gate::G0).await;
    let (verdict, text) = said(&world, 0, "build").await;
    assert_ne!(verdict, Verdict::Pass);
    assert!(text.contains("no-such-compiler"), "{text}");
    let question = world.factory.escalation_fetch(id).await.unwrap().question;
    assert_eq!(question["failing"], serde_json::json!(["build"]));
    let command = question["smallest_command"].as_str().unwrap();
    assert!(command.contains("sluice check --only build"), "{command}");
}

#[tokio::test]
async fn a_tree_that_no_toolchain_knows_is_never_green() {
    let gate = GATE.replace("heal_attempts = 3", "heal_attempts = 0");
    let world = world(&gate, 0).await;
    world.script.says("```md:notes.md\nNo manifest.\n```\n");
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!((view.state.as_str(), view.fault), ("escalated", None));
    let failing = &world.factory.attempt_list(PROJECT, Gate::G0).await.unwrap()[0].failing;
    assert_eq!(failing, &["install", "build", "test"]);
}

#[tokio::test]
async fn an_engine_that_is_gone_in_the_middle_spends_no_attempt() {
    let world = world(GATE, 2).await;
    world.script.says(&format!("{MANIFEST}\n{ADD}\n{TESTS}"));
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "checking");
    let fault = view.fault.unwrap();
    assert!(
        fault.contains("not reachable") && fault.contains("start it"),
        "{fault}"
    );
    let step = view.step;
    while world.gate(Gate::G0).await.state == "checking" {
        world.settle().await;
        tokio::task::yield_now().await;
    }
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.fault),
        ("awaiting_approval", None)
    );
    assert_eq!(view.step, step.map(|step| step + 1), "the same step, again");
    assert_eq!(world.attempts(Gate::G0).await, [(0, "green".to_owned())]);
    assert_eq!(world.script.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_spends_no_attempt() {
    let world = world(GATE, 0).await;
    let unreachable = MANIFEST.replace(
        "\"type\"",
        "\"dependencies\": { \"nobody\": \"http://127.0.0.1:9/nobody.tgz\" }, \"type\"",
    );
    world.script.says(&format!("{unreachable}\n{ADD}\n{TESTS}"));
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "checking");
    let fault = view.fault.unwrap();
    assert!(
        fault.contains("the packages cannot be installed"),
        "{fault}"
    );
    assert_eq!(world.attempts(Gate::G0).await, [(0, "replied".to_owned())]);
}

#[tokio::test]
async fn a_toolchain_that_the_machine_lacks_spends_no_attempt() {
    let world = world(GATE, 0).await;
    // No machine has this one: the engine shows /usr alone, and go is not there.
    let module = "```go.mod:go.mod\nmodule example.com/adder\n\ngo 1.21\n```\n\
                  ```go:main.go\npackage main\n\nfunc main() {}\n```\n";
    world.script.says(module);
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "checking");
    let fault = view.fault.unwrap();
    assert!(
        fault.contains("the machine stands in the way") && fault.contains("install Go"),
        "{fault}"
    );
    assert_eq!(world.attempts(Gate::G0).await, [(0, "replied".to_owned())]);
    assert_eq!(world.script.asked.lock().unwrap().len(), 1);
}
