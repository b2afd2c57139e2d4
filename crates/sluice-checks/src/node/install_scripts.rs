//! Packages that bring scripts for their installation: they run when the policy names them, and never unsaid.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::manifest::join;
use super::package_manager::Manager;
use crate::finding::Draft;
use crate::plan::words;
use crate::tree::read_plain;
use crate::{Command, Finding, Further, Ground, Level, Report, Tree};

/// The scripts of a package that belong to its installation.
const SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];
/// The largest manifest of a package that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// The most folders that are looked through.
const MOST: usize = 200_000;
/// The most packages that are told of by name.
const NAMED: usize = 25;

/// The packages with scripts that were installed, each with the names of these. Packages that are only linked are
/// the project's own.
pub(crate) fn scripted(trees: &[PathBuf]) -> BTreeMap<String, Vec<&'static str>> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<(PathBuf, bool)> =
        trees.iter().map(|tree| (tree.clone(), false)).collect();
    let mut looked = 0;
    while let Some((folder, holds_packages)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            looked += 1;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_folder || looked > MOST {
                continue;
            }
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name == "node_modules" {
                folders.push((path, true));
            } else if !holds_packages || name == ".pnpm" {
                folders.push((path, false));
            } else if name.starts_with('@') {
                for scoped in fs::read_dir(&path).into_iter().flatten().flatten() {
                    let inner = scoped.file_name();
                    let name = format!("{name}/{}", inner.to_string_lossy());
                    if scoped.file_type().is_ok_and(|kind| kind.is_dir()) {
                        found.extend(of(&scoped.path(), &name));
                        folders.push((scoped.path().join("node_modules"), true));
                    }
                }
            } else if !name.starts_with('.') {
                found.extend(of(&path, &name));
                folders.push((path.join("node_modules"), true));
            }
        }
    }
    found
}

/// The scripts of one package under its own name, which may be another than the one that it is called by.
fn of(folder: &Path, called: &str) -> Option<(String, Vec<&'static str>)> {
    let bytes = read_plain(&folder.join("package.json"), LARGEST)?;
    let manifest: Value = serde_json::from_slice(&bytes).ok()?;
    let scripts = manifest.get("scripts").and_then(Value::as_object);
    let mut here: Vec<&'static str> = SCRIPTS
        .into_iter()
        .filter(|name| scripts.is_some_and(|scripts| scripts.contains_key(*name)))
        .collect();
    // npm compiles such a package without being told.
    let is_native = folder.join("binding.gyp").is_file()
        && manifest.get("gypfile").and_then(Value::as_bool) != Some(false);
    if is_native && here.is_empty() {
        here.push("binding.gyp");
    }
    let own = manifest
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or(called);
    let name = match own == called {
        true => own.to_owned(),
        false => format!("{own} (as {called})"),
    };
    (!here.is_empty()).then_some((name, here))
}

/// The step that runs the scripts of the packages that the policy allows, where there are any.
pub(crate) fn allowed(
    tree: &dyn Tree,
    dir: &str,
    scripted: &BTreeMap<String, Vec<&'static str>>,
    policy: &[String],
) -> Option<Further> {
    let names: Vec<String> = scripted
        .keys()
        .filter(|name| policy.contains(name))
        .cloned()
        .collect();
    if names.is_empty() {
        return None;
    }
    let manager = Manager::of(tree, dir);
    let mut argv = match manager {
        Manager::Pnpm => {
            let mut argv = words([
                "pnpm",
                "rebuild",
                "--reporter=append-only",
                "--store-dir=/tmp/pnpm",
                "--config.ignore-scripts=false",
                "--config.side-effects-cache=false",
                // Of those that are named.
                "--config.dangerously-allow-all-builds=true",
            ]);
            if tree.read(&join(dir, "pnpm-workspace.yaml")).is_some() {
                argv.push("--recursive".to_owned());
            }
            argv
        }
        // yarn has no command for it that works without the network; npm runs scripts in any node_modules.
        Manager::Npm | Manager::Yarn | Manager::Berry => words([
            "npm",
            "rebuild",
            "--ignore-scripts=false",
            "--foreground-scripts",
            "--no-audit",
            "--no-fund",
            "--",
        ]),
    };
    argv.extend(names);
    Some(Further {
        command: Command {
            env: manager.env(),
            ..Command::new(argv, Report::Text)
        },
        ground: Ground::Tree,
        otherwise: None,
    })
}

/// What a person should know of the scripts that did not run.
pub(crate) fn not_allowed(
    dir: &str,
    scripted: &BTreeMap<String, Vec<&'static str>>,
    policy: &[String],
) -> Vec<Finding> {
    let left: Vec<_> = scripted
        .iter()
        .filter(|(name, _)| !policy.contains(name))
        .collect();
    let note = |message: String| {
        let draft = Draft::error("npm", "install-script-not-run", message).level(Level::Note);
        draft.at(Some(join(dir, "package.json")), 0, 0).done()
    };
    let named = left.iter().take(NAMED).map(|(name, scripts)| {
        note(format!(
            "{name} has an install script ({}), which did not run; where the package needs it, the keeper of this \
             Sluice adds its name to install.scripts",
            scripts.join(", ")
        ))
    });
    let more = left.len().saturating_sub(NAMED);
    let rest = (more > 0).then(|| {
        note(format!(
            "{more} more packages have install scripts, which did not run"
        ))
    });
    named.chain(rest).collect()
}
