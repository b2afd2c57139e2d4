//! The package managers of Node: which one a project is for, and how each installs without running scripts.

use std::collections::BTreeMap;

use super::manifest::{Manifest, join};
use crate::Tree;
use crate::plan::words;

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    Npm,
    Pnpm,
    /// Yarn 1.
    Yarn,
    /// Yarn 2 and newer.
    Berry,
}

impl Manager {
    /// The one that the project in `dir` is for: what `packageManager` names, else whose lockfile is there.
    pub(crate) fn of(tree: &dyn Tree, dir: &str) -> Manager {
        let manifest = Manifest::read(tree, dir);
        let named = manifest.field("packageManager").and_then(|n| n.as_str());
        let (name, version) = named
            .and_then(|name| name.split_once('@'))
            .unwrap_or(("", ""));
        let has = |name: &str| tree.read(&join(dir, name)).is_some();
        let yarn = || {
            let lock = tree.read(&join(dir, "yarn.lock")).unwrap_or_default();
            let is_berry = match lock.is_empty() {
                true => has(".yarnrc.yml") || !(version.is_empty() || version.starts_with("1.")),
                false => lock.windows(11).any(|window| window == b"__metadata:"),
            };
            match is_berry {
                true => Manager::Berry,
                false => Manager::Yarn,
            }
        };
        match name {
            "pnpm" => return Manager::Pnpm,
            "yarn" => return yarn(),
            "npm" => return Manager::Npm,
            _ => {}
        }
        if has("package-lock.json") || has("npm-shrinkwrap.json") {
            Manager::Npm
        } else if has("pnpm-lock.yaml") || has("pnpm-workspace.yaml") {
            Manager::Pnpm
        } else if has("yarn.lock") {
            yarn()
        } else {
            Manager::Npm
        }
    }

    /// The program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Manager::Npm => "npm",
            Manager::Pnpm => "pnpm",
            Manager::Yarn | Manager::Berry => "yarn",
        }
    }

    /// The file that it locks versions in; npm has two.
    pub(crate) fn lockfile(self) -> &'static str {
        match self {
            Manager::Npm => "package-lock.json",
            Manager::Pnpm => "pnpm-lock.yaml",
            Manager::Yarn | Manager::Berry => "yarn.lock",
        }
    }

    /// The installation, which never runs scripts of packages and reads no program of the project's.
    pub(crate) fn install(self, is_locked: bool) -> Vec<String> {
        match (self, is_locked) {
            (Manager::Npm, true) => {
                words(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            }
            (Manager::Npm, false) => words([
                "npm",
                "install",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ]),
            (Manager::Pnpm, _) => words([
                "pnpm",
                "install",
                match is_locked {
                    true => "--frozen-lockfile",
                    false => "--no-frozen-lockfile",
                },
                "--ignore-scripts",
                "--ignore-pnpmfile",
                "--reporter=append-only",
                "--store-dir=/tmp/pnpm",
            ]),
            (Manager::Yarn, _) => {
                let mut argv = words([
                    "yarn",
                    "install",
                    "--ignore-scripts",
                    "--non-interactive",
                    "--no-default-rc",
                    "--no-progress",
                    "--cache-folder=/tmp/yarn",
                ]);
                if is_locked {
                    argv.push("--frozen-lockfile".to_owned());
                }
                argv
            }
            (Manager::Berry, _) => words([
                "yarn",
                "install",
                match is_locked {
                    true => "--immutable",
                    false => "--no-immutable",
                },
                "--mode=skip-build",
            ]),
        }
    }

    /// What tells it to stay what it is: no other version of itself, no program that the project names.
    pub(crate) fn env(self) -> BTreeMap<String, String> {
        let pairs: &[(&str, &str)] = match self {
            Manager::Npm => &[],
            Manager::Pnpm => &[
                ("COREPACK_ENABLE_NETWORK", "0"),
                ("NPM_CONFIG_MANAGE_PACKAGE_MANAGER_VERSIONS", "false"),
                ("PNPM_CONFIG_PM_ON_FAIL", "ignore"),
                ("NPM_CONFIG_PACKAGE_MANAGER_STRICT", "false"),
            ],
            Manager::Yarn => &[("COREPACK_ENABLE_NETWORK", "0"), ("YARN_IGNORE_PATH", "1")],
            Manager::Berry => &[
                ("COREPACK_ENABLE_NETWORK", "0"),
                ("YARN_IGNORE_PATH", "1"),
                // The project's own file could name plugins, which are programs.
                ("YARN_RC_FILENAME", ".sluice-yarnrc.yml"),
                ("YARN_NODE_LINKER", "node-modules"),
                ("YARN_ENABLE_SCRIPTS", "0"),
                ("YARN_ENABLE_TELEMETRY", "0"),
                ("YARN_ENABLE_GLOBAL_CACHE", "0"),
                ("YARN_CACHE_FOLDER", "/tmp/yarn"),
                ("YARN_ENABLE_COLORS", "0"),
            ],
        };
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    /// How to ask for known vulnerabilities, from moderate upwards.
    pub(crate) fn audit(self) -> Vec<String> {
        match self {
            Manager::Npm => words(["npm", "audit", "--json", "--audit-level=moderate"]),
            Manager::Pnpm => words(["pnpm", "audit", "--json", "--audit-level=moderate"]),
            Manager::Yarn => words(["yarn", "audit", "--json", "--no-default-rc"]),
            Manager::Berry => words([
                "yarn",
                "npm",
                "audit",
                "--all",
                "--recursive",
                "--json",
                "--severity=moderate",
            ]),
        }
    }

    /// The same installation without the lockfile's word, where it does not fit the manifest: who changes a
    /// dependency by hand cannot write its digests.
    pub(crate) fn unlocked(argv: &[String], output: &str) -> Option<Vec<String>> {
        let (words, frozen, open): (&[&str], &str, Option<&str>) = match argv.first()?.as_str() {
            "pnpm" => (
                &[
                    "ERR_PNPM_OUTDATED_LOCKFILE",
                    "ERR_PNPM_LOCKFILE_CONFIG_MISMATCH",
                ],
                "--frozen-lockfile",
                Some("--no-frozen-lockfile"),
            ),
            "yarn" if argv.iter().any(|word| word == "--immutable") => (
                &["The lockfile would have been modified", "YN0028"],
                "--immutable",
                Some("--no-immutable"),
            ),
            "yarn" => (
                &["Your lockfile needs to be updated"],
                "--frozen-lockfile",
                None,
            ),
            _ => return None,
        };
        if !words.iter().any(|word| output.contains(word)) {
            return None;
        }
        let at = argv.iter().position(|word| word == frozen)?;
        let mut argv = argv.to_vec();
        match open {
            Some(word) => argv[at] = word.to_owned(),
            None => {
                argv.remove(at);
            }
        }
        Some(argv)
    }
}

#[cfg(test)]
mod tests;
