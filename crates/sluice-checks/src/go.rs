//! The Go toolchain: which modules a tree holds and what is run in each.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use sluice_sandbox::{Network, WORKSPACE};

use crate::find::{is_below, is_foreign, join};
use crate::plan::{Project, step_name, words};
use crate::toolchain::STORE;
use crate::{Action, Command, Kind, Report, Step, Toolchain, Tree, Verdict, script};

/// The modules in `dirs`.
pub(crate) fn projects(tree: &dyn Tree, dirs: &[String]) -> Vec<Project> {
    let kinds = [
        Kind::Build,
        Kind::Test,
        Kind::Lint,
        Kind::Smoke,
        Kind::Audit,
    ];
    dirs.iter()
        .map(|dir| Project {
            dir: dir.clone(),
            toolchain: Toolchain::Go,
            install: step(tree, dir, Kind::Install),
            install_inputs: inputs(tree, dir),
            steps: kinds.map(|kind| step(tree, dir, kind)).into(),
        })
        .collect()
}

fn step(tree: &dyn Tree, dir: &str, kind: Kind) -> Step {
    let action = match kind {
        Kind::Install => Action::Run(Command {
            network: Network::Open,
            env: environment(dir),
            ..Command::new(words(["go", "mod", "download"]), Report::Text)
        }),
        Kind::Build => offline(dir, words(["go", "build", "./..."]), Report::Go),
        Kind::Test => offline(dir, words(["go", "test", "-json", "./..."]), Report::GoTest),
        Kind::Lint => {
            let mut commands = vec![words(["go", "vet", "./..."])];
            let sources = sources(tree, dir);
            if !sources.is_empty() {
                commands.push([words(["gofmt", "-l"]), sources].concat());
            }
            offline(dir, script::each(None, &commands), Report::Go)
        }
        Kind::Smoke => Action::skip(
            Verdict::Unknown,
            "a Go service is not started by this check yet; cover its health route by a test",
        ),
        Kind::Audit => Action::skip(
            Verdict::Unknown,
            "known vulnerabilities of Go modules are not asked for yet; run govulncheck where its database can be \
             reached",
        ),
    };
    Step {
        name: step_name(kind, dir),
        kind,
        toolchain: Toolchain::Go,
        dir: dir.to_owned(),
        action,
    }
}

fn offline(dir: &str, argv: Vec<String>, report: Report) -> Action {
    let mut env = environment(dir);
    env.insert("GOPROXY".to_owned(), "off".to_owned());
    env.insert("GOSUMDB".to_owned(), "off".to_owned());
    Action::Run(Command {
        env,
        ..Command::new(argv, report)
    })
}

fn environment(dir: &str) -> BTreeMap<String, String> {
    let modules = format!("{WORKSPACE}/{}", join(dir, &format!("{STORE}/go")));
    [
        ("GOMODCACHE", modules.as_str()),
        ("GOCACHE", "/tmp/go-build"),
        ("GOPATH", "/tmp/go"),
        ("GOENV", "off"),
        ("GOTELEMETRY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOFLAGS", "-mod=readonly -modcacherw"),
        // As many as the sandbox has processors.
        ("GOMAXPROCS", "2"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The files and top folders of a module that gofmt looks at: it would enter hidden folders and those of
/// dependencies.
fn sources(tree: &dyn Tree, dir: &str) -> Vec<String> {
    let mut sources = BTreeSet::new();
    for path in tree.paths() {
        if !path.ends_with(".go") || !is_below(&path, dir) || is_foreign(&path) {
            continue;
        }
        let inside = path.strip_prefix(&join(dir, "")).unwrap_or(&path);
        let top = inside.split('/').next().unwrap_or(inside);
        if !top.starts_with(['.', '_', '-']) && !matches!(top, "vendor" | "testdata") {
            sources.insert(top.to_owned());
        }
    }
    sources.into_iter().collect()
}

/// What decides the outcome of the installation.
fn inputs(tree: &dyn Tree, dir: &str) -> BTreeMap<String, String> {
    let mut inputs = BTreeMap::new();
    for path in tree.paths() {
        let name = path.rsplit('/').next().unwrap_or(&path);
        let is_module = matches!(name, "go.mod" | "go.sum") && is_below(&path, dir);
        if is_module || matches!(name, "go.work" | "go.work.sum") {
            let content = tree.read(&path).unwrap_or_default();
            inputs.insert(path, hex::encode(Sha256::digest(content)));
        }
    }
    inputs
}

#[cfg(test)]
mod tests;
