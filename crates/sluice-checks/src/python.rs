//! The Python toolchain: which projects a tree holds and what is run in each.

mod manifest;
mod requirements;
mod start;
mod steps;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::find::{is_below, is_foreign, join};
use crate::plan::Project;
use crate::{Kind, Toolchain, Tree};
use manifest::Manifest;

/// Files that decide what is installed.
const INPUTS: [&str; 7] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "uv.lock",
    "poetry.lock",
    "pylock.toml",
    ".python-version",
];

/// The Python projects in `dirs`, those of uv's workspaces under their root.
pub(crate) fn projects(tree: &dyn Tree, dirs: &[String], notes: &mut Vec<String>) -> Vec<Project> {
    let mut projects: Vec<Project> = Vec::new();
    let mut covered: Vec<String> = Vec::new();
    for dir in dirs {
        let manifest = Manifest::read(tree, dir);
        if covered.contains(dir) || (dirs.len() > 1 && !manifest.is_project(tree)) {
            continue;
        }
        // A list of packages below a project is for its documentation or its image.
        if !manifest.has_metadata() && projects.iter().any(|above| is_below(dir, &above.dir)) {
            notes.push(format!(
                "{} lies in another Python project and was not checked by itself",
                join(dir, "requirements.txt")
            ));
            continue;
        }
        covered.extend(manifest.members(dir, dirs));
        projects.push(Project {
            dir: dir.clone(),
            toolchain: Toolchain::Python,
            install: steps::install(tree, dir, &manifest),
            further: Vec::new(),
            ahead: None,
            install_inputs: inputs(tree, dir),
            steps: [
                Kind::Build,
                Kind::Test,
                Kind::Lint,
                Kind::Smoke,
                Kind::Audit,
            ]
            .map(|kind| steps::step(tree, dir, &manifest, kind))
            .into(),
        });
    }
    projects
}

/// What decides the outcome of the installation in `dir`, by path. A file of requirements can have any name.
fn inputs(tree: &dyn Tree, dir: &str) -> BTreeMap<String, String> {
    let mut inputs = BTreeMap::new();
    for path in tree.paths() {
        let name = path.rsplit('/').next().unwrap_or(&path);
        let counts = INPUTS.contains(&name) || name.ends_with(".txt") || name.ends_with(".in");
        if counts && is_below(&path, dir) && !is_foreign(&path) {
            let content = tree.read(&path).unwrap_or_default();
            inputs.insert(path, hex::encode(Sha256::digest(content)));
        }
    }
    inputs
}

#[cfg(test)]
mod tests;
