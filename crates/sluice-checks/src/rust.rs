//! The Rust toolchain: which packages and workspaces a tree holds and what cargo runs in each.

pub(crate) mod ahead;

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSetBuilder};
use sha2::{Digest, Sha256};
use sluice_sandbox::{Network, WORKSPACE};
use toml::{Table, Value};

use crate::find::{is_below, is_foreign, join, place};
use crate::plan::{DATABASE, Project, step_name, words};
use crate::script::NEXTEST;
use crate::smoke::serve;
use crate::toolchain::STORE;
use crate::{Action, Advisories, Command, Kind, Report, Step, Toolchain, Tree, Verdict, script};

/// The packages in `dirs`; those that a workspace above holds are checked with it.
pub(crate) fn projects(tree: &dyn Tree, dirs: &[String]) -> Vec<Project> {
    let mut projects: Vec<(Project, Table)> = Vec::new();
    for dir in dirs {
        let is_covered = projects.iter().any(|(above, manifest)| {
            is_below(dir, &above.dir) && covers(manifest, &above.dir, dir)
        });
        if !is_covered {
            let manifest = manifest(tree, dir).unwrap_or_default();
            projects.push((project(tree, dir), manifest));
        }
    }
    projects.into_iter().map(|(project, _)| project).collect()
}

fn manifest(tree: &dyn Tree, dir: &str) -> Result<Table, toml::de::Error> {
    let bytes = tree.read(&join(dir, "Cargo.toml")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).parse()
}

/// Whether the package in `dir` is checked with the one in `root`: as a member of its workspace, or as one
/// that it is made of.
fn covers(manifest: &Table, root: &str, dir: &str) -> bool {
    let inside = dir.strip_prefix(&join(root, "")).unwrap_or(dir);
    if let Some(workspace) = manifest.get("workspace") {
        return !globs(workspace.get("exclude")).any(|pattern| matches(&pattern, inside));
    }
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    tables
        .iter()
        .filter_map(|name| manifest.get(*name)?.as_table())
        .flat_map(Table::values)
        .filter_map(|dependency| dependency.get("path")?.as_str())
        .any(|path| path.trim_start_matches("./").trim_end_matches('/') == inside)
}

fn globs(value: Option<&Value>) -> impl Iterator<Item = String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned))
}

/// Whether a path is what a pattern names, or lies below it.
fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    let mut set = GlobSetBuilder::new();
    for text in [pattern.to_owned(), format!("{pattern}/**")] {
        if let Ok(glob) = GlobBuilder::new(&text).literal_separator(true).build() {
            set.add(glob);
        }
    }
    set.build().is_ok_and(|set| set.is_match(path))
}

fn project(tree: &dyn Tree, dir: &str) -> Project {
    let kinds = [
        Kind::Build,
        Kind::Test,
        Kind::Lint,
        Kind::Smoke,
        Kind::Audit,
    ];
    Project {
        dir: dir.to_owned(),
        toolchain: Toolchain::Rust,
        install: step(tree, dir, Kind::Install),
        further: ahead::further(tree, dir),
        ahead: None,
        install_inputs: inputs(tree),
        steps: kinds.map(|kind| step(tree, dir, kind)).into(),
    }
}

fn step(tree: &dyn Tree, dir: &str, kind: Kind) -> Step {
    let action = match kind {
        Kind::Install => install(tree, dir),
        Kind::Build => compile(
            dir,
            cargo("build", &["--all-targets", "--message-format=json"]),
            Report::Cargo,
        ),
        // A project that configures nextest means its tests to be run by it.
        Kind::Test if tree.read(&join(dir, ".config/nextest.toml")).is_some() => {
            let mut argv = words(["cargo", "nextest", "run", "--locked", "--workspace"]);
            argv.extend(words(["--no-fail-fast", "--cargo-message-format=json"]));
            argv.extend(words([
                "--tool-config-file",
                &format!("sluice:{}", NEXTEST.inside),
            ]));
            compile(dir, argv, Report::Nextest)
        }
        Kind::Test => compile(
            dir,
            cargo("test", &["--no-fail-fast", "--message-format=json"]),
            Report::CargoTest,
        ),
        Kind::Lint => {
            let clippy = cargo(
                "clippy",
                &[
                    "--all-targets",
                    "--message-format=json",
                    "--",
                    "-D",
                    "warnings",
                ],
            );
            let format = words(["cargo", "fmt", "--all", "--check"]);
            compile(dir, script::each(None, &[clippy, format]), Report::Cargo)
        }
        Kind::Smoke => smoke(tree, dir),
        Kind::Audit => {
            let database = format!("{DATABASE}/rustsec");
            let argv = words(["cargo", "audit", "--db", &database, "--no-fetch", "--json"]);
            compile(dir, argv, Report::Advisories(Advisories::CargoAudit))
        }
    };
    Step {
        name: step_name(kind, dir),
        kind,
        toolchain: Toolchain::Rust,
        dir: dir.to_owned(),
        action,
        inputs: crate::Inputs::All,
    }
}

/// Builds and starts the program of a package or workspace; which one of several is cargo's choice.
fn smoke(tree: &dyn Tree, dir: &str) -> Action {
    let is_program = |path: &String| {
        is_below(path, dir)
            && !is_foreign(path)
            && match path.rsplit('/').next() {
                Some("Cargo.toml") => tree
                    .read(path)
                    .is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("[[bin]]")),
                _ => path.ends_with("src/main.rs") || path.contains("src/bin/"),
            }
    };
    if !tree.paths().iter().any(is_program) {
        return Action::skip(
            Verdict::Unknown,
            "there is nothing to start: no package has a src/main.rs; write one that listens on the port in PORT",
        );
    }
    let build = words(["cargo", "build", "--locked", "--bins"]);
    let start = words(["cargo", "run", "--locked", "--quiet"]);
    let Command { argv, report, .. } = serve(&build, &start);
    compile(dir, argv, report)
}

fn cargo(verb: &str, arguments: &[&str]) -> Vec<String> {
    let mut argv = words(["cargo", verb, "--locked", "--workspace"]);
    argv.extend(arguments.iter().map(|word| (*word).to_owned()));
    argv
}

/// Fetches the crates. Started outside the workspace, so that no `.cargo/config.toml` of the project names a
/// program or a registry while there is a network.
fn install(tree: &dyn Tree, dir: &str) -> Action {
    if let Err(error) = manifest(tree, dir) {
        let path = join(dir, "Cargo.toml");
        let bytes = tree.read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (line, column) = error.span().map_or((0, 0), |span| place(&text, span.start));
        return Action::Skip {
            verdict: Verdict::Fail,
            note: format!("{path} cannot be read: {}", error.message()),
            place: Some((path, line, column)),
        };
    }
    let path = format!("{WORKSPACE}/{}", join(dir, "Cargo.toml"));
    let mut fetch = words(["cargo", "fetch", "--manifest-path", &path]);
    let mut note = None;
    if tree.read(&join(dir, "Cargo.lock")).is_some() {
        fetch.push("--locked".to_owned());
    } else {
        note = Some(
            "there is no Cargo.lock, so today's versions were fetched; commit the one that `cargo build` writes"
                .to_owned(),
        );
    }
    Action::Run(Command {
        env: environment(dir),
        network: Network::Registries,
        note,
        ..Command::new(script::each(Some("/tmp"), &[fetch]), Report::Text)
    })
}

/// Runs without network on what was fetched.
fn compile(dir: &str, argv: Vec<String>, report: Report) -> Action {
    let mut env = environment(dir);
    env.insert("CARGO_NET_OFFLINE".to_owned(), "true".to_owned());
    Action::Run(Command {
        env,
        ..Command::new(argv, report)
    })
}

fn environment(dir: &str) -> BTreeMap<String, String> {
    let home = format!("{WORKSPACE}/{}", join(dir, &format!("{STORE}/cargo")));
    [
        ("CARGO_HOME", home.as_str()),
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_NET_RETRY", "3"),
        ("CARGO_NET_GIT_FETCH_WITH_CLI", "false"),
        // As many as the sandbox has processors; cargo sees those of the machine.
        ("CARGO_BUILD_JOBS", "2"),
        // What is compiled is thrown away at the end: nothing to debug, nothing to build upon.
        ("CARGO_INCREMENTAL", "0"),
        ("CARGO_PROFILE_DEV_DEBUG", "0"),
        ("CARGO_PROFILE_TEST_DEBUG", "0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// What decides the outcome of an installation: a path can lead anywhere in the workspace.
fn inputs(tree: &dyn Tree) -> BTreeMap<String, String> {
    let mut inputs = BTreeMap::new();
    for path in tree.paths() {
        if is_foreign(&path) {
            continue;
        }
        if ahead::is_manifest(&path) {
            let content = tree.read(&path).unwrap_or_default();
            inputs.insert(path, hex::encode(Sha256::digest(content)));
        } else if ahead::is_root(&path) {
            inputs.insert(path, "there".to_owned());
        }
    }
    inputs
}

#[cfg(test)]
mod tests;
