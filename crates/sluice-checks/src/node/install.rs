//! Which installation fits, and what its outcome depends on.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sluice_sandbox::Network;

use super::manifest::{Manifest, dependencies, join, json};
use super::package_manager::Manager;
use crate::plan::step_name;
use crate::{Action, Command, Kind, Report, Step, Toolchain, Tree};

/// What a manifest says that changes what is installed.
const INPUTS: [&str; 22] = [
    "name",
    "version",
    "bin",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundleDependencies",
    "bundledDependencies",
    "overrides",
    "workspaces",
    "engines",
    "devEngines",
    "os",
    "cpu",
    "libc",
    "packageManager",
    "pnpm",
    "resolutions",
    "dependenciesMeta",
    "installConfig",
];
const LOCKFILES: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];
/// Files of other package managers that decide what is installed.
const OTHERS: [&str; 3] = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "yarn.lock"];

/// Whether the lockfile of a project can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LockState {
    /// There is none.
    Absent,
    /// It names the same dependencies as the manifest.
    Fits,
    /// It is no JSON object.
    Broken {
        /// Where it is.
        path: String,
    },
    /// It names other dependencies than the manifest.
    Disagrees {
        /// Where it is.
        path: String,
        /// The packages about which they disagree.
        packages: Vec<String>,
    },
}

/// Compares the lockfile in `dir` with the manifest beside it and those of its workspaces.
pub(crate) fn lock_state(tree: &dyn Tree, dir: &str) -> LockState {
    let paths = LOCKFILES.map(|name| join(dir, name));
    let Some(path) = paths.into_iter().find(|path| tree.read(path).is_some()) else {
        return LockState::Absent;
    };
    let Some(lock) = json(tree, &path) else {
        return LockState::Broken { path };
    };
    let Some(Value::Object(entries)) = lock.get("packages") else {
        // The first format has no copy of the manifest; npm itself compares.
        return LockState::Fits;
    };
    let mut packages = Vec::new();
    for (at, entry) in entries {
        let (Value::Object(entry), false) =
            (entry, at.split('/').any(|part| part == "node_modules"))
        else {
            continue;
        };
        let member = join(dir, at);
        let manifest = Manifest::read(tree, member.trim_end_matches('/'));
        let (locked, wanted) = (dependencies(entry), manifest.dependencies());
        let names = locked.keys().chain(wanted.keys());
        packages.extend(
            names
                .filter(|name| locked.get(*name) != wanted.get(*name))
                .cloned(),
        );
    }
    packages.sort();
    packages.dedup();
    if packages.is_empty() {
        LockState::Fits
    } else {
        LockState::Disagrees { path, packages }
    }
}

/// The installation of the project in `dir`.
pub(crate) fn step(tree: &dyn Tree, dir: &str) -> Step {
    let manager = Manager::of(tree, dir);
    let is_there = || tree.read(&join(dir, manager.lockfile())).is_some();
    let (is_locked, note) = match (manager, lock_state(tree, dir)) {
        (Manager::Npm, LockState::Fits | LockState::Broken { .. }) => (true, None),
        (Manager::Npm, LockState::Absent) => (false, foreign_lock(tree, dir)),
        (Manager::Npm, LockState::Disagrees { path, .. }) => (
            false,
            Some(format!(
                "{path} does not fit package.json, so `npm install` was run; commit its lockfile"
            )),
        ),
        _ if is_there() => (true, None),
        _ => (
            false,
            Some(format!(
                "there is no {}, so today's versions were installed; commit the one that `{} install` writes",
                manager.lockfile(),
                manager.program()
            )),
        ),
    };
    Step {
        name: step_name(Kind::Install, dir),
        kind: Kind::Install,
        toolchain: Toolchain::Node,
        dir: dir.to_owned(),
        action: Action::Run(Command {
            argv: manager.install(is_locked),
            env: manager.env(),
            network: Network::Registries,
            report: Report::Text,
            note,
            wall: None,
        }),
        inputs: crate::Inputs::All,
    }
}

/// The command to run instead when a lockfile was found incomplete, and what a person should know of it: npm
/// leaves packages for other platforms out of some lockfiles that it writes, and then refuses them.
pub(crate) fn fallback(argv: &[String], output: &str) -> Option<(Vec<String>, String)> {
    if let Some(open) = Manager::unlocked(argv, output) {
        let note = "the lockfile does not fit package.json, so an installation that may change it was run; commit \
                    what it writes";
        return Some((open, note.to_owned()));
    }
    let incomplete = output.contains("EUSAGE")
        && output.lines().any(|line| line.contains("Missing: "))
        && !output.lines().any(|line| line.contains("Invalid: "));
    let mut argv = argv.to_vec();
    (argv.get(1).is_some_and(|verb| verb == "ci") && incomplete).then(|| {
        argv[1] = "install".to_owned();
        let note = "`npm ci` found the lockfile incomplete, so `npm install` was run";
        (argv, note.to_owned())
    })
}

/// A lockfile of another package manager, which is not read.
fn foreign_lock(tree: &dyn Tree, dir: &str) -> Option<String> {
    tree.read(&join(dir, "bun.lock"))?;
    Some("bun.lock is not read; `npm install` chose the versions from package.json".to_owned())
}

/// What decides the outcome of the installation in `dir`, by path: digests of the parts of the manifests
/// that name dependencies, of lockfiles and of npm's configuration.
pub(crate) fn inputs(tree: &dyn Tree, dir: &str) -> BTreeMap<String, String> {
    let root = Manifest::read(tree, dir);
    // A `file:` dependency can lie anywhere in the workspace.
    let anywhere = root
        .dependencies()
        .values()
        .any(|range| !range.starts_with(['^', '~']) && range.contains(':'));
    let prefix = if anywhere {
        String::new()
    } else {
        join(dir, "")
    };
    let mut inputs = BTreeMap::new();
    for path in tree.paths() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if !path.starts_with(&prefix) || folder.split('/').any(|part| part == "node_modules") {
            continue;
        }
        let content = match name {
            "package.json" => {
                let manifest = Manifest::read(tree, folder);
                if manifest.fault().is_some() {
                    let broken = tree.read(&path).unwrap_or_default();
                    inputs.insert(path, hex::encode(Sha256::digest(broken)));
                    continue;
                }
                let parts: BTreeMap<_, _> = INPUTS
                    .iter()
                    .filter_map(|key| Some((*key, manifest.field(key)?)))
                    .collect();
                serde_json::to_vec(&parts).unwrap_or_default()
            }
            ".npmrc" => tree.read(&path).unwrap_or_default(),
            name if LOCKFILES.contains(&name) || OTHERS.contains(&name) => {
                tree.read(&path).unwrap_or_default()
            }
            // A package that lies in the tree as npm packs it.
            name if anywhere && (name.ends_with(".tgz") || name.ends_with(".tar.gz")) => {
                tree.stamp(&path).unwrap_or_default().into_bytes()
            }
            _ => continue,
        };
        inputs.insert(path, hex::encode(Sha256::digest(content)));
    }
    inputs
}
