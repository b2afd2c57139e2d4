//! What is answered from an earlier run, and what is not.

use sluice_checks::CheckReport;
use sluice_checks::Verdict::{Fail, Pass};

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
