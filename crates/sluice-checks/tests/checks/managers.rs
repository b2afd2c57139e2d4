//! Real pnpm, yarn and biome, and workspaces whose members need each other's builds.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use sluice_checks::Level;
use sluice_checks::Verdict::{Fail, Pass, Unknown};

use crate::bench::{Bench, cache, names, places};

/// Package managers, installed once for all tests of this machine: the folder of one of them.
pub(crate) fn manager(package: &str) -> PathBuf {
    let name: String = package
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let folder = cache().join("managers").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let lock = File::create(folder.join("lock")).expect("a lock");
    lock.lock().expect("the lock");
    if !folder.join("whole").exists() {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--global",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ]);
        npm.arg("--prefix").arg(&folder).arg(package);
        let ran = npm.output().expect("npm");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        std::fs::write(folder.join("whole"), "").expect("a file");
    }
    folder
}

/// A sandbox that has this package manager.
pub(crate) fn with(package: &str) -> Bench {
    let folder = manager(package);
    Bench::with_programs(std::slice::from_ref(&folder), &[folder.join("bin")])
}

/// Writes the lockfile as a person would: with the tool itself, on this machine.
fn lock(bench: &Bench, package: &str, argv: &[&str]) {
    let program = manager(package).join("bin").join(argv[0]);
    let mut command = Command::new(program);
    command.args(&argv[1..]).current_dir(bench.snapshot());
    command
        .env("CI", "false")
        .env("YARN_NODE_LINKER", "node-modules");
    command
        .env("YARN_ENABLE_TELEMETRY", "0")
        .env("YARN_ENABLE_SCRIPTS", "0");
    let ran = command.output().expect("the package manager");
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    for leftover in ["node_modules", ".yarn"] {
        let _ = std::fs::remove_dir_all(bench.snapshot().join(leftover));
    }
}

const TEST: &str = "const test = require('node:test');\nconst assert = require('node:assert');\n\
                    const ms = require('ms');\n\ntest('a second', () => assert.equal(ms('1s'), 1000));\n";

fn manifest(range: &str) -> String {
    format!(
        r#"{{"name": "m", "version": "1.0.0", "scripts": {{"test": "node --test", "preinstall": "exit 1"}}, "dependencies": {{"ms": "{range}"}}}}"#
    )
}

/// The same of every package manager but npm.
async fn installs_what_is_locked(package: &str, lockfile: &str, argv: &[&str]) {
    let bench = with(package);
    bench.write("package.json", &manifest("2.1.2"));
    bench.write("m.test.js", TEST);
    lock(&bench, package, argv);
    let locked = std::fs::read_to_string(bench.snapshot().join(lockfile)).expect("a lockfile");
    assert!(locked.contains("2.1.2"), "{locked}");
    let report = bench.check(&["install", "test"]).await;
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(install.command[0], argv[0]);
    assert_eq!(places(install), Vec::<String>::new());
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!(tests.passed, 1);
    // A lockfile that says something else than the manifest is told, and not believed.
    bench.write("package.json", &manifest("2.1.3"));
    bench.write(
        "m.test.js",
        &TEST.replace(
            "ms('1s'), 1000",
            "require('ms/package.json').version, '2.1.3'",
        ),
    );
    let report = bench.check(&["test"]).await;
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(
        places(install),
        [format!("{lockfile}:0 lockfile-disagrees")]
    );
    assert_eq!(install.findings[0].level, Level::Warning);
    bench.expect(&report, "test", Pass);
    bench.write("package.json", &manifest("99.0.0"));
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Fail);
    assert_eq!(install.findings[0].path.as_deref(), Some("package.json"));
    assert!(
        install.findings[0].message.contains("99.0.0"),
        "{install:#?}"
    );
}

#[tokio::test]
async fn pnpm_installs_what_is_locked() {
    let argv = ["pnpm", "install", "--lockfile-only", "--ignore-scripts"];
    installs_what_is_locked("pnpm@10", "pnpm-lock.yaml", &argv).await;
}

#[tokio::test]
async fn yarn_installs_what_is_locked() {
    let argv = ["yarn", "install", "--ignore-scripts", "--non-interactive"];
    installs_what_is_locked("yarn@1", "yarn.lock", &argv).await;
}

#[tokio::test]
async fn a_newer_yarn_installs_what_is_locked() {
    let argv = ["yarn", "install", "--mode=update-lockfile"];
    installs_what_is_locked("@yarnpkg/cli-dist@4", "yarn.lock", &argv).await;
}

#[tokio::test]
async fn without_its_package_manager_nothing_is_claimed() {
    for (files, mend) in [
        (
            vec![("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")],
            "npm install --global pnpm",
        ),
        (
            vec![("yarn.lock", "# yarn lockfile v1\n")],
            "npm install --global yarn",
        ),
        (
            vec![("yarn.lock", "__metadata:\n  version: 8\n")],
            "@yarnpkg/cli-dist",
        ),
    ] {
        let bench = Bench::with_programs(&[], &[]);
        bench.write("package.json", r#"{"name": "m", "version": "1.0.0"}"#);
        for (path, text) in files {
            bench.write(path, text);
        }
        let report = bench.check(&["install", "build"]).await;
        let install = bench.expect(&report, "install", Unknown);
        let note = install.note.as_deref().unwrap_or_default();
        assert!(note.contains(mend), "{note}");
        assert!(install.is_the_environments());
        // There is nothing to build, whatever is installed.
        assert_eq!(bench.expect(&report, "build", Pass).blocked_by, None);
    }
}

#[tokio::test]
async fn a_yarn_of_another_kind_is_named() {
    let bench = with("yarn@1");
    bench.write(
        "package.json",
        r#"{"name": "m", "version": "1.0.0", "packageManager": "yarn@4.1.0"}"#,
    );
    bench.write("yarn.lock", "__metadata:\n  version: 8\n");
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Unknown);
    assert!(
        install
            .note
            .as_deref()
            .unwrap_or_default()
            .contains("@yarnpkg/cli-dist"),
        "{install:#?}"
    );
}

#[tokio::test]
async fn members_of_a_pnpm_workspace_are_checked_each() {
    let bench = with("pnpm@10");
    bench.write(
        "package.json",
        r#"{"name": "root", "private": true, "scripts": {"test": "pnpm -r test"}}"#,
    );
    bench.write(
        "pnpm-workspace.yaml",
        "packages:\n  - packages/*\n  - '!packages/old'\n",
    );
    bench.write(
        "packages/old/package.json",
        r#"{"name": "old", "scripts": {"test": "exit 1"}}"#,
    );
    bench.write(
        "packages/a/package.json",
        r#"{"name": "@x/a", "version": "1.0.0", "main": "a.js", "scripts": {"test": "node --test"}, "dependencies": {"ms": "2.1.3"}}"#,
    );
    bench.write("packages/a/a.js", "module.exports = require('ms');\n");
    bench.write(
        "packages/a/a.test.js",
        "require('node:test')('holds', () => {});\n",
    );
    bench.write(
        "packages/b/package.json",
        r#"{"name": "@x/b", "version": "1.0.0", "scripts": {"test": "node --test"}, "dependencies": {"@x/a": "workspace:*"}}"#,
    );
    bench.write(
        "packages/b/b.test.js",
        "const assert = require('node:assert');\nrequire('node:test')('a second', () => assert.equal(require('@x/a')('1s'), 1000));\n",
    );
    lock(
        &bench,
        "pnpm@10",
        &["pnpm", "install", "--lockfile-only", "--ignore-scripts"],
    );
    let report = bench.check(&["test"]).await;
    assert!(
        names(&report).contains(&"test:packages/b"),
        "{:?}",
        names(&report)
    );
    for name in ["test:packages/a", "test:packages/b"] {
        assert_eq!(
            bench
                .expect(&report, name, Pass)
                .tests
                .expect("counts")
                .passed,
            1
        );
    }
}

#[tokio::test]
async fn a_member_that_needs_anothers_build_is_no_false_red() {
    let bench = Bench::new(&[]);
    let member = |name: &str, more: &str| {
        format!(
            r#"{{"name": "@x/{name}", "version": "1.0.0", "main": "dist/index.js", "scripts": {{"build": "node build.js", "test": "node --test"}}{more}}}"#
        )
    };
    let build = "const fs = require('node:fs');\nfs.mkdirSync('dist');\nrequire.resolve('./index.js');\n\
                 fs.copyFileSync('index.js', 'dist/index.js');\nBEFORE\n";
    bench.write(
        "package.json",
        r#"{"name": "root", "private": true, "workspaces": ["packages/*"]}"#,
    );
    for (name, needs, code) in [
        ("a", "", "exports.one = 1;\n"),
        ("b", "a", "exports.two = require('@x/a').one + 1;\n"),
        ("c", "b", "exports.three = require('@x/b').two + 1;\n"),
    ] {
        let (more, before) = match needs {
            "" => (String::new(), String::new()),
            needs => (
                format!(r#", "dependencies": {{"@x/{needs}": "1.0.0"}}"#),
                format!("require('@x/{needs}');"),
            ),
        };
        let folder = format!("packages/{name}");
        bench.write(&format!("{folder}/package.json"), &member(name, &more));
        bench.write(
            &format!("{folder}/build.js"),
            &build.replace("BEFORE", &before),
        );
        bench.write(&format!("{folder}/index.js"), code);
    }
    let test = |two: u8| {
        format!(
            "const assert = require('node:assert');\nrequire('node:test')('three', () => assert.equal(require('../index.js').three, {two}));\n"
        )
    };
    bench.write("packages/c/test/c.test.js", &test(3));
    let report = bench.check(&["build", "test:packages/c"]).await;
    for name in ["build:packages/a", "build:packages/b", "build:packages/c"] {
        bench.expect(&report, name, Pass);
    }
    assert_eq!(
        bench
            .expect(&report, "test:packages/c", Pass)
            .tests
            .expect("counts")
            .passed,
        1
    );
    // What is really red stays so, with its place.
    bench.write("packages/c/test/c.test.js", &test(4));
    let report = bench.check(&["test:packages/c"]).await;
    let test = bench.expect(&report, "test:packages/c", Fail);
    assert_eq!(places(test), ["packages/c/test/c.test.js:2 three"]);
    // So does a member whose build is.
    bench.write("packages/a/index.js", "exports.one = ;\n");
    let report = bench.check(&["build:packages/c"]).await;
    bench.expect(&report, "build:packages/c", Fail);
}

#[tokio::test]
async fn biome_is_read() {
    let bench = Bench::new(&[]);
    let manifest = r#"{ "name": "b", "version": "1.0.0", "scripts": { "lint": "biome lint ." }, "devDependencies": { "@biomejs/biome": "2.2.4" } }"#;
    bench.write("package.json", manifest);
    bench.write("biome.json", "{}\n");
    bench.write(
        "src/a.js",
        "const x = Number(process.argv[2]);\nif (x == \"1\") {\n\tdebugger;\n}\n",
    );
    let report = bench.check(&["lint"]).await;
    let lint = bench.expect(&report, "lint", Fail);
    assert_eq!(
        places(lint),
        [
            "src/a.js:2 lint/suspicious/noDoubleEquals",
            "src/a.js:3 lint/suspicious/noDebugger"
        ]
    );
    assert_eq!(lint.findings[0].tool, "biome");
    bench.write("src/a.js", "export const x = 1;\n");
    let report = bench.check(&["lint"]).await;
    bench.expect(&report, "lint", Pass);
    // Without a script it is run for its configuration, and looks at the form too.
    bench.write(
        "package.json",
        &manifest.replace("\"lint\": \"biome lint .\"", ""),
    );
    bench.write("src/a.js", "export const x=1\n");
    let report = bench.check(&["lint"]).await;
    let lint = bench.expect(&report, "lint", Fail);
    assert!(
        places(lint).contains(&"src/a.js:0 format".to_owned()),
        "{lint:#?}"
    );
}
