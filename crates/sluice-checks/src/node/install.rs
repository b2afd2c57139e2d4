//! Which installation fits, and what its outcome depends on.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sluice_sandbox::Network;

use super::manifest::{Manifest, dependencies, join, json};
use crate::plan::step_name;
use crate::{Action, Command, Kind, Report, Step, Toolchain, Tree};

/// What a manifest says that changes what is installed.
const INPUTS: [&str; 17] = [
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
];
const LOCKFILES: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];

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
    let (verb, note) = match lock_state(tree, dir) {
        LockState::Fits | LockState::Broken { .. } => ("ci", None),
        LockState::Absent => ("install", foreign_lock(tree, dir)),
        LockState::Disagrees { path, .. } => (
            "install",
            Some(format!(
                "{path} does not fit package.json, so `npm install` was run; commit its lockfile"
            )),
        ),
    };
    let argv = ["npm", verb, "--ignore-scripts", "--no-audit", "--no-fund"];
    Step {
        name: step_name(Kind::Install, dir),
        kind: Kind::Install,
        toolchain: Toolchain::Node,
        dir: dir.to_owned(),
        action: Action::Run(Command {
            argv: argv.map(str::to_owned).to_vec(),
            env: BTreeMap::new(),
            network: Network::Open,
            report: Report::Text,
            note,
        }),
        inputs: crate::Inputs::All,
    }
}

/// The command to run instead when `npm ci` found its lockfile incomplete: npm leaves packages for other
/// platforms out of some lockfiles that it writes, and then refuses them.
pub(crate) fn fallback(argv: &[String], output: &str) -> Option<Vec<String>> {
    let incomplete = output.contains("EUSAGE")
        && output.lines().any(|line| line.contains("Missing: "))
        && !output.lines().any(|line| line.contains("Invalid: "));
    let mut argv = argv.to_vec();
    (argv.get(1).is_some_and(|verb| verb == "ci") && incomplete).then(|| {
        argv[1] = "install".to_owned();
        argv
    })
}

/// A lockfile of another package manager, which is not read.
fn foreign_lock(tree: &dyn Tree, dir: &str) -> Option<String> {
    let name = ["pnpm-lock.yaml", "yarn.lock", "bun.lock"]
        .into_iter()
        .find(|name| tree.read(&join(dir, name)).is_some())?;
    Some(format!(
        "{name} is not read; `npm install` chose the versions from package.json"
    ))
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
            name if LOCKFILES.contains(&name) => tree.read(&path).unwrap_or_default(),
            _ => continue,
        };
        inputs.insert(path, hex::encode(Sha256::digest(content)));
    }
    inputs
}
