//! What is answered from an earlier run, and what is not.

use std::fs;
use std::path::PathBuf;

use sluice_checks::Verdict::{Fail, Pass};
use sluice_checks::{CheckReport, Checker, Quiet, Settings, Watch};
use sluice_sandbox::Stream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::bench::Bench;

const MANIFEST: &str = r#"{"name": "x", "version": "1.0.0", "scripts": {"build": "npm run check", "check": "node --check src/a.js", "test": "node --test"}}"#;

/// A project with a source, a test and a document.
fn project() -> Bench {
    filled(Bench::new(&[]))
}

fn filled(bench: Bench) -> Bench {
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
async fn a_program_of_the_machine_that_changes_reruns_checks() {
    let programs = tempfile::tempdir().expect("a folder");
    let bin = programs.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    fs::write(bin.join("tool"), "one").expect("a program");
    let bench = filled(Bench::with_programs(
        &[programs.path().to_owned()],
        std::slice::from_ref(&bin),
    ));
    let first = bench.check(&["build", "test"]).await;
    bench.expect(&first, "test", Pass);
    assert_eq!(ran(&bench.check(&["build", "test"]).await), [""; 0]);
    fs::write(bin.join("tool"), "two").expect("a program");
    let second = bench.check(&["build", "test"]).await;
    assert_eq!(ran(&second), ["install", "build", "test"]);
    assert_ne!(first.image, second.image);
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

/// A project whose layer holds a package.
fn with_package(name: &str) -> Bench {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        &format!(
            r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{"ms": "2.1.3"}}, "scripts": {{"build": "node -e \"require('ms'); console.log('hello')\"", "test": "node -e \"console.log('hello'); setInterval(() => {{}}, 1000)\""}}}}"#
        ),
    );
    bench
}

/// The finished layers in the bench's own folder.
fn layers(bench: &Bench) -> Vec<PathBuf> {
    let folder = bench.home().join("layers");
    let entries = fs::read_dir(folder)
        .expect("layers")
        .map(|entry| entry.expect("an entry"));
    let is_layer = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    entries.filter(is_layer).map(|entry| entry.path()).collect()
}

async fn run(checker: &Checker, bench: &Bench, only: &[&str]) -> CheckReport {
    let cancel = CancellationToken::new();
    let report = checker.run(&bench.request(only), &Quiet, &cancel).await;
    report.expect("no fault of the machinery")
}

#[tokio::test]
async fn a_damaged_layer_is_dropped() {
    let bench = with_package("damaged");
    let checker = bench.checker_with(|settings| settings.layers = bench.home().join("layers"));
    let first = run(&checker, &bench, &["build"]).await;
    bench.expect(&first, "build", Pass);
    let [layer] = layers(&bench).try_into().expect("one layer");
    let damages: [&dyn Fn(); 3] = [
        &|| fs::write(layer.join("result"), "x").expect("written"),
        &|| {
            let installed = layer.join("tree/node_modules/.package-lock.json");
            fs::write(installed, "{}").expect("written");
        },
        &|| fs::remove_dir_all(layer.join("tree")).expect("removed"),
    ];
    for damage in damages {
        damage();
        let again = run(&checker, &bench, &["build"]).await;
        assert!(!bench.expect(&again, "install", Pass).cached);
        bench.expect(&again, "build", Pass);
    }
    let last = run(&checker, &bench, &["build"]).await;
    assert!(bench.expect(&last, "install", Pass).cached);
}

#[tokio::test]
async fn a_damaged_log_drops_its_answer() {
    let bench = project();
    let first = bench.check(&["test"]).await;
    let sha256 = &bench.expect(&first, "test", Pass).log.sha256;
    let log = bench.home().join("logs").join(&sha256[..2]).join(sha256);
    let text = fs::read_to_string(&log).expect("a log");
    fs::write(&log, text.replace("pass", "fail")).expect("written");
    let second = bench.check(&["test"]).await;
    assert!(!bench.expect(&second, "test", Pass).cached);
    bench.log(bench.expect(&second, "test", Pass));
}

#[tokio::test]
async fn what_is_too_much_goes_and_is_made_again() {
    let bench = with_package("first");
    let small = bench.checker_with(|settings| {
        settings.layers = bench.home().join("layers");
        (settings.layers_bytes, settings.results_bytes) = (0, 0);
    });
    bench.expect(&run(&small, &bench, &["build"]).await, "build", Pass);
    let first = layers(&bench);
    assert_eq!(
        first.len(),
        1,
        "a run's own layer stays as long as it goes on"
    );
    let package = fs::read_to_string(bench.snapshot().join("package.json")).expect("a manifest");
    bench.write("package.json", &package.replace("first", "second"));
    bench.expect(&run(&small, &bench, &["build"]).await, "build", Pass);
    assert!(
        !first[0].exists(),
        "the layer of the first run is the older one"
    );
    assert_eq!(layers(&bench).len(), 1);
    bench.write("package.json", &package);
    let again = run(&small, &bench, &["build"]).await;
    assert_eq!(ran(&again), ["install", "build"]);
}

/// Says when a check has printed something.
struct Hello(Notify);

impl Watch for Hello {
    fn log(&self, check: &str, _stream: Stream, bytes: &[u8]) {
        if check == "test" && String::from_utf8_lossy(bytes).contains("hello") {
            self.0.notify_one();
        }
    }
}

#[tokio::test]
async fn what_a_run_uses_is_not_removed_by_another() {
    let bench = with_package("used");
    let open = |settings: &mut Settings| settings.layers = bench.home().join("layers");
    let patient = bench.checker_with(open);
    bench.expect(&run(&patient, &bench, &["install"]).await, "install", Pass);
    let [layer] = layers(&bench).try_into().expect("one layer");
    let (hello, cancel) = (Hello(Notify::new()), CancellationToken::new());
    let request = bench.request(&["test"]);
    let using = patient.run(&request, &hello, &cancel);
    let others = async {
        hello.0.notified().await;
        let other = with_package("other");
        let small = bench.checker_with(|settings| {
            open(settings);
            (settings.layers_bytes, settings.results_bytes) = (0, 0);
        });
        other.expect(&run(&small, &other, &["build"]).await, "build", Pass);
        assert!(layer.exists(), "a run has it mounted");
        cancel.cancel();
        // Once it is over, nothing holds the layer.
        small
    };
    let (ended, small) = tokio::join!(using, others);
    assert!(ended.is_err());
    let other = with_package("third");
    other.expect(&run(&small, &other, &["build"]).await, "build", Pass);
    assert!(!layer.exists());
}
