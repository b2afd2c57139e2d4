//! Whole projects: what is green, and what is red for the right reason.

use sluice_checks::Verdict::{Fail, Pass, Unknown};

use crate::bench::{Bench, names, places};

/// What eslint says of the fixture `lint-error`.
const LINT_ERRORS: [&str; 2] = [
    "src/add.ts:1 @typescript-eslint/no-explicit-any",
    "src/add.ts:2 no-var",
];

#[tokio::test]
async fn a_green_project_passes() {
    let bench = Bench::new(&["green"]);
    let report = bench.check(&[]).await;
    assert_eq!(
        names(&report),
        ["install", "build", "test", "lint", "audit"]
    );
    assert_eq!(
        (report.engine.as_str(), report.toolchain.as_str()),
        ("native", "node")
    );
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(install.network, "registries");
    for name in ["build", "test", "lint"] {
        let check = bench.expect(&report, name, Pass);
        assert_eq!(
            (check.network.as_str(), check.end.as_str(), check.exit_code),
            ("none", "exited", Some(0))
        );
        assert_eq!(places(check), Vec::<String>::new());
    }
    let tests = bench.expect(&report, "test", Pass).tests.expect("counts");
    assert_eq!((tests.passed, tests.failed, tests.skipped), (1, 0, 1));
    assert!(
        bench
            .log(bench.expect(&report, "test", Pass))
            .contains("add.test.ts")
    );
    let audit = report.checks.last().expect("an audit");
    // The registry of this machine may not answer; then nothing is claimed.
    assert!(
        audit.verdict == Pass || (audit.verdict == Unknown && audit.note.is_some()),
        "{audit:?}"
    );
    assert_eq!(report.signature(), "");
    // Nothing was written into the snapshot.
    assert!(!bench.snapshot().join("node_modules").exists());
    assert!(!bench.snapshot().join("dist").exists());
}

#[tokio::test]
async fn docker_says_the_same() {
    let bench = Bench::docker(&["green", "lint-error"]).await;
    let report = bench.check(&["build", "test", "lint"]).await;
    assert_eq!(report.engine, "docker");
    bench.expect(&report, "install", Pass);
    bench.expect(&report, "build", Pass);
    assert_eq!(places(bench.expect(&report, "lint", Fail)), LINT_ERRORS);
    bench.expect(&report, "test", Pass);
    bench.write(
        "src/add.ts",
        "export function add(a: number, b: number): number {\n  return a - b;\n}\n",
    );
    let report = bench.check(&["test"]).await;
    assert!(bench.expect(&report, "install", Pass).cached);
    assert_eq!(
        places(bench.expect(&report, "test", Fail)),
        ["src/add.test.ts:5 adds"]
    );
}

#[tokio::test]
async fn a_service_must_answer_in_docker() {
    let bench = Bench::docker(&["service"]).await;
    let report = bench.check(&["smoke"]).await;
    bench.expect(&report, "smoke", Pass);
}

#[tokio::test]
async fn a_type_error_is_found_where_it_is() {
    let bench = Bench::new(&["green", "type-error"]);
    let report = bench.check(&["build", "lint"]).await;
    let build = bench.expect(&report, "build", Fail);
    assert_eq!(places(build), ["src/add.ts:2 TS2322"]);
    assert_eq!(build.findings[0].tool, "tsc");
    bench.expect(&report, "lint", Pass);
    assert_eq!(report.verdict, Fail);
    let signature = report.signature();
    bench.write("src/add.ts", "// one line more\nexport function add(a: number, b: number): number {\n  return `${a + b}`;\n}\n");
    let again = bench.check(&["build", "lint"]).await;
    assert_eq!(
        places(bench.expect(&again, "build", Fail)),
        ["src/add.ts:3 TS2322"]
    );
    assert_eq!(again.signature(), signature);
}

#[tokio::test]
async fn a_failing_test_is_found_where_it_is() {
    let bench = Bench::new(&["green", "failing-test"]);
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["src/add.test.ts:5 adds"]);
    assert!(
        test.findings[0].message.contains("expected -1 to be 3"),
        "{:?}",
        test.findings
    );
    assert_eq!(test.tests.expect("counts").failed, 1);
}

#[tokio::test]
async fn a_lint_error_is_found_where_it_is() {
    let bench = Bench::new(&["green", "lint-error"]);
    let report = bench.check(&["lint", "build"]).await;
    let lint = bench.expect(&report, "lint", Fail);
    assert_eq!(places(lint), LINT_ERRORS);
    bench.expect(&report, "build", Pass);
}

#[tokio::test]
async fn skipped_and_absent_tests_are_no_pass() {
    let bench = Bench::new(&["green", "no-tests"]);
    let test = bench.check(&["test"]).await;
    assert_eq!(places(bench.expect(&test, "test", Fail)), ["-:0 no-tests"]);
    bench.remove("src/add.test.ts");
    let test = bench.check(&["test"]).await;
    let test = bench.expect(&test, "test", Fail);
    assert!(
        test.findings[0].message.contains("No test files found"),
        "{:?}",
        test.findings
    );
}

#[tokio::test]
async fn projects_in_sub_folders_are_found() {
    let bench = Bench::new(&["split"]);
    let report = bench.check(&[]).await;
    bench.expect(&report, "install:frontend", Pass);
    let build = bench.expect(&report, "build:frontend", Fail);
    assert!(
        build.findings[0].message.contains("src/x.ts is wrong"),
        "{:?}",
        build.findings
    );
    bench.expect(&report, "build:backend", Pass);
    bench.expect(&report, "test:backend", Unknown);
    assert!(!bench.snapshot().join("backend/built").exists());
}

#[tokio::test]
async fn workspaces_are_installed_once_and_checked_each() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "root", "private": true, "workspaces": ["packages/*"]}"#,
    );
    bench.write(
        "packages/a/package.json",
        r#"{"name": "@x/a", "version": "1.0.0", "type": "module", "exports": "./a.js"}"#,
    );
    bench.write("packages/a/a.js", "export const a = 1;\n");
    bench.write(
        "packages/b/package.json",
        r#"{"name": "@x/b", "version": "1.0.0", "type": "module", "dependencies": {"@x/a": "1.0.0"}, "scripts": {"test": "node --test"}}"#,
    );
    bench.write(
        "packages/b/b.test.js",
        "import assert from 'node:assert';\nimport test from 'node:test';\nimport { a } from '@x/a';\n\ntest('a is two', () => assert.equal(a, 2));\n",
    );
    let report = bench.check(&["test"]).await;
    assert_eq!(names(&report), ["install", "test:packages/b"]);
    let test = bench.expect(&report, "test:packages/b", Fail);
    assert_eq!(places(test), ["packages/b/b.test.js:5 a is two"]);
}

#[tokio::test]
async fn without_a_toolchain_nothing_is_claimed() {
    let bench = Bench::new(&[]);
    bench.write("README.md", "# Words\n");
    let report = bench.check(&[]).await;
    assert_eq!(
        (report.toolchain.as_str(), report.verdict),
        ("none", Unknown)
    );
    assert_eq!(
        names(&report),
        ["install", "build", "test", "lint", "audit"]
    );
    for check in &report.checks {
        assert_eq!(check.end, "skipped");
        assert!(
            check
                .note
                .as_deref()
                .is_some_and(|note| note.contains("package.json"))
        );
    }
}

#[tokio::test]
async fn a_service_must_answer() {
    let bench = Bench::new(&["service"]);
    let report = bench.check(&["smoke"]).await;
    let smoke = bench.expect(&report, "smoke", Pass);
    assert_eq!(smoke.network, "none");
    assert!(
        bench
            .log(smoke)
            .contains("GET /health on port 3000 gave 200")
    );
    let mut other = bench.request(&["smoke"]);
    other.health = vec!["/ready".to_owned()];
    let report = bench.try_check(&other).await.expect("no fault");
    // A start that listens but never answers takes its whole time; one that ends is told at once.
    bench.expect(&report, "smoke", Fail);
    bench.write("src/server.js", "throw new Error('no configuration');\n");
    let report = bench.check(&["smoke"]).await;
    let smoke = bench.expect(&report, "smoke", Fail);
    assert_eq!(smoke.findings[0].rule, "start");
    assert_eq!(places(smoke)[1], "dist/server.js:1 Error");
}

#[tokio::test]
async fn a_manifest_that_says_nothing_is_red_at_its_place() {
    for (text, place) in [
        (
            "{\"name\": \"a\",\n \"scripts\": {\"test\": \"node --test\",}\n}",
            "package.json:2 manifest-broken",
        ),
        ("[1, 2]", "package.json:0 manifest-broken"),
        ("", "package.json:1 manifest-broken"),
    ] {
        let bench = Bench::new(&[]);
        bench.write("package.json", text);
        let report = bench.check(&["test"]).await;
        let install = bench.expect(&report, "install", Fail);
        assert_eq!(places(install), [place], "{text}");
        let test = bench.expect(&report, "test", Unknown);
        assert!(
            test.note
                .as_deref()
                .is_some_and(|note| note.contains("cannot be read"))
        );
    }
}

#[tokio::test]
async fn each_member_reports_its_own_tests() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "m", "private": true, "workspaces": ["p/*"], "scripts": {"test": "npm test --workspaces"}}"#,
    );
    for (name, wanted) in [("a", 2), ("b", 1)] {
        let manifest = format!(
            r#"{{"name": "{name}", "version": "1.0.0", "scripts": {{"test": "node --test"}}}}"#
        );
        bench.write(&format!("p/{name}/package.json"), &manifest);
        let test =
            format!("require('node:test')('t', () => require('assert').equal(1, {wanted}));");
        bench.write(&format!("p/{name}/t.test.js"), &test);
    }
    let report = bench.check(&["test"]).await;
    let red = bench.expect(&report, "test:p/a", Fail);
    assert_eq!(places(red), ["p/a/t.test.js:1 t"]);
    bench.expect(&report, "test:p/b", Pass);
}

#[tokio::test]
async fn a_heap_as_large_as_allowed_is_not_killed() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "h", "version": "1.0.0", "scripts": {"test": "node --test"}}"#,
    );
    // 2.5 GiB of what is really there, and a heap that ends before the sandbox does.
    bench.write(
        "heap.test.js",
        "const most = require('v8').getHeapStatistics().heap_size_limit;\n\
         require('node:test')('fits', () => {\n\
           require('assert')(most > 2.9 * 2 ** 30 && most < 4 * 2 ** 30, `${most}`);\n\
           const held = Array.from({ length: 20 }, () => Buffer.alloc(128 << 20, 1));\n\
           require('assert').equal(held.length, 20);\n\
         });\n",
    );
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Pass);
    assert_eq!(test.tests.map(|tests| tests.passed), Some(1));
}
