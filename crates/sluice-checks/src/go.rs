//! The Go toolchain: which modules a tree holds and what is run in each.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use sluice_sandbox::{Network, OUT, WORKSPACE};

use crate::find::{is_below, is_foreign, join};
use crate::plan::{COVERAGE_GO, DATABASE, Project, step_name, words};
use crate::smoke::serve;
use crate::toolchain::STORE;
use crate::{Action, Advisories, Command, Kind, Report, Step, Toolchain, Tree, Verdict, script};

/// Where the program of a service is built.
const SERVICE: &str = "/tmp/sluice-service";
/// Folders of programs that serve, where a module has several programs; the root comes first.
const SERVERS: [&str; 6] = [
    "",
    "cmd/server",
    "cmd/api",
    "cmd/web",
    "cmd/app",
    "cmd/main",
];

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
            further: Vec::new(),
            ahead: ahead(),
            install_inputs: inputs(tree, dir),
            steps: kinds.map(|kind| step(tree, dir, kind)).into(),
        })
        .collect()
}

fn step(tree: &dyn Tree, dir: &str, kind: Kind) -> Step {
    let action = match kind {
        Kind::Install => Action::Run(Command {
            network: Network::Registries,
            env: environment(dir),
            ..Command::new(words(["go", "mod", "download"]), Report::Text)
        }),
        Kind::Build => offline(dir, words(["go", "build", "./..."]), Report::Go),
        Kind::Test => {
            let profile = format!("-coverprofile={OUT}/{COVERAGE_GO}");
            let argv = words(["go", "test", "-json", &profile, "./..."]);
            offline(dir, argv, Report::GoTest)
        }
        Kind::Lint => {
            let mut commands = vec![words(["go", "vet", "./..."])];
            if tree.read(&join(dir, "staticcheck.conf")).is_some() {
                commands.push(words(["staticcheck", "./..."]));
            }
            let sources = sources(tree, dir);
            if !sources.is_empty() {
                commands.push([words(["gofmt", "-l"]), sources].concat());
            }
            offline(dir, script::each(None, &commands), Report::Go)
        }
        Kind::Smoke => smoke(tree, dir),
        Kind::Audit => {
            let database = format!("file://{DATABASE}/go");
            let argv = words(["govulncheck", "-format", "json", "-db", &database, "./..."]);
            offline(dir, argv, Report::Advisories(Advisories::Govulncheck))
        }
    };
    Step {
        name: step_name(kind, dir),
        kind,
        toolchain: Toolchain::Go,
        dir: dir.to_owned(),
        action,
        inputs: crate::Inputs::All,
    }
}

/// Compiled once for each toolchain, the standard library is there for every check of every module.
fn ahead() -> Option<Command> {
    match offline("", words(["go", "build", "std"]), Report::Text) {
        Action::Run(command) => Some(command),
        Action::Skip { .. } => None,
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

/// Builds and starts the program of a module.
fn smoke(tree: &dyn Tree, dir: &str) -> Action {
    let mut programs = programs(tree, dir);
    let chosen = match programs.len() {
        0 | 1 => programs.pop(),
        _ => SERVERS
            .iter()
            .find(|name| programs.iter().any(|program| program == *name))
            .map(|name| (*name).to_owned()),
    };
    match chosen {
        Some(folder) => {
            let package = match folder.is_empty() {
                true => ".".to_owned(),
                false => format!("./{folder}"),
            };
            let build = words(["go", "build", "-o", SERVICE, &package]);
            let Command { argv, report, .. } = serve(&build, &words([SERVICE]));
            offline(dir, argv, report)
        }
        None if programs.is_empty() => Action::skip(
            Verdict::Unknown,
            "there is nothing to start: no folder has a package main; write one that listens on the port in PORT",
        ),
        None => Action::skip(
            Verdict::Unknown,
            format!(
                "there are several programs ({}) and nothing says which one serves; call its folder cmd/server",
                programs.join(", ")
            ),
        ),
    }
}

/// The folders of a module's programs, the root as the empty text.
fn programs(tree: &dyn Tree, dir: &str) -> Vec<String> {
    let mut folders = BTreeSet::new();
    let modules: Vec<String> = tree
        .paths()
        .iter()
        .filter_map(|path| path.strip_suffix("/go.mod").map(str::to_owned))
        .filter(|module| module != dir && is_below(module, dir))
        .collect();
    for path in tree.paths() {
        let is_source = path.ends_with(".go")
            && !path.ends_with("_test.go")
            && !modules.iter().any(|module| is_below(&path, module));
        if !is_source || !is_below(&path, dir) || is_foreign(&path) {
            continue;
        }
        let inside = path.strip_prefix(&join(dir, "")).unwrap_or(&path);
        let folder = inside.rsplit_once('/').map_or("", |(folder, _)| folder);
        let is_left_out = |part: &str| {
            part.starts_with(['.', '_']) || matches!(part, "vendor" | "testdata" | "examples")
        };
        if folders.contains(folder) || folder.split('/').any(is_left_out) {
            continue;
        }
        let text = tree.read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let is_main = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some("package") && words.next() == Some("main")
        };
        // What is run by hand, such as a generator, is marked so that no build takes it.
        let is_by_hand = text
            .lines()
            .any(|line| line.starts_with("//go:build ignore"));
        if !is_by_hand && text.lines().any(is_main) {
            folders.insert(folder.to_owned());
        }
    }
    folders.into_iter().collect()
}

fn environment(dir: &str) -> BTreeMap<String, String> {
    let modules = format!("{WORKSPACE}/{}/go", join(dir, STORE));
    // At one place for all modules, since the standard library lies there.
    let compiled = format!("{WORKSPACE}/{STORE}/go-build");
    [
        ("GOMODCACHE", modules.as_str()),
        ("GOCACHE", compiled.as_str()),
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
