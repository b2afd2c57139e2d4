//! Installations of several steps: scripts of packages, which run without a network when the policy names them.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sluice_checks::Verdict::{Fail, Pass};
use sluice_checks::{CheckReport, Checker, Level, Quiet, Settings, Watch};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, places};
use crate::managers;

/// Tries to get out, and writes down what came of it.
const SCRIPT: &str = "const fs = require('fs');\nconst net = require('net');\nconst socket = net.connect(443, '1.1.1.1');\n\
                      const end = said => { fs.writeFileSync('made.txt', said); process.exit(0); };\n\
                      socket.on('connect', () => end('connected'));\nsocket.on('error', error => end(error.code));\n";

/// A package with this script, as npm packs it, in the snapshot.
fn package(bench: &Bench, name: &str, script: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = serde_json::json!({
        "name": name, "version": "1.0.0", "scripts": {"postinstall": "node script.js"}
    });
    fs::write(folder.path().join("package.json"), manifest.to_string()).expect("a file");
    fs::write(folder.path().join("script.js"), script).expect("a file");
    let npm = Command::new("npm")
        .args(["pack", "--ignore-scripts"])
        .current_dir(folder.path())
        .output()
        .expect("npm");
    assert!(npm.status.success(), "{npm:?}");
    let packed = format!("{name}-1.0.0.tgz");
    fs::copy(folder.path().join(&packed), bench.snapshot().join(&packed)).expect("a package");
}

fn manifest(bench: &Bench, dependencies: serde_json::Value, build: &str) {
    let name = bench.request(&[]).run_id.to_lowercase();
    let manifest = serde_json::json!({
        "name": name, "version": "1.0.0", "dependencies": dependencies, "scripts": {"build": build}
    });
    bench.write("package.json", &manifest.to_string());
}

async fn run(bench: &Bench, checker: &Checker, watch: &dyn Watch) -> CheckReport {
    let (request, cancel) = (bench.request(&["build"]), CancellationToken::new());
    let report = checker.run(&request, watch, &cancel).await;
    report.expect("no fault of the machinery")
}

fn allowing(names: &[&str]) -> impl FnOnce(&mut Settings) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    move |settings| settings.install_scripts = names
}

async fn allowed_scripts_run_without_network(bench: Bench) {
    package(&bench, "own", SCRIPT);
    // Says whether each script ran: esbuild's puts a program in the place of a script.
    bench.write(
        "look.js",
        "const fs = require('fs');\nconst made = 'node_modules/own/made.txt';\n\
         console.log('own: ' + (fs.existsSync(made) ? fs.readFileSync(made, 'utf8') : 'nothing'));\n\
         const start = fs.readFileSync('node_modules/esbuild/bin/esbuild').subarray(1, 4).toString();\n\
         console.log('esbuild: ' + (start === 'ELF' ? 'program' : 'script'));\n",
    );
    manifest(
        &bench,
        serde_json::json!({"own": "file:own-1.0.0.tgz", "esbuild": "0.25.5"}),
        "node look.js",
    );

    let none = bench.check(&["build"]).await;
    let install = bench.expect(&none, "install", Pass);
    assert_eq!(
        places(install),
        [
            "package.json:0 install-script-not-run",
            "package.json:0 install-script-not-run"
        ]
    );
    let finding = &install.findings[0];
    assert_eq!(finding.level, Level::Note);
    assert!(
        finding
            .message
            .starts_with("esbuild has an install script (postinstall), which did not run;")
            && finding.message.contains("install.scripts"),
        "{finding:?}"
    );
    assert!(install.steps.is_empty());
    let log = bench.log(bench.expect(&none, "build", Pass));
    assert!(
        log.contains("own: nothing") && log.contains("esbuild: script"),
        "{log}"
    );

    let checker = bench.checker_with(allowing(&["own", "not-there"]));
    let one = run(&bench, &checker, &Quiet).await;
    let install = bench.expect(&one, "install", Pass);
    assert_eq!(places(install), ["package.json:0 install-script-not-run"]);
    assert_eq!(install.steps.len(), 2, "{install:#?}");
    assert_eq!(install.steps[1].command.last().expect("a name"), "own");
    let log = bench.log(bench.expect(&one, "build", Pass));
    assert!(log.contains("own: ENETUNREACH"), "{log}");
    assert!(log.contains("esbuild: script"), "{log}");

    let checker = bench.checker_with(allowing(&["esbuild", "own"]));
    let both = run(&bench, &checker, &Quiet).await;
    let install = bench.expect(&both, "install", Pass);
    assert_eq!(places(install), Vec::<String>::new());
    let networks: Vec<&str> = install
        .steps
        .iter()
        .map(|step| step.network.as_str())
        .collect();
    assert_eq!(networks, ["registries", "none"]);
    let log = bench.log(bench.expect(&both, "build", Pass));
    assert!(log.contains("esbuild: program"), "{log}");
    // The whole is one layer.
    let again = run(&bench, &checker, &Quiet).await;
    let install = bench.expect(&again, "install", Pass);
    assert!(install.cached && install.steps.len() == 2);
    assert!(bench.expect(&again, "build", Pass).cached);
}

#[tokio::test]
async fn allowed_scripts_run_without_network_on_the_native_engine() {
    allowed_scripts_run_without_network(Bench::new(&[])).await;
}

#[tokio::test]
async fn allowed_scripts_run_without_network_in_docker() {
    allowed_scripts_run_without_network(Bench::docker(&[]).await).await;
}

#[tokio::test]
async fn scripts_run_in_what_pnpm_and_yarn_installed() {
    for (program_of, package_manager, program) in [
        ("pnpm@10", "pnpm@10", "pnpm"),
        ("yarn@1", "yarn@1", "npm"),
        ("@yarnpkg/cli-dist@4", "yarn@4", "npm"),
    ] {
        let bench = managers::with(program_of);
        for name in ["own", "other"] {
            package(&bench, name, SCRIPT);
        }
        manifest(
            &bench,
            serde_json::json!({"own": "file:own-1.0.0.tgz", "other": "file:other-1.0.0.tgz"}),
            "cat node_modules/own/made.txt && test ! -e node_modules/other/made.txt",
        );
        let text = fs::read_to_string(bench.snapshot().join("package.json")).expect("a manifest");
        let named = format!(r#"{{"packageManager": "{package_manager}.0.0","#);
        bench.write("package.json", &text.replacen('{', &named, 1));
        let checker = bench.checker_with(allowing(&["own"]));
        let report = run(&bench, &checker, &Quiet).await;
        let install = bench.expect(&report, "install", Pass);
        assert_eq!(install.steps[1].command[0], program, "{install:#?}");
        assert!(
            install
                .findings
                .iter()
                .any(|one| one.message.starts_with("other has an install script")),
            "{install:#?}"
        );
        let log = bench.log(bench.expect(&report, "build", Pass));
        assert!(log.contains("ENETUNREACH"), "{package_manager}: {log}");
    }
}

#[tokio::test]
async fn a_script_that_fails_makes_the_installation_red() {
    let bench = Bench::new(&[]);
    package(
        &bench,
        "own",
        "console.error('Error: there is no compiler');\nprocess.exit(7);\n",
    );
    manifest(
        &bench,
        serde_json::json!({"own": "file:own-1.0.0.tgz"}),
        "true",
    );
    let checker = bench.checker_with(|settings| {
        settings.layers = bench.home().join("layers");
        settings.install_scripts = vec!["own".to_owned()];
    });
    let report = run(&bench, &checker, &Quiet).await;
    let install = bench.expect(&report, "install", Fail);
    let codes: Vec<Option<i32>> = install.steps.iter().map(|step| step.exit_code).collect();
    assert_eq!(
        (codes, install.exit_code),
        (vec![Some(0), Some(7)], Some(7))
    );
    assert!(bench.log(install).contains("there is no compiler"));
    let errors = install
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Error);
    assert!(
        errors
            .clone()
            .any(|one| one.message.contains("there is no compiler")),
        "{install:#?}"
    );
    assert_eq!(layers(&bench), Vec::<PathBuf>::new());
}

/// The finished layers in the bench's own folder.
fn layers(bench: &Bench) -> Vec<PathBuf> {
    let entries = fs::read_dir(bench.home().join("layers")).expect("layers");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let is_layer = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    entries.filter(is_layer).map(|entry| entry.path()).collect()
}

/// Ends this process in the middle of the second step.
struct Killed;

impl Watch for Killed {
    fn started(&self, _check: &str, command: &[String]) {
        if command.iter().any(|word| word == "rebuild") {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("a signal");
        }
    }
}

/// In the process that is killed: the folder that the other one looks at afterwards.
const KILLED: &str = "SLUICE_TEST_KILLED_LAYERS";

#[tokio::test]
async fn a_process_that_is_killed_between_steps_leaves_no_half_layer() {
    let bench = Bench::new(&[]);
    package(&bench, "own", SCRIPT);
    manifest(
        &bench,
        serde_json::json!({"own": "file:own-1.0.0.tgz"}),
        "true",
    );
    // The same name in both processes, so that both make the same layer.
    let manifest = fs::read_to_string(bench.snapshot().join("package.json")).expect("a manifest");
    let name = bench.request(&[]).run_id.to_lowercase();
    bench.write("package.json", &manifest.replace(&name, "killed"));
    let given = env::var_os(KILLED).map(PathBuf::from);
    let layers_in = given.clone().unwrap_or(bench.home().join("layers"));
    let checker = bench.checker_with(|settings| {
        settings.layers.clone_from(&layers_in);
        settings.install_scripts = vec!["own".to_owned()];
    });
    if given.is_some() {
        run(&bench, &checker, &Killed).await;
        panic!("it was not killed");
    }
    let own = env::current_exe().expect("a program");
    let killed = Command::new(own)
        .args([
            "--exact",
            "steps::a_process_that_is_killed_between_steps_leaves_no_half_layer",
        ])
        .env(KILLED, &layers_in)
        .output()
        .expect("another process");
    assert!(killed.status.code().is_none(), "{killed:?}");
    let left = fs::read_dir(&layers_in).expect("layers").count();
    assert!(left > 0, "the first step left something");
    assert_eq!(layers(&bench), Vec::<PathBuf>::new());
    let report = run(&bench, &checker, &Quiet).await;
    let install = bench.expect(&report, "install", Pass);
    assert!(!install.cached && install.steps.len() == 2);
    assert_eq!(layers(&bench).len(), 1);
}
