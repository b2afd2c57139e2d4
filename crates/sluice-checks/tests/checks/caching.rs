//! What is answered from an earlier run, and what is not.

use sluice_checks::Verdict::{Fail, Pass};
use sluice_checks::{CheckReport, Quiet};
use tokio_util::sync::CancellationToken;

use crate::bench::Bench;

const MANIFEST: &str = r#"{"name": "x", "version": "1.0.0", "scripts": {"build": "npm run check", "check": "node --check src/a.js", "test": "node --test"}}"#;

/// A project with a source, a test and a document.
fn project() -> Bench {
    let bench = Bench::new(&[]);
    bench.write("package.json", MANIFEST);
    bench.write("src/a.js", "const a = 1;\n");
    bench.write(
        "test/a.test.js",
        "import test from 'node:test';\ntest('holds', () => {});\n",
    );
    bench.write("docs/a.md", "# a\n");
    bench
}

/// The names of the checks that were run and not remembered.
fn ran(report: &CheckReport) -> Vec<&str> {
    let ran = report.checks.iter().filter(|check| !check.cached);
    ran.map(|check| check.name.as_str()).collect()
}

#[tokio::test]
async fn a_document_reruns_no_test() {
    let bench = project();
    let first = bench.check(&["build", "test"]).await;
    bench.expect(&first, "test", Pass);
    bench.write("docs/a.md", "# another\n");
    bench.write("docs/b.md", "# b\n");
    let second = bench.check(&["build", "test"]).await;
    // `node` without `--test` is no tool that is known, so what it reads is not either.
    assert_eq!(ran(&second), ["build"]);
    assert_ne!(first.tree, second.tree);
}

#[tokio::test]
async fn a_changed_source_reruns_checks_and_no_installation() {
    let bench = project();
    bench.check(&["build", "test"]).await;
    bench.write("src/a.js", "const a = ;\n");
    let second = bench.check(&["build", "test"]).await;
    assert_eq!(ran(&second), ["build", "test"]);
    bench.expect(&second, "build", Fail);
    bench.write("src/a.js", "const a = 1;\n");
    // Back at the first tree, the first answers hold.
    let third = bench.check(&["build", "test"]).await;
    assert_eq!(ran(&third), Vec::<&str>::new());
    bench.expect(&third, "build", Pass);
}

#[tokio::test]
async fn a_check_that_reads_what_it_does_not_declare_is_found() {
    let bench = project();
    // It names no document, and reads one.
    bench.write(
        "test/a.test.js",
        "const test = require('node:test');\nconst text = require('node:fs').readFileSync('d' + 'ocs/a.' + 'md', 'utf8');\n\
         test('holds', () => require('node:assert').equal(text, '# a\\n'));\n",
    );
    let first = bench.check(&["test"]).await;
    bench.expect(&first, "test", Pass);
    let verifying = bench.checker_with(|settings| settings.verify_percent = 100);
    let verify = async || {
        let request = bench.request(&["test"]);
        let cancel = CancellationToken::new();
        let report = verifying.run(&request, &Quiet, &cancel).await;
        report.expect("no fault of the machinery")
    };
    let same = verify().await;
    let test = bench.expect(&same, "test", Pass);
    assert!(!test.cached && test.findings.is_empty(), "{test:#?}");
    assert!(
        test.note
            .as_deref()
            .is_some_and(|note| note.contains("same answer")),
        "{test:#?}"
    );

    bench.write("docs/a.md", "# another\n");
    let lied = bench.check(&["test"]).await;
    assert!(bench.expect(&lied, "test", Pass).cached);
    let found = verify().await;
    let test = bench.expect(&found, "test", Fail);
    let finding = test.findings.iter().find(|one| one.rule == "cache-differs");
    let finding = finding.unwrap_or_else(|| panic!("no such finding: {test:#?}"));
    assert!(
        finding
            .message
            .contains("pass with exit code 0 (exited) before, fail with exit code 1"),
        "{finding:?}"
    );
    // Neither the earlier answer nor the new one is given from now on.
    let honest = bench.check(&["test"]).await;
    assert!(!bench.expect(&honest, "test", Fail).cached);
}
