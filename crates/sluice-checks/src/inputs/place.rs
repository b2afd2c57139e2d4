//! Which folders of a tree the checks of a project reach.

use std::collections::{BTreeMap, BTreeSet};

use regex::bytes::Regex;

use super::text_of;
use crate::find::{is_below, is_foreign};
use crate::node::Manifest;
use crate::{Toolchain, Tree};

/// The folders of a tree, and what each reaches as far as it was asked for.
pub(super) struct Places<'a> {
    tree: &'a dyn Tree,
    paths: Vec<String>,
    /// The folders with a manifest.
    projects: BTreeSet<String>,
    /// The folders of packages that others may name.
    packages: BTreeMap<String, String>,
    direct: BTreeMap<String, Option<BTreeSet<String>>>,
    named: Option<Regex>,
}

impl<'a> Places<'a> {
    pub(super) fn new(tree: &'a dyn Tree) -> Places<'a> {
        let paths = tree.paths();
        let mut projects = BTreeSet::new();
        let mut packages = BTreeMap::new();
        for path in paths.iter().filter(|path| !is_foreign(path)) {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            if Toolchain::ALL
                .iter()
                .any(|toolchain| toolchain.manifests().contains(&name))
            {
                projects.insert(folder.to_owned());
            }
            if name == "package.json"
                && let Some(name) = Manifest::read(tree, folder).field("name")
                && let Some(name) = name.as_str()
            {
                packages.insert(name.to_owned(), folder.to_owned());
            }
        }
        Places {
            tree,
            paths,
            projects,
            packages,
            direct: BTreeMap::new(),
            // A relative path; a `..` alone; the workspace by its name inside.
            named: Regex::new(r#"\.\.?/[A-Za-z0-9_./@+-]*|["'`]\.\.["'`]|/workspace\b"#).ok(),
        }
    }

    /// The folders that the checks in `dir` reach, itself among them; `None` when that cannot be said.
    pub(super) fn below(&mut self, dir: &str) -> Option<BTreeSet<String>> {
        let mut found = BTreeSet::from([dir.to_owned()]);
        if dir.is_empty() {
            return Some(found);
        }
        let mut open = vec![dir.to_owned()];
        while let Some(next) = open.pop() {
            for reached in self.direct(&next)? {
                if reached.is_empty() {
                    return None;
                }
                if found.insert(reached.clone()) {
                    open.push(reached);
                }
            }
        }
        Some(found)
    }

    /// What one folder reaches by itself.
    fn direct(&mut self, dir: &str) -> Option<BTreeSet<String>> {
        if let Some(known) = self.direct.get(dir) {
            return known.clone();
        }
        let found = self.look(dir);
        self.direct.insert(dir.to_owned(), found.clone());
        found
    }

    fn look(&self, dir: &str) -> Option<BTreeSet<String>> {
        let mut reached = BTreeSet::new();
        for path in &self.paths {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let is_own = is_below(path, dir);
            let is_above = !is_own && is_below(dir, folder);
            if !is_own && !is_above {
                continue;
            }
            if is_above && matches!(name, "go.work" | "conftest.py") {
                return None;
            }
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
            let is_typescript = name.starts_with("tsconfig") && ending == "json";
            if is_above
                && !is_typescript
                && matches!(ending, "json" | "yaml" | "yml" | "md" | "rst" | "txt")
            {
                // What others list of their parts, or write about them, is no way there.
                continue;
            }
            let text = text_of(self.tree, path)?;
            if is_above && is_typescript {
                // Of what others extend, only this names modules.
                if contains(&text, b"\"paths\"") {
                    return None;
                }
                continue;
            }
            if is_own && name == "package.json" {
                let wanted = Manifest::read(self.tree, folder).dependencies();
                let packages = wanted.keys().filter_map(|name| self.packages.get(name));
                reached.extend(packages.filter(|to| !is_below(to, dir)).cloned());
            }
            for found in self.named.as_ref()?.find_iter(&text) {
                let word = String::from_utf8_lossy(found.as_bytes()).into_owned();
                if word == "/workspace" {
                    return None;
                }
                let is_alone = word.starts_with(['"', '\'', '`']);
                let word = word.trim_matches(['"', '\'', '`']);
                // A path may start at the file that names it, or where the tool was started.
                reached.extend(self.target(folder, word, dir)?);
                let goes_up_only = word.trim_matches(['.', '/']).is_empty();
                if is_own && folder != dir && !is_alone && !goes_up_only {
                    reached.extend(self.target(dir, word, dir)?);
                }
            }
        }
        Some(reached)
    }

    /// The folder outside of `dir` that a path leads to; `None` when it is one above it.
    fn target(&self, start: &str, word: &str, dir: &str) -> Option<Option<String>> {
        let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
        for part in word.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    // Above the workspace there is nothing of the tree but the workspace.
                    if parts.pop().is_none() {
                        let goes_up_only = word.trim_matches(['.', '/']).is_empty();
                        return (!goes_up_only).then_some(None);
                    }
                }
                part => parts.push(part),
            }
        }
        let target = parts.join("/");
        if is_below(&target, dir) || target == dir {
            return Some(None);
        }
        if is_below(dir, &target) {
            return None;
        }
        let is_there = |path: &&String| {
            path.strip_prefix(&target)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        };
        let Some(path) = self.paths.iter().find(is_there) else {
            return Some(None);
        };
        let above = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if is_below(dir, above) {
            // It lies directly above, where every file counts.
            return Some(None);
        }
        // All of the project that it belongs to, whose files may name others.
        let home = self
            .projects
            .iter()
            .filter(|home| !home.is_empty() && is_below(path, home) && !is_below(dir, home))
            .max_by_key(|home| home.len());
        let top = || {
            let depth = target.split('/').count();
            let shared = dir
                .split('/')
                .zip(target.split('/'))
                .take_while(|(one, two)| one == two)
                .count();
            let keep = (shared + 1).min(depth);
            target.split('/').take(keep).collect::<Vec<_>>().join("/")
        };
        Some(Some(home.cloned().unwrap_or_else(top)))
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
