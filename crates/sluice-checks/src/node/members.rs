//! The members of workspaces: what has to be built before a member can be checked by itself.

use std::collections::BTreeMap;

use sluice_sandbox::WORKSPACE;

use super::manifest::{Manifest, join};
use super::script;
use crate::plan::words;
use crate::{Action, Kind, Step};

/// The members of a workspace by their names, and what builds them.
pub(super) struct Members<'a> {
    root: &'a Manifest,
    dir: &'a str,
    by_name: BTreeMap<&'a str, (&'a str, &'a Manifest)>,
}

impl<'a> Members<'a> {
    /// Of the workspace whose root lies in `dir`.
    pub(super) fn new(
        root: &'a Manifest,
        dir: &'a str,
        members: &'a [(&'a String, Manifest)],
    ) -> Members<'a> {
        let by_name = members.iter().filter_map(|(dir, manifest)| {
            let name = manifest.field("name")?.as_str()?;
            Some((name, (dir.as_str(), manifest)))
        });
        Members {
            root,
            dir,
            by_name: by_name.collect(),
        }
    }

    /// Puts before a member's command the builds of the members that it depends on: each check starts on the
    /// sources alone, and a package that is compiled has nothing to import before.
    pub(super) fn prepare(&self, member: &Manifest, mut step: Step) -> Step {
        let Action::Run(command) = &mut step.action else {
            return step;
        };
        if !matches!(step.kind, Kind::Build | Kind::Test | Kind::Lint) {
            return step;
        }
        let mut order = Vec::new();
        self.needed(member, &mut order, &mut Vec::new());
        if order.is_empty() {
            return step;
        }
        let has_build = |manifest: &Manifest| {
            script::read(manifest, "build").is_some_and(|script| !script.idle)
        };
        let mut commands: Vec<Vec<String>> = match has_build(self.root) && step.kind != Kind::Build
        {
            true => vec![build(self.dir)],
            false => order
                .iter()
                .filter(|(_, manifest)| has_build(manifest))
                .map(|(dir, _)| build(dir))
                .collect(),
        };
        if !commands.is_empty() {
            commands.push(std::mem::take(&mut command.argv));
            command.argv = crate::script::each(None, &commands);
        }
        step
    }

    /// The members that one depends on, those first that others need.
    fn needed(
        &self,
        member: &Manifest,
        order: &mut Vec<(&'a str, &'a Manifest)>,
        open: &mut Vec<&'a str>,
    ) {
        for name in member.dependencies().keys() {
            let Some((dir, manifest)) = self.by_name.get(name.as_str()).copied() else {
                continue;
            };
            if open.contains(&dir) || order.iter().any(|(known, _)| *known == dir) {
                continue;
            }
            open.push(dir);
            self.needed(manifest, order, open);
            open.pop();
            order.push((dir, manifest));
        }
    }
}

fn build(dir: &str) -> Vec<String> {
    let folder = format!("{WORKSPACE}/{}", join(dir, ""));
    words([
        "npm",
        "--prefix",
        folder.trim_end_matches('/'),
        "run",
        "build",
    ])
}
