//! Test runners, honest ones and others.

use sluice_checks::Verdict::{Fail, Pass, Unknown};

use crate::bench::{Bench, places};

#[tokio::test]
async fn node_test_is_read() {
    let bench = Bench::new(&["node-test"]);
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["test/a.test.js:6 fails"]);
    let tests = test.tests.expect("counts");
    assert_eq!((tests.passed, tests.failed, tests.skipped), (1, 1, 1));
    bench.write(
        "test/a.test.js",
        "import test from 'node:test';\ntest('holds', () => {});\n",
    );
    let report = bench.check(&["test"]).await;
    bench.expect(&report, "test", Pass);
}

#[tokio::test]
async fn jest_is_read_through_another_script() {
    let bench = Bench::new(&["jest"]);
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Fail);
    assert_eq!(places(test), ["sum.test.js:7 subtracts"]);
    assert_eq!(test.tests.expect("counts").passed, 1);
    assert_eq!(test.coverage.as_ref().expect("a coverage").lines, 0.8);
}

/// What the fixture's runner does, the verdict, and the rule of the first finding.
const LIES: [(&str, sluice_checks::Verdict, &str); 9] = [
    (
        r#"echo '{"numPassedTests":1,"testResults":[{"assertionResults":[{"status":"passed"}]}]}' > /sluice/out/test.json"#,
        Pass,
        "",
    ),
    (
        r#"echo '{"testResults":[{"assertionResults":[{"fullName":"a","status":"failed"}]}]}' > /sluice/out/test.json"#,
        Fail,
        "a",
    ),
    (
        r#"echo '{"numPassedTests":1,"testResults":[{"assertionResults":[{"status":"passed"}]}]}' > /sluice/out/test.json; exit 1"#,
        Fail,
        "",
    ),
    (
        r#"echo '{"numPassedTests":99,"success":true,"testResults":[]}' > /sluice/out/test.json"#,
        Fail,
        "report-disagrees",
    ),
    (
        r"ln -s /etc/passwd /sluice/out/test.json",
        Fail,
        "report-missing",
    ),
    (r"echo '{' > /sluice/out/test.json", Fail, "report-missing"),
    (
        r"head -c 100000000 /dev/zero > /sluice/out/test.json",
        Fail,
        "report-missing",
    ),
    (
        r"echo 99 passed; cp test-results.json /tmp",
        Fail,
        "report-missing",
    ),
    (r"exit 127", Unknown, "missing-tool"),
];

#[tokio::test]
async fn lies_are_no_pass() {
    let bench = Bench::new(&["liar"]);
    bench.write(
        "test-results.json",
        r#"{"numPassedTests": 99, "success": true}"#,
    );
    for (behaviour, verdict, rule) in LIES {
        bench.write("behaviour", behaviour);
        let report = bench.check(&["test"]).await;
        let test = bench.expect(&report, "test", verdict);
        let found = test
            .findings
            .first()
            .map_or("", |finding| finding.rule.as_str());
        assert_eq!(found, rule, "{behaviour}: {test:#?}");
    }
}

#[tokio::test]
async fn scripts_that_run_nothing_are_no_pass() {
    let bench = Bench::new(&[]);
    let cases = [
        ("echo 99 passed", Fail),
        ("exit 0", Fail),
        ("node -e 0", Unknown),
        ("echo \\\"Error: no test specified\\\" && exit 1", Unknown),
        ("node -e \\\"process.exit(3)\\\"", Fail),
    ];
    for (script, verdict) in cases {
        bench.write(
            "package.json",
            &format!(r#"{{"name": "x", "version": "1.0.0", "scripts": {{"test": "{script}"}}}}"#),
        );
        let report = bench.check(&["test"]).await;
        bench.expect(&report, "test", verdict);
    }
}

#[tokio::test]
async fn words_in_the_output_change_nothing() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "x", "version": "1.0.0", "scripts": {"lint": "node -e \"console.log('0 errors, error handling is fine')\"", "build": "echo Cannot find module: handled"}}"#,
    );
    let report = bench.check(&["build", "lint"]).await;
    bench.expect(&report, "build", Pass);
    bench.expect(&report, "lint", Pass);
}
