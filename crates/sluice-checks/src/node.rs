//! The Node toolchain: which projects a tree holds and what is run in each.

mod install;
mod install_scripts;
mod manifest;
mod members;
mod package_manager;
mod script;
mod steps;

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

pub(crate) use install::{LockState, fallback, lock_state};
pub(crate) use install_scripts::{allowed, not_allowed, scripted};
pub(crate) use manifest::{Manifest, join};
pub(crate) use script::commands as script_commands;

use crate::plan::Project;
use crate::{Action, Kind, Step, Toolchain, Tree};

/// The Node projects in `dirs`, those of workspaces under their root.
pub(crate) fn projects(tree: &dyn Tree, dirs: &[String]) -> Vec<Project> {
    let mut projects = Vec::new();
    let mut covered = BTreeSet::new();
    for dir in dirs {
        let manifest = Manifest::read(tree, dir);
        if covered.contains(dir) || (dirs.len() > 1 && !manifest.is_project()) {
            continue;
        }
        let members = members(tree, &manifest, dir, dirs);
        covered.extend(members.iter().cloned());
        projects.push(project(tree, dir, &manifest, &members));
    }
    projects
}

/// The folders among `dirs` that the manifest in `root` names as its workspaces.
fn members(tree: &dyn Tree, manifest: &Manifest, root: &str, dirs: &[String]) -> Vec<String> {
    let mut patterns = manifest.workspaces();
    patterns.extend(manifest::pnpm_workspaces(tree, root));
    let (out, into): (Vec<String>, Vec<String>) = patterns
        .into_iter()
        .partition(|pattern| pattern.starts_with('!'));
    let set = |patterns: &[String]| {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.trim_start_matches('!').trim_start_matches("./");
            let pattern = join(root, pattern.trim_end_matches('/'));
            if let Ok(glob) = GlobBuilder::new(&pattern).literal_separator(true).build() {
                set.add(glob);
            }
        }
        set.build().unwrap_or_else(|_| GlobSet::empty())
    };
    let (out, into) = (set(&out), set(&into));
    dirs.iter()
        .filter(|dir| dir.as_str() != root && into.is_match(dir) && !out.is_match(dir))
        .cloned()
        .collect()
}

/// Whether the root's script only runs those of its members. Each then has its own report, where one run of
/// all would leave the last one's. A build stays one run: members use what others have built.
fn fans_out(manifest: &Manifest, kind: Kind, members: &[(&String, Manifest)]) -> bool {
    let name = steps::script_name(kind);
    matches!(kind, Kind::Test | Kind::Lint)
        && script::fans_out(manifest, name).is_some_and(|if_present| {
            if_present
                || members
                    .iter()
                    .all(|(_, member)| member.script(name).is_some())
        })
}

/// One installation with the checks that need it: the root's, and for what the root has no script, those
/// of its members.
fn project(tree: &dyn Tree, dir: &str, manifest: &Manifest, members: &[String]) -> Project {
    let root = steps::Place {
        tree,
        dir,
        install: dir,
        manifest,
    };
    let member_manifests: Vec<(&String, Manifest)> = members
        .iter()
        .map(|member| (member, Manifest::read(tree, member)))
        .collect();
    let workspace = members::Members::new(manifest, dir, &member_manifests);
    let mut steps = Vec::new();
    for kind in [Kind::Build, Kind::Test, Kind::Lint, Kind::Smoke] {
        let own = steps::step(&root, kind);
        let theirs: Vec<Step> = member_manifests
            .iter()
            .map(|(member, manifest)| {
                let place = steps::Place {
                    tree,
                    dir: member,
                    install: dir,
                    manifest,
                };
                workspace.prepare(manifest, steps::step(&place, kind))
            })
            .filter(|step| matches!(step.action, Action::Run(_)))
            .collect();
        if (matches!(own.action, Action::Skip { .. })
            || fans_out(manifest, kind, &member_manifests))
            && !theirs.is_empty()
        {
            steps.extend(theirs);
        } else {
            steps.push(own);
        }
    }
    steps.push(steps::step(&root, Kind::Audit));
    Project {
        dir: dir.to_owned(),
        toolchain: Toolchain::Node,
        install: install::step(tree, dir),
        further: Vec::new(),
        ahead: None,
        install_inputs: install::inputs(tree, dir),
        steps,
    }
}
