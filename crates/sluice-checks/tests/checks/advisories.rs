//! Audits against databases on this machine, poetry's lockfile, and nextest.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sluice_checks::Toolchain::{Go, Python, Rust};
use sluice_checks::Verdict::{Fail, Pass, Unknown};
use sluice_checks::{Fixable, HostToolchains, Toolchain};

use crate::bench::{Bench, cache, path, places};

const CARGO: &str = "[package]\nname = \"adder\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"adder\"\nversion = \"1.0.0\"\n";

/// A machine with a toolchain and a program that answers with a file of the database it is given.
async fn with_stub(toolchain: Toolchain, name: &str, answer: &str) -> (Bench, PathBuf) {
    let folder = cache().join("stubs").join(name);
    let database = folder.join("database");
    fs::create_dir_all(folder.join("bin")).expect("a folder");
    for part in ["rustsec", "go"] {
        fs::create_dir_all(database.join(part)).expect("a folder");
        fs::write(database.join(part).join("answer"), answer).expect("an answer");
    }
    let program = folder.join("bin").join(name);
    let script = "#!/bin/sh\nfor word in \"$@\"; do\n  folder=${word#file://}\n\
                  \x20 [ -f \"$folder/answer\" ] && cat \"$folder/answer\" && exit 0\ndone\nexit 3\n";
    fs::write(&program, script).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
    let mut found = HostToolchains::find(&[toolchain], &path()).await;
    found.mounts.push(folder.join("bin"));
    found.search.push(folder.join("bin"));
    (Bench::with_programs(&found.mounts, &found.search), database)
}

fn knows(bench: &mut Bench, database: &Path) {
    bench.checker = bench.checker_with(|settings| settings.advisories = Some(database.to_owned()));
}

#[tokio::test]
async fn crates_are_audited_against_a_database_of_this_machine() {
    let answer = r#"{"vulnerabilities": {"count": 1, "list": [{"advisory": {"id": "RUSTSEC-2020-0071", "title": "Segfault"}, "package": {"name": "time", "version": "0.1.43"}}]}}"#;
    let (mut bench, database) = with_stub(Rust, "cargo-audit", answer).await;
    bench.write("Cargo.toml", CARGO);
    bench.write("Cargo.lock", LOCK);
    bench.write("src/lib.rs", "");
    let report = bench.check(&["audit"]).await;
    let audit = bench.expect(&report, "audit", Unknown);
    assert!(
        audit
            .note
            .as_deref()
            .is_some_and(|note| note.contains("audit.database")),
        "{audit:#?}"
    );
    knows(&mut bench, &database);
    let report = bench.check(&["audit"]).await;
    let audit = bench.expect(&report, "audit", Fail);
    assert_eq!(places(audit), ["Cargo.lock:0 RUSTSEC-2020-0071"]);
    assert_eq!(audit.network, "none");
    // What is no answer is no clean one, and nothing is remembered of either.
    fs::write(database.join("rustsec/answer"), "{}").expect("an answer");
    let report = bench.check(&["audit"]).await;
    bench.expect(&report, "audit", Unknown);
    fs::write(
        database.join("rustsec/answer"),
        r#"{"vulnerabilities": {"count": 0, "list": []}}"#,
    )
    .expect("an answer");
    let report = bench.check(&["audit"]).await;
    bench.expect(&report, "audit", Pass);
}

#[tokio::test]
async fn without_its_program_an_audit_is_no_pass() {
    let database = cache().join("stubs/none");
    fs::create_dir_all(&database).expect("a folder");
    let mut bench = Bench::with(&[Rust, Go, Python], &[]).await;
    knows(&mut bench, &database);
    bench.write("Cargo.toml", CARGO);
    bench.write("Cargo.lock", LOCK);
    bench.write("src/lib.rs", "");
    bench.write("api/go.mod", "module example.com/a\n\ngo 1.21\n");
    bench.write("api/a.go", "package a\n");
    bench.write("web/requirements.txt", "");
    bench.write("web/a.py", "");
    let report = bench.check(&["audit"]).await;
    for (name, mend) in [
        ("audit", "cargo install --locked cargo-audit"),
        ("audit:api", "go install golang.org/x/vuln/cmd/govulncheck"),
        ("audit:web", "pip install pip-audit"),
    ] {
        let audit = bench.expect(&report, name, Unknown);
        assert!(
            audit
                .note
                .as_deref()
                .is_some_and(|note| note.contains(mend)),
            "{audit:#?}"
        );
        assert_eq!(audit.findings[0].fixable, Fixable::Environment);
    }
}

#[tokio::test]
async fn modules_are_audited_against_a_database_of_this_machine() {
    let answer = "{\"config\": {}}\n{\"osv\": {\"id\": \"GO-2021-0113\", \"summary\": \"Out-of-bounds read\"}}\n\
                  {\"finding\": {\"osv\": \"GO-2021-0113\", \"trace\": [{\"module\": \"golang.org/x/text\", \"function\": \"Parse\"}]}}\n";
    let (mut bench, database) = with_stub(Go, "govulncheck", answer).await;
    knows(&mut bench, &database);
    bench.write("go.mod", "module example.com/a\n\ngo 1.21\n");
    bench.write("a.go", "package a\n");
    let report = bench.check(&["audit"]).await;
    // It left with 0.
    let audit = bench.expect(&report, "audit", Fail);
    assert_eq!(
        (audit.exit_code, places(audit)),
        (Some(0), vec!["go.mod:0 GO-2021-0113".to_owned()])
    );
}

#[tokio::test]
async fn poetrys_lockfile_is_installed_without_poetry() {
    let bench = Bench::with(&[Python], &[]).await;
    let project = |more: &str| {
        format!(
            "[tool.poetry]\nname = \"adder\"\nversion = \"1.0.0\"\npackage-mode = false\n\n[tool.poetry.dependencies]\n\
             python = \">=3.9\"\nidna = \"3.10\"\n{more}"
        )
    };
    let lock = "[[package]]\nname = \"idna\"\nversion = \"3.10\"\ndescription = \"\"\noptional = false\npython-versions = \">=3.6\"\n\
                groups = [\"main\"]\nfiles = [\n    {file = \"idna-3.10-py3-none-any.whl\", hash = \"sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3\"},\n]\n\n\
                [metadata]\nlock-version = \"2.1\"\npython-versions = \">=3.9\"\n";
    bench.write("pyproject.toml", &project(""));
    bench.write("poetry.lock", lock);
    bench.write("test_a.py", "import unittest\n\nimport idna\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(idna.__version__, '3.10')\n");
    let report = bench.check(&["build", "test"]).await;
    bench.expect(&report, "install", Pass);
    bench.expect(&report, "build", Pass);
    assert_eq!(
        bench
            .expect(&report, "test", Pass)
            .tests
            .expect("counts")
            .passed,
        1
    );
    // A manifest that names more than the lockfile, a digest that is another's, a file that is no lockfile.
    bench.write("pyproject.toml", &project("requests = \"*\"\n"));
    let report = bench.check(&["install"]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["pyproject.toml:0 lockfile-disagrees"]
    );
    bench.write("pyproject.toml", &project(""));
    bench.write("poetry.lock", &lock.replace("946d", "946e"));
    let report = bench.check(&["install"]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["pyproject.toml:0 hash-mismatch"]
    );
    bench.write("poetry.lock", "[[package]\n");
    let report = bench.check(&["install"]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["pyproject.toml:0 lockfile-broken"]
    );
}

#[tokio::test]
async fn nextest_runs_the_tests_where_the_project_configures_it() {
    let bench = Bench::with(&[Rust], &[]).await;
    bench.write("Cargo.toml", CARGO);
    bench.write("Cargo.lock", LOCK);
    bench.write(".config/nextest.toml", "[profile.default]\nretries = 0\n");
    let code = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn holds() {}\n\n    #[test]\n    fn adds() {\n        assert_eq!(1 + 1, SUM);\n    }\n}\n";
    bench.write("src/lib.rs", &code.replace("SUM", "3"));
    let report = bench.check(&["test"]).await;
    let is_there = ["/usr/local/bin", "/usr/bin"]
        .iter()
        .any(|folder| Path::new(folder).join("cargo-nextest").exists());
    if !is_there {
        let test = bench.expect(&report, "test", Unknown);
        assert!(
            test.note
                .as_deref()
                .is_some_and(|note| note.contains("cargo-nextest")),
            "{test:#?}"
        );
        return;
    }
    let test = bench.expect(&report, "test", Fail);
    let tests = test.tests.expect("counts");
    assert_eq!((tests.passed, tests.failed), (1, 1));
    assert_eq!(
        (test.findings[0].tool.as_str(), places(test)),
        ("nextest", vec!["src/lib.rs:8 tests::adds".to_owned()])
    );
    bench.write("src/lib.rs", &code.replace("SUM", "2"));
    let report = bench.check(&["test"]).await;
    bench.expect(&report, "test", Pass);
    bench.write("src/lib.rs", "");
    let report = bench.check(&["test"]).await;
    bench.expect(&report, "test", Fail);
}
