//! What a toolchain compiles of its own is made once for all projects.

use std::fs;

use sluice_checks::Toolchain::Go;
use sluice_checks::Verdict::{Fail, Pass};
use sluice_checks::{CheckReport, CheckResult, Checker, Folder, Plan, Quiet, plan};
use tokio_util::sync::CancellationToken;

use crate::bench::Bench;

/// A module that has nothing to do with any other, and its plan with a quick command in place of the long one.
fn module(bench: &Bench, name: &str, ahead: &str) -> Plan {
    bench.write("go.mod", &format!("module example.com/{name}\n\ngo 1.21\n"));
    bench.write("main.go", "package main\n\nfunc main() {}\n");
    let mut plan = plan(&Folder::open(&bench.snapshot()));
    let command = plan.projects[0].ahead.as_mut().expect("go compiles ahead");
    assert_eq!(command.argv, ["go", "build", "std"]);
    command.argv = ["go", "build", ahead].map(str::to_owned).into();
    plan
}

fn checker(bench: &Bench) -> Checker {
    bench.checker_with(|settings| {
        settings.layers = bench.home().join("layers");
        settings.toolchains = bench.home().join("toolchains");
    })
}

async fn run(bench: &Bench, plan: Plan, use_cache: bool) -> CheckReport {
    let mut request = bench.request(&["install", "build"]);
    request.use_cache = use_cache;
    checker(bench)
        .run_plan(plan, &request, &Quiet, &CancellationToken::new())
        .await
        .expect("no fault of the machinery")
}

fn steps(check: &CheckResult) -> Vec<String> {
    let shown = |step: &sluice_checks::Ran| format!("{}: {}", step.network, step.command.join(" "));
    check.steps.iter().map(shown).collect()
}

/// The folders of layers, without what is not one.
fn layers(bench: &Bench, folder: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(bench.home().join(folder)).expect("layers");
    let paths = entries.flatten().map(|entry| entry.path());
    let is_layer = |path: &std::path::PathBuf| path.join("result").is_file();
    paths.filter(is_layer).collect()
}

#[tokio::test]
async fn a_second_module_takes_what_was_compiled_for_the_first() {
    let bench = Bench::with(&[Go], &[]).await;
    let first = run(&bench, module(&bench, "one", "unicode/utf8"), true).await;
    let install = bench.expect(&first, "install", Pass);
    let both = ["none: go build unicode/utf8", "registries: go mod download"];
    assert_eq!(steps(install), both);
    bench.expect(&first, "build", Pass);

    let second = run(&bench, module(&bench, "two", "unicode/utf8"), true).await;
    let install = bench.expect(&second, "install", Pass);
    assert!(!install.cached);
    assert_eq!(steps(install), Vec::<String>::new());
    assert_eq!(install.command, ["go", "mod", "download"]);
    bench.expect(&second, "build", Pass);

    let shared = layers(&bench, "toolchains");
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert!(shared[0].join("tree/.sluice-packages/go-build").is_dir());
    let own = layers(&bench, "layers");
    assert_eq!(own.len(), 2, "{own:?}");
    assert!(
        own.iter()
            .all(|layer| !layer.join("tree/.sluice-packages/go-build").exists())
    );

    // What was thrown away is made anew, also below an installation that is remembered.
    fs::remove_dir_all(&shared[0]).expect("it goes");
    let third = run(&bench, module(&bench, "two", "unicode/utf8"), true).await;
    assert!(bench.expect(&third, "install", Pass).cached);
    assert_eq!(layers(&bench, "toolchains"), shared);
}

#[tokio::test]
async fn without_the_cache_it_is_compiled_for_this_run_alone() {
    let bench = Bench::with(&[Go], &[]).await;
    for _ in 0..2 {
        let report = run(&bench, module(&bench, "one", "unicode/utf8"), false).await;
        let install = bench.expect(&report, "install", Pass);
        let both = ["none: go build unicode/utf8", "registries: go mod download"];
        assert_eq!(steps(install), both);
        bench.expect(&report, "build", Pass);
    }
    assert_eq!(
        layers(&bench, "toolchains"),
        Vec::<std::path::PathBuf>::new()
    );
}

#[tokio::test]
async fn a_toolchain_that_cannot_compile_its_own_is_no_green_installation() {
    let bench = Bench::with(&[Go], &[]).await;
    let report = run(&bench, module(&bench, "one", "there/is/none"), true).await;
    let install = bench.expect(&report, "install", Fail);
    assert!(bench.log(install).contains("there/is/none"), "{install:?}");
    assert_eq!(
        layers(&bench, "toolchains"),
        Vec::<std::path::PathBuf>::new()
    );
}
