//! What a check's answer depends on: the files of the tree that it may read.

mod documents;
mod place;
mod reads;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::find::is_below;
use crate::plan::Project;
use crate::{Tree, find};

/// The files that a check's answer depends on. What is not known to be left unread counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Inputs {
    /// Every file of the tree.
    #[default]
    All,
    /// Some of them.
    Matching(Matching),
}

/// Some of the files of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// Folders whose files count, the empty text for the root. Files that lie directly in a folder above
    /// one of them count too: that is where tools look for configuration.
    pub below: BTreeSet<String>,
    /// Which of these files the tool looks into. Of the others it may only see that they are there.
    pub reads: Reads,
    /// Documents that nothing in the tree names: they do not count at all.
    pub unread: BTreeSet<String>,
}

/// Which files a tool looks into, by the end of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// All of them.
    Everything,
    /// All but those with these endings.
    AllBut(BTreeSet<&'static str>),
    /// Those with these endings, and whatever may configure a tool.
    Only(BTreeSet<&'static str>),
}

/// How much of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Content,
    Name,
    Nothing,
}

/// Endings of files that configure tools.
const CONFIGURATION: [&str; 9] = [
    "toml", "cfg", "ini", "json", "jsonc", "json5", "yaml", "yml", "lock",
];

impl Reads {
    fn part(&self, path: &str) -> Part {
        let name = path.rsplit('/').next().unwrap_or(path);
        let Some((stem, ending)) = name.rsplit_once('.') else {
            return Part::Content;
        };
        let looks = match self {
            Reads::Everything => true,
            Reads::AllBut(endings) => !endings.contains(ending),
            Reads::Only(endings) => {
                stem.is_empty() || CONFIGURATION.contains(&ending) || endings.contains(ending)
            }
        };
        match looks {
            true => Part::Content,
            false => Part::Name,
        }
    }

    /// What two commands read together.
    fn and(self, other: Reads) -> Reads {
        match (self, other) {
            (Reads::Only(one), Reads::Only(two)) => Reads::Only(&one | &two),
            (Reads::AllBut(one), Reads::AllBut(two)) => Reads::AllBut(&one & &two),
            (Reads::AllBut(but), Reads::Only(only)) | (Reads::Only(only), Reads::AllBut(but)) => {
                Reads::AllBut(&but - &only)
            }
            _ => Reads::Everything,
        }
    }
}

impl Matching {
    fn part(&self, path: &str) -> Part {
        if self.unread.contains(path) {
            return Part::Nothing;
        }
        if self.below.iter().any(|dir| is_below(path, dir)) {
            return self.reads.part(path);
        }
        let above = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        match self.below.iter().any(|dir| is_below(dir, above)) {
            true => Part::Content,
            false => Part::Nothing,
        }
    }
}

impl Inputs {
    /// Whether a change of this file's content may change the answer.
    pub fn counts(&self, path: &str) -> bool {
        match self {
            Inputs::All => true,
            Inputs::Matching(matching) => matching.part(path) == Part::Content,
        }
    }

    /// A digest over the names, modes and contents of these files. `None` where all of the tree counts, and
    /// where the tree does not list all of its files.
    pub(crate) fn digest(&self, tree: &dyn Tree) -> Option<String> {
        let Inputs::Matching(matching) = self else {
            return None;
        };
        if !tree.is_whole() {
            return None;
        }
        let mut digest = Sha256::new();
        for path in tree.paths() {
            let stamp = match matching.part(&path) {
                Part::Nothing => continue,
                Part::Name => String::new(),
                Part::Content => tree.stamp(&path)?,
            };
            digest.update(format!("{}\0{path}{}\0{stamp}", path.len(), stamp.len()));
        }
        Some(hex::encode(digest.finalize()))
    }
}

/// Says of every step of these projects what it depends on.
pub(crate) fn declare(tree: &dyn Tree, projects: &mut [Project]) {
    if !tree.is_whole() {
        return;
    }
    let mut unread = None;
    let mut places = place::Places::new(tree);
    for project in projects {
        for step in &mut project.steps {
            let Some(reads) = reads::of(tree, step) else {
                continue;
            };
            let Some(below) = places.below(&step.dir) else {
                continue;
            };
            let unread = unread.get_or_insert_with(|| documents::unread(tree));
            step.inputs = Inputs::Matching(Matching {
                below,
                reads,
                unread: unread.clone(),
            });
        }
    }
}

/// The largest file, in bytes, that is searched for the names of others; a larger one may name anything.
const LARGEST: usize = 1 << 20;

/// The text of a file that may name others; empty for what cannot.
fn text_of(tree: &dyn Tree, path: &str) -> Option<Vec<u8>> {
    if find::is_foreign(path) || is_lockfile(path) || is_asset(path) {
        return Some(Vec::new());
    }
    tree.read(path).filter(|bytes| bytes.len() <= LARGEST)
}

fn is_lockfile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(
        name,
        "package-lock.json"
            | "npm-shrinkwrap.json"
            | "yarn.lock"
            | "pnpm-lock.yaml"
            | "uv.lock"
            | "poetry.lock"
            | "Cargo.lock"
            | "go.sum"
    )
}

/// Whether a file is a picture, a sound or the like, which no text search is for.
fn is_asset(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    reads::BINARY.contains(&ending)
}

#[cfg(test)]
mod tests;
