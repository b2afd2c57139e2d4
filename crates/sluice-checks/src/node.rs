//! The Node toolchain: which projects a tree holds and what is run in each.

mod install;
mod manifest;
mod script;
mod steps;

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

pub(crate) use install::{LockState, fallback, lock_state};
pub(crate) use manifest::{Manifest, join};

use crate::plan::{Plan, Project};
use crate::{Action, Kind, Step, Tree};

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

/// The plan for the Node projects of `tree`; notes for a person when there is none.
pub(crate) fn plan(tree: &dyn Tree) -> Result<Plan, Vec<String>> {
    let found = dirs(tree);
    let (material, mut dirs): (Vec<String>, Vec<String>) = found
        .into_iter()
        .partition(|dir| dir.split('/').any(is_material));
    let mut notes = Vec::new();
    if dirs.is_empty() {
        dirs = material;
    } else {
        notes.extend(material.iter().map(|dir| {
            format!("{dir}/package.json was taken for test material or an example and not checked")
        }));
    }
    let mut projects = Vec::new();
    let mut covered = BTreeSet::new();
    for dir in &dirs {
        let manifest = Manifest::read(tree, dir);
        if covered.contains(dir) || (dirs.len() > 1 && !manifest.is_project()) {
            continue;
        }
        let members = members(&manifest, dir, &dirs);
        covered.extend(members.iter().cloned());
        projects.push(project(tree, dir, &manifest, &members));
    }
    if projects.is_empty() {
        notes.push("no package.json was found; add one, or check a folder that has one".to_owned());
        return Err(notes);
    }
    Ok(Plan {
        toolchain: "node".to_owned(),
        projects,
        notes,
    })
}

/// The folders that hold a `package.json`, the root first and parents before their children.
fn dirs(tree: &dyn Tree) -> Vec<String> {
    let mut dirs: Vec<String> = tree
        .paths()
        .into_iter()
        .filter_map(|path| match path.strip_suffix("package.json")? {
            "" => Some(String::new()),
            dir => dir.strip_suffix('/').map(str::to_owned),
        })
        .filter(|dir| {
            dir.split('/')
                .all(|part| part != "node_modules" && part != ".git")
        })
        .collect();
    dirs.sort_by_key(|dir| {
        (
            dir.matches('/').count() + usize::from(!dir.is_empty()),
            dir.clone(),
        )
    });
    dirs
}

fn is_material(part: &str) -> bool {
    MATERIAL.contains(&part) || part.starts_with('.')
}

/// The folders among `dirs` that the manifest in `root` names as its workspaces.
fn members(manifest: &Manifest, root: &str, dirs: &[String]) -> Vec<String> {
    let mut set = GlobSetBuilder::new();
    for pattern in manifest.workspaces() {
        let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
        let pattern = if root.is_empty() {
            pattern.to_owned()
        } else {
            format!("{root}/{pattern}")
        };
        if let Ok(glob) = GlobBuilder::new(&pattern).literal_separator(true).build() {
            set.add(glob);
        }
    }
    let set = set.build().unwrap_or_else(|_| GlobSet::empty());
    dirs.iter()
        .filter(|dir| dir.as_str() != root && set.is_match(dir))
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
    let mut steps = Vec::new();
    for kind in [Kind::Build, Kind::Test, Kind::Lint, Kind::Smoke] {
        let own = steps::step(&root, kind);
        let theirs: Vec<Step> = member_manifests
            .iter()
            .map(|(member, manifest)| {
                steps::step(
                    &steps::Place {
                        tree,
                        dir: member,
                        install: dir,
                        manifest,
                    },
                    kind,
                )
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
        install: install::step(tree, dir),
        install_inputs: install::inputs(tree, dir),
        steps,
    }
}
