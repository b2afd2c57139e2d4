//! Brings an edit onto a tree that has moved on since the person saw it.

use std::collections::BTreeMap;

use sluice_path::RelPath;
use sluice_workspace::{FileMerge, FileState, Oid, Repo};

use crate::edits::record::Edit;

/// What an edit comes to on a tree.
pub(crate) enum Merged {
    /// The tree with the edit in it.
    Clean(Oid),
    /// The paths that a person has to decide on, each with both sides between git's marks where that can be shown.
    Conflict(BTreeMap<String, Option<Vec<u8>>>),
}

/// Merges an edit into `tree`. What a person decided, `None`: no file there, is taken as it is.
pub(crate) fn merge(
    repo: &Repo,
    edit: &Edit,
    tree: &Oid,
    decided: &BTreeMap<String, Option<FileState>>,
) -> anyhow::Result<Merged> {
    let mut files = BTreeMap::new();
    let mut conflicts = BTreeMap::new();
    for (path, pair) in &edit.files {
        if let Some(file) = decided.get(path) {
            files.insert(path.clone(), *file);
            continue;
        }
        let theirs = theirs(repo, tree, path)?;
        match repo.file_merge(pair.base, theirs, pair.mine, ["work", &edit.person.name])? {
            FileMerge::Clean(file) => {
                files.insert(path.clone(), file);
            }
            FileMerge::Conflict { marked } => {
                conflicts.insert(path.clone(), marked);
            }
        }
    }
    if !conflicts.is_empty() {
        return Ok(Merged::Conflict(conflicts));
    }
    let merged = repo.tree_set(tree, &files)?;
    // What gives way to a path of the edit, and is not of the edit, is somebody else's.
    for other in repo.file_differences(tree, &merged)? {
        if files.contains_key(&other.path) {
            continue;
        }
        let clash = |path: &&String| {
            !decided.contains_key(*path)
                && (is_below(path, &other.path) || is_below(&other.path, path))
        };
        let clashing = files.keys().filter(clash);
        conflicts.extend(clashing.map(|path| (path.clone(), None)));
    }
    if repo.tree_list(&merged)?.is_empty() && decided.is_empty() {
        conflicts.extend(files.keys().map(|path| (path.clone(), None)));
    }
    Ok(if conflicts.is_empty() {
        Merged::Clean(merged)
    } else {
        Merged::Conflict(conflicts)
    })
}

/// The file that a tree has at a path.
pub(crate) fn theirs(repo: &Repo, tree: &Oid, path: &str) -> anyhow::Result<Option<FileState>> {
    Ok(match RelPath::parse(path) {
        Ok(path) => repo.file_state(tree, &path)?,
        Err(_) => None,
    })
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}
