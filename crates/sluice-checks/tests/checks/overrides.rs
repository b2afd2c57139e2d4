//! What a project says of its own checks, and how much the tests of each toolchain cover.

use sluice_checks::Toolchain::{Go, Python};
use sluice_checks::Verdict::{Fail, Pass, Unknown};
use sluice_checks::{CheckResult, Class};

use crate::bench::{Bench, places};

fn node(scripts: &str) -> Bench {
    let bench = Bench::new(&[]);
    let manifest = format!(r#"{{"name": "o", "version": "1.0.0", "scripts": {{{scripts}}}}}"#);
    bench.write("package.json", &manifest);
    bench
}

#[tokio::test]
async fn a_command_of_the_projects_own_is_run() {
    let bench = node(r#""test": "exit 1""#);
    let xml = "<testsuites><testsuite><testcase name=\\\"a\\\"/>MORE</testsuite></testsuites>";
    let sluice = |more: &str| {
        let xml = xml.replace("MORE", more);
        format!(
            "[checks.test]\ncommand = [\"node\", \"-e\", \"fs.writeFileSync('/sluice/out/test.xml', '{xml}')\"]\nreport = \"junit\"\n\
             dir = \"sub\"\n"
        )
    };
    bench.write("sub/a.txt", "");
    bench.write("sluice.toml", &sluice(""));
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Pass);
    assert_eq!(test.command[..2], ["node", "-e"]);
    assert_eq!(test.tests.expect("counts").passed, 1);
    // It leaves with 0, and its report says that something failed.
    bench.write(
        "sluice.toml",
        &sluice("<testcase name=\\\"b\\\"><failure/></testcase>"),
    );
    let report = bench.check(&["test"]).await;
    assert_eq!(places(bench.expect(&report, "test", Fail)), ["-:0 b"]);
    // Without a report nothing was counted.
    bench.write("sluice.toml", "[checks.test]\ncommand = [\"true\"]\n");
    let report = bench.check(&["test"]).await;
    bench.expect(&report, "test", Unknown);
    // There is no shell between, and no network.
    bench.write(
        "sluice.toml",
        "[checks.lint]\ncommand = [\"echo\", \"$(id)\", \"; exit 1\"]\n",
    );
    let report = bench.check(&["lint"]).await;
    let lint = bench.expect(&report, "lint", Pass);
    assert!(bench.log(lint).contains("$(id) ; exit 1"));
    assert_eq!(lint.network, "none");
}

#[tokio::test]
async fn a_file_with_a_fault_is_red_where_the_fault_is() {
    let bench = node(r#""lint": "node -e 0""#);
    bench.write(
        "sluice.toml",
        "[checks.lint]\ncommand = [\"true\"]\nnetwrok = true\n",
    );
    let report = bench.check(&["lint"]).await;
    let install = bench.expect(&report, "install", Fail);
    assert_eq!(install.findings[0].path.as_deref(), Some("sluice.toml"));
    assert_eq!(install.findings[0].line, Some(3));
    assert!(install.findings[0].message.contains("netwrok"));
    let lint = bench.expect(&report, "lint", Unknown);
    assert_eq!(lint.blocked_by.as_deref(), Some("install"));
}

#[tokio::test]
async fn a_check_that_does_not_listen_to_signals_ends_in_time() {
    let bench = node(r#""test": "true""#);
    let deaf = "for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, () => {}); setInterval(() => {}, 1000)";
    let sluice =
        format!("[checks.test]\ncommand = [\"node\", \"-e\", \"{deaf}\"]\ntimeout_seconds = 2\n");
    bench.write("sluice.toml", &sluice);
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(test.end, "timed_out");
    assert_eq!(test.findings[0].class, Class::Timeout);
    assert!(
        (2_000..60_000).contains(&test.wall_ms),
        "{} ms",
        test.wall_ms
    );
}

#[track_caller]
fn covered(test: &CheckResult) -> Vec<(&str, f64)> {
    let coverage = test.coverage.as_ref().expect("a coverage");
    let files = coverage.files.iter();
    files.map(|file| (file.path.as_str(), file.lines)).collect()
}

#[tokio::test]
async fn go_says_what_it_covers() {
    let bench = Bench::with(&[Go], &[]).await;
    bench.write("go.mod", "module example.com/adder\n\ngo 1.21\n");
    bench.write(
        "lib/lib.go",
        "// Package lib adds.\npackage lib\n\n// Add adds.\nfunc Add(a, b int) int {\n\treturn a + b\n}\n\n\
         // Sub subtracts.\nfunc Sub(a, b int) int {\n\treturn a - b\n}\n",
    );
    bench.write(
        "lib/lib_test.go",
        "package lib\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal()\n\t}\n}\n",
    );
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Pass);
    assert_eq!(covered(test), [("lib/lib.go", 0.5)]);
    let mut test = test.clone();
    test.demand_coverage(0.5);
    assert_eq!(test.verdict, Pass);
    test.demand_coverage(0.6);
    assert_eq!(test.verdict, Fail);
    assert_eq!(
        places(&test),
        ["-:0 coverage-floor", "lib/lib.go:0 uncovered-file"]
    );
}

#[tokio::test]
async fn pytest_says_what_it_covers() {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write(
        "pyproject.toml",
        "[project]\nname = \"adder\"\nversion = \"1.0.0\"\n\n[dependency-groups]\ndev = [\"pytest==8.4.1\", \"pytest-cov==6.2.1\"]\n\n\
         [tool.coverage.report]\nfail_under = 99\n",
    );
    bench.write(
        "adder.py",
        "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n",
    );
    bench.write(
        "test_adder.py",
        "from adder import add\n\n\ndef test_adds():\n    assert add(1, 2) == 3\n",
    );
    let report = bench.check(&["test"]).await;
    let files = covered(bench.expect(&report, "test", Pass));
    assert!(files.contains(&("adder.py", 0.75)), "{files:?}");
}

#[tokio::test]
async fn node_says_what_it_covers() {
    let bench = node(r#""test": "node --test --experimental-test-coverage""#);
    bench.write(
        "add.js",
        "exports.add = (a, b) => a + b;\nexports.sub = (a, b) => {\n  return a - b;\n};\n",
    );
    bench.write(
        "add.test.js",
        "const assert = require('node:assert');\nconst { add } = require('./add.js');\n\nrequire('node:test')('adds', () => assert.equal(add(1, 2), 3));\n",
    );
    let report = bench.check(&["test"]).await;
    let files = covered(bench.expect(&report, "test", Pass));
    let (_, share) = files
        .iter()
        .find(|(path, _)| *path == "add.js")
        .expect("add.js");
    assert!((0.25..1.0).contains(share), "{files:?}");
}
