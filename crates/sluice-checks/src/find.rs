//! Finds the folders of a tree that hold a project of some toolchain.

use std::collections::{BTreeMap, BTreeSet};

use crate::toolchain::{STORE, VENV};
use crate::{Toolchain, Tree};

/// Folders whose manifests are material of a project and not projects, when there is another project.
const MATERIAL: [&str; 16] = [
    "fixtures",
    "__fixtures__",
    "testdata",
    "test",
    "tests",
    "__tests__",
    "__mocks__",
    "examples",
    "example",
    "templates",
    "template",
    "dist",
    "build",
    "out",
    "vendor",
    "coverage",
];
/// Folders whose content is never the project's own.
const FOREIGN: [&str; 6] = [
    "node_modules",
    ".git",
    VENV,
    STORE,
    "site-packages",
    "__pycache__",
];

/// What a tree holds.
pub(crate) struct Found {
    /// The folders of each toolchain, the root first and parents before their children.
    pub(crate) dirs: BTreeMap<Toolchain, Vec<String>>,
    /// What was left out, for a person.
    pub(crate) notes: Vec<String>,
}

/// Looks through the names of a tree's files.
pub(crate) fn find(tree: &dyn Tree) -> Found {
    let mut all: BTreeSet<(usize, String, Toolchain)> = BTreeSet::new();
    let mut named: BTreeMap<(String, Toolchain), String> = BTreeMap::new();
    for path in tree.paths() {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if dir.split('/').any(|part| FOREIGN.contains(&part)) {
            continue;
        }
        for toolchain in Toolchain::ALL {
            if toolchain.manifests().contains(&name) {
                let depth = dir.matches('/').count() + usize::from(!dir.is_empty());
                all.insert((depth, dir.to_owned(), toolchain));
                named
                    .entry((dir.to_owned(), toolchain))
                    .or_insert_with(|| path.clone());
            }
        }
    }
    let (material, mut own): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(_, dir, _)| dir.split('/').any(is_material));
    let mut notes = Vec::new();
    if own.is_empty() {
        own = material;
    } else {
        notes.extend(material.into_iter().filter_map(|(_, dir, toolchain)| {
            let path = named.get(&(dir, toolchain))?;
            Some(format!(
                "{path} was taken for test material or an example and not checked"
            ))
        }));
    }
    let mut dirs: BTreeMap<Toolchain, Vec<String>> = BTreeMap::new();
    for (_, dir, toolchain) in own {
        dirs.entry(toolchain).or_default().push(dir);
    }
    Found { dirs, notes }
}

fn is_material(part: &str) -> bool {
    MATERIAL.contains(&part) || part.starts_with('.')
}

/// Whether `path` lies in the folder `dir` of the workspace.
pub(crate) fn is_below(path: &str, dir: &str) -> bool {
    dir.is_empty()
        || path
            .strip_prefix(dir)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// A name in a folder of the workspace, whose root is the empty text.
pub(crate) fn join(dir: &str, name: &str) -> String {
    match dir.is_empty() {
        true => name.to_owned(),
        false => format!("{dir}/{name}"),
    }
}

/// Whether a path leads through a folder whose content is not the project's own.
pub(crate) fn is_foreign(path: &str) -> bool {
    path.split('/').any(|part| FOREIGN.contains(&part))
}

/// Line and column of a place in a text, from 1.
pub(crate) fn place(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (
        u32::try_from(line).unwrap_or(0),
        u32::try_from(column).unwrap_or(0),
    )
}
