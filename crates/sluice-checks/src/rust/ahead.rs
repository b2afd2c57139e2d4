//! Compiles the crates of others ahead, in the installation: on the manifests alone, with empty programs in place
//! of the project's sources, so that a change of a source asks for nothing of this again.
//!
//! cargo tells by times whether a package of the project is to be compiled again, and what was made of an empty
//! program could look fresh. So nothing of the project's own stays: neither what cargo made of it nor what cargo
//! wrote down about it. Packages of a registry or of git are told by their version and by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sluice_sandbox::WORKSPACE;
use toml::{Table, Value};

use super::{cargo, compile};
use crate::find::{is_foreign, join};
use crate::toolchain::STORE;
use crate::tree::read_plain;
use crate::{Action, CheckError, Further, Ground, Report, Tree, disk, script};

/// In place of every library.
const LIBRARY: &[u8] = b"//! Nothing.\n";
/// In place of every other source.
const PROGRAM: &[u8] = b"//! Nothing.\n\nfn main() {}\n";
/// Where cargo writes down what its artifacts were made of.
const FINGERPRINTS: &str = ".fingerprint";
/// What is kept of a folder of artifacts.
const KEPT: [&str; 4] = [FINGERPRINTS, "build", "deps", ".cargo-lock"];
/// What a build script printed is read up to this size, in bytes.
const LARGEST: u64 = 1 << 20;

/// What is compiled ahead, where a project has packages of others.
pub(super) fn further(tree: &dyn Tree, dir: &str) -> Vec<Further> {
    let is_needed = match tree.read(&join(dir, "Cargo.lock")) {
        Some(lock) => !locked(&lock).is_empty(),
        None => tree.paths().iter().any(|path| {
            is_named(path, "Cargo.toml")
                && String::from_utf8_lossy(&tree.read(path).unwrap_or_default())
                    .contains("dependencies")
        }),
    };
    // Together they make what every check needs: programs, their tests, and types for the linter.
    let commands = ["build", "check"].map(|verb| cargo(verb, &["--all-targets"]));
    let Action::Run(command) = compile(dir, script::each(None, &commands), Report::Text) else {
        return Vec::new();
    };
    let further = Further {
        command,
        ground: Ground::Skeleton,
        otherwise: Some(
            "the packages of others could not be compiled ahead, so each check compiles them; the log says why"
                .to_owned(),
        ),
    };
    is_needed.then_some(further).into_iter().collect()
}

/// Whether a file decides what cargo makes of the packages of others.
pub(super) fn is_manifest(path: &str) -> bool {
    let names = [
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain",
        "rust-toolchain.toml",
    ];
    names.iter().any(|name| is_named(path, name))
        || [".cargo/config.toml", ".cargo/config"]
            .iter()
            .any(|name| path == *name || path.ends_with(&format!("/{name}")))
}

/// Whether a source makes a package need others by being there: a build script, for one.
pub(super) fn is_root(path: &str) -> bool {
    ["build.rs", "lib.rs", "main.rs"]
        .iter()
        .any(|name| is_named(path, name))
}

fn is_named(path: &str, name: &str) -> bool {
    path.rsplit('/').next() == Some(name)
}

/// The workspace without its sources.
pub(crate) fn skeleton(tree: &dyn Tree) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for path in tree.paths() {
        let content = match () {
            () if is_foreign(&path) => continue,
            () if is_manifest(&path) => tree.read(&path).unwrap_or_default(),
            () if is_named(&path, "lib.rs") => LIBRARY.to_owned(),
            () if path.ends_with(".rs") => PROGRAM.to_owned(),
            () => continue,
        };
        files.insert(path, content);
    }
    files
}

/// The packages of others: those that the lockfile has from elsewhere, without those whose name a package of the
/// tree has too.
pub(crate) fn others(tree: &dyn Tree, lock: &[u8]) -> BTreeSet<String> {
    let mut others = locked(lock);
    for path in tree.paths() {
        if is_named(&path, "Cargo.toml") {
            let text = tree.read(&path).unwrap_or_default();
            let table: Table = String::from_utf8_lossy(&text).parse().unwrap_or_default();
            let package = table.get("package").or_else(|| table.get("project"));
            if let Some(name) = package
                .and_then(|it| it.get("name"))
                .and_then(Value::as_str)
            {
                others.remove(name);
            }
        }
    }
    others
}

/// The packages of a lockfile that come from elsewhere.
fn locked(lock: &[u8]) -> BTreeSet<String> {
    let table: Table = String::from_utf8_lossy(lock).parse().unwrap_or_default();
    let packages = table.get("package").and_then(Value::as_array);
    packages
        .into_iter()
        .flatten()
        .filter(|package| package.get("source").is_some())
        .filter_map(|package| Some(package.get("name")?.as_str()?.to_owned()))
        .collect()
}

/// Removes all that is not made of packages with these names from what cargo compiled in `dir` of a layer. What
/// other code wrote there is not followed anywhere.
///
/// # Errors
/// When a file cannot be removed.
pub(crate) fn strip(target: &Path, dir: &str, others: &BTreeSet<String>) -> Result<(), CheckError> {
    let store = format!("{WORKSPACE}/{}/", join(dir, STORE));
    for (path, name, is_folder) in entries(target)? {
        if is_folder && is_folder_at(&path.join(FINGERPRINTS)) {
            strip_profile(&path, &store, others)?;
        } else if is_folder {
            // What is made for a platform that was named lies one deeper.
            for (path, _, is_folder) in entries(&path)? {
                match is_folder && is_folder_at(&path.join(FINGERPRINTS)) {
                    true => strip_profile(&path, &store, others)?,
                    false => disk::remove(&path)?,
                }
            }
        } else if !matches!(name.as_str(), ".rustc_info.json" | "CACHEDIR.TAG") {
            disk::remove(&path)?;
        }
    }
    Ok(())
}

fn strip_profile(folder: &Path, store: &str, others: &BTreeSet<String>) -> Result<(), CheckError> {
    for (path, name, _) in entries(folder)? {
        if !KEPT.contains(&name.as_str()) {
            disk::remove(&path)?;
        }
    }
    let mut hashes = BTreeSet::new();
    for (path, name, is_folder) in entries(&folder.join(FINGERPRINTS))? {
        let hash = name.rsplit_once('-').filter(|(package, hash)| {
            let printed = folder.join("build").join(&name).join("output");
            is_folder && is_hash(hash) && others.contains(*package) && !looks_out(&printed, store)
        });
        match hash {
            Some((_, hash)) => {
                hashes.insert(hash.to_owned());
            }
            None => disk::remove(&path)?,
        }
    }
    for kind in ["build", "deps"] {
        for (path, name, _) in entries(&folder.join(kind))? {
            let stem = name.split('.').next().unwrap_or("");
            let is_kept = stem
                .rsplit_once('-')
                .is_some_and(|(_, hash)| hashes.contains(hash));
            if !is_kept {
                disk::remove(&path)?;
            }
        }
    }
    Ok(())
}

/// Whether a build script said that it depends on files of the project: those were not there as they are.
fn looks_out(printed: &Path, store: &str) -> bool {
    if fs::symlink_metadata(printed).is_err() {
        return false;
    }
    let Some(text) = read_plain(printed, LARGEST) else {
        return true;
    };
    String::from_utf8_lossy(&text).lines().any(|line| {
        let path = line
            .split_once("rerun-if-changed=")
            .map_or("", |(_, path)| path);
        path.split('/').any(|part| part == "..")
            || (path.starts_with(WORKSPACE) && !path.starts_with(store))
    })
}

fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_folder_at(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Path, name and whether it is a folder, of all that is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<(std::path::PathBuf, String, bool)>, CheckError> {
    if !is_folder_at(folder) {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(CheckError::io("reading the layer", folder))?;
    entries
        .map(|entry| {
            let entry = entry.map_err(CheckError::io("reading the layer", folder))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name().to_string_lossy().into_owned();
            Ok((entry.path(), name, is_folder))
        })
        .collect()
}

#[cfg(test)]
mod tests;
