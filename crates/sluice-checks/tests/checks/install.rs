//! Installations: lockfiles, layers, registries that do not answer.

use std::sync::Arc;

use sluice_checks::Verdict::{Fail, Pass, Unknown};
use sluice_checks::{Checker, Quiet};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, places};

#[tokio::test]
async fn a_lockfile_that_fits_is_followed() {
    let bench = Bench::new(&["lock-good"]);
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(install.command[..2], ["npm", "ci"]);
    assert_eq!(places(install), Vec::<String>::new());
}

#[tokio::test]
async fn a_lockfile_that_disagrees_is_told() {
    let bench = Bench::new(&["lock-disagrees"]);
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(install.command[..2], ["npm", "install"]);
    assert_eq!(places(install), ["package-lock.json:0 lockfile-disagrees"]);
    assert!(install.findings[0].message.contains("clsx"));
}

#[tokio::test]
async fn a_broken_lockfile_is_red() {
    let bench = Bench::new(&["lock-broken"]);
    let report = bench.check(&["install", "build"]).await;
    let install = bench.expect(&report, "install", Fail);
    assert!(
        places(install).contains(&"package-lock.json:0 lockfile-broken".to_owned()),
        "{install:#?}"
    );
    let build = report
        .checks
        .iter()
        .find(|check| check.name == "build")
        .expect("a build");
    assert_eq!(build.end, "skipped");
}

#[tokio::test]
async fn an_incomplete_lockfile_is_no_false_red() {
    let bench = Bench::new(&["lock-incomplete"]);
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Pass);
    assert_eq!(install.command[..2], ["npm", "install"]);
    assert!(
        install
            .note
            .as_deref()
            .is_some_and(|note| note.contains("`npm ci`")),
        "{install:#?}"
    );
}

#[tokio::test]
async fn a_package_that_does_not_exist_is_the_projects_fault() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "x", "version": "1.0.0", "dependencies": {"ms": "^99.0.0"}, "scripts": {"build": "exit 0", "test": "node --test"}}"#,
    );
    let report = bench.check(&[]).await;
    assert_eq!(
        places(bench.expect(&report, "install", Fail)),
        ["package.json:0 ETARGET"]
    );
    for name in ["build", "test", "audit"] {
        let check = bench.expect(&report, name, Unknown);
        assert_eq!(
            (check.end.as_str(), check.note.as_deref()),
            ("skipped", Some("install is not green"))
        );
    }
    assert_eq!(report.verdict, Fail);
}

#[tokio::test]
async fn install_scripts_do_not_run() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "x", "version": "1.0.0", "scripts": {"postinstall": "exit 9", "build": "test ! -e marker"}}"#,
    );
    let report = bench.check(&["build"]).await;
    bench.expect(&report, "install", Pass);
    bench.expect(&report, "build", Pass);
}

#[tokio::test]
async fn the_second_run_is_answered_from_the_first() {
    let bench = Bench::new(&["node-test"]);
    bench.write(
        "test/a.test.js",
        "import test from 'node:test';\ntest('holds', () => {});\n",
    );
    let first = bench.check(&["test"]).await;
    assert!(!bench.expect(&first, "test", Pass).cached);
    let mut request = bench.request(&["test"]);
    request.run_id = "another".to_owned();
    let second = bench.try_check(&request).await.expect("no fault");
    let test = bench.expect(&second, "test", Pass);
    let source = bench.request(&[]).run_id;
    assert_eq!(
        (test.cached, test.source_run.as_deref()),
        (true, Some(source.as_str()))
    );
    assert!(bench.expect(&second, "install", Pass).cached);
    let honest = sluice_checks::Request {
        use_cache: false,
        ..request
    };
    let third = bench.try_check(&honest).await.expect("no fault");
    assert!(
        third
            .checks
            .iter()
            .all(|check| !check.cached && check.source_run.is_none())
    );
    bench.write("test/b.js", "// another tree\n");
    let fourth = bench.check(&["test"]).await;
    assert!(!bench.expect(&fourth, "test", Pass).cached);
    assert!(bench.expect(&fourth, "install", Pass).cached);
}

#[tokio::test]
async fn a_damaged_cache_entry_is_dropped() {
    let bench = Bench::new(&["node-test"]);
    bench.write(
        "test/a.test.js",
        "import test from 'node:test';\ntest('holds', () => {});\n",
    );
    bench.check(&["test"]).await;
    let mut damaged = 0;
    let cache = bench.snapshot().with_file_name("cache");
    for folder in std::fs::read_dir(cache).expect("a cache") {
        let folder = folder.expect("a folder");
        if folder.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        for entry in std::fs::read_dir(folder.path()).expect("entries") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("text");
            std::fs::write(&path, text.replace("\"passed\":1", "\"passed\":7")).expect("written");
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    let report = bench.check(&["test"]).await;
    let test = bench.expect(&report, "test", Pass);
    assert_eq!(
        (test.cached, test.tests.expect("counts").passed),
        (false, 1)
    );
}

#[tokio::test]
async fn two_installations_of_one_kind_are_done_once() {
    let bench = Bench::new(&[]);
    let name = bench.request(&[]).run_id.to_lowercase();
    bench.write(
        "package.json",
        &format!(r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{"ms": "^2.1.3"}}}}"#),
    );
    let (mut one, mut two) = (bench.request(&["install"]), bench.request(&["install"]));
    one.run_id = "one".to_owned();
    two.run_id = "two".to_owned();
    let (one, two) = tokio::join!(bench.try_check(&one), bench.try_check(&two));
    let (one, two) = (one.expect("no fault"), two.expect("no fault"));
    let cached = [&one, &two].map(|report| bench.expect(report, "install", Pass).cached);
    assert!(cached[0] != cached[1], "{cached:?}");
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_no_verdict() {
    let bench = Bench::new(&[]);
    // Nothing listens on the port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address")
        .port();
    let home = bench.snapshot().with_file_name("elsewhere");
    let name = bench.request(&[]).run_id.to_lowercase();
    bench.write(
        "package.json",
        &format!(r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{"ms": "^2.1.3"}}}}"#),
    );
    let settings = sluice_checks::Settings {
        npm_registry: Some(format!("http://127.0.0.1:{port}/")),
        ..sluice_checks::Settings::below(home)
    };
    let checker = Checker::new(Arc::clone(&bench.sandbox), settings);
    let report = checker
        .run(
            &bench.request(&["build"]),
            &Quiet,
            &CancellationToken::new(),
        )
        .await
        .expect("no fault");
    let install = report
        .checks
        .iter()
        .find(|check| check.name == "install")
        .expect("an installation");
    assert_eq!(install.verdict, Unknown, "{install:#?}");
    assert!(
        install
            .note
            .as_deref()
            .is_some_and(|note| note.contains(&format!("127.0.0.1:{port} does not answer"))),
        "{install:#?}"
    );
}

#[tokio::test]
async fn a_projects_npmrc_starts_no_program_of_its_own() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "g", "version": "1.0.0", "dependencies": {"x": "git+https://127.0.0.1:9/x.git"}}"#,
    );
    bench.write(".npmrc", "git=/usr/bin/env\n");
    let report = bench.check(&["install"]).await;
    let install = &report.checks[0];
    assert_ne!(install.verdict, Pass);
    let log = bench.log(install);
    assert!(log.contains("127.0.0.1"), "{log}");
    assert!(!log.contains("/usr/bin/env"), "{log}");
}

#[tokio::test]
async fn a_registry_of_the_projects_own_is_refused() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "r", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}}"#,
    );
    bench.write(".npmrc", "registry=http://127.0.0.1:9/\n");
    let report = bench.check(&["install"]).await;
    let install = bench.expect(&report, "install", Fail);
    assert_eq!(places(install), [".npmrc:1 registry-refused"]);
    assert_eq!(
        install.findings[0].message,
        "asked for 127.0.0.1:9, which is not among the allowed registries; add it to network.registries"
    );
}
