//! What healing may not move: tests, the configuration of checks, lockfiles.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Tree;

/// Files by the start of their name that configure a check.
const CONFIGURATION: [&str; 43] = [
    "eslint.config.",
    ".eslintrc",
    ".eslintignore",
    "vitest.config.",
    "vitest.workspace.",
    "vitest.setup.",
    "vite.config.",
    "jest.config.",
    "jest.setup.",
    "jest.preset.",
    "playwright.config.",
    "cypress.config.",
    "karma.conf.",
    "ava.config.",
    ".mocharc",
    ".nycrc",
    ".c8rc",
    "tsconfig",
    "biome.json",
    "sluice.toml",
    "sluice-code.toml",
    ".npmrc",
    ".yarnrc",
    ".pnpmfile.",
    ".taprc",
    "babel.config.",
    "pytest.ini",
    "conftest.py",
    "tox.ini",
    "setup.cfg",
    "noxfile.py",
    ".coveragerc",
    "ruff.toml",
    ".ruff.toml",
    "mypy.ini",
    ".mypy.ini",
    ".flake8",
    ".pylintrc",
    "clippy.toml",
    ".clippy.toml",
    "rustfmt.toml",
    ".rustfmt.toml",
    "staticcheck.conf",
];
const LOCKFILES: [&str; 14] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "pnpm-workspace.yaml",
    "uv.lock",
    "poetry.lock",
    "pylock.toml",
    "Cargo.lock",
    "go.sum",
    "go.work",
    "go.work.sum",
];
const TEST_FOLDERS: [&str; 8] = [
    "test",
    "tests",
    "__tests__",
    "__mocks__",
    "__snapshots__",
    "spec",
    "e2e",
    "cypress",
];
/// Parts of a `package.json` that configure a check.
const MANIFEST_PARTS: [&str; 8] = [
    "scripts",
    "jest",
    "eslintConfig",
    "eslintIgnore",
    "vitest",
    "mocha",
    "ava",
    "c8",
];

/// The pinned parts of a tree: a path, or `path#part` for a part of a `package.json`, with the SHA-256 of its
/// content.
pub fn pins(tree: &dyn Tree) -> BTreeMap<String, String> {
    let mut pins = BTreeMap::new();
    for path in tree.paths() {
        let mut parts: Vec<&str> = path.split('/').collect();
        let Some(name) = parts.pop().filter(|_| !parts.contains(&"node_modules")) else {
            continue;
        };
        if name == "package.json" {
            pin_manifest(tree, &path, &mut pins);
        } else if is_pinned(&parts, name) {
            let content = tree.read(&path).unwrap_or_default();
            pins.insert(path, hex::encode(Sha256::digest(content)));
        }
    }
    pins
}

fn is_pinned(folders: &[&str], name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let marked = parts.len() > 2
        && parts[1..parts.len() - 1]
            .iter()
            .any(|part| matches!(*part, "test" | "spec" | "e2e" | "cy"));
    CONFIGURATION.iter().any(|start| name.starts_with(start))
        || LOCKFILES.contains(&name)
        || folders.iter().any(|folder| TEST_FOLDERS.contains(folder))
        || marked
        || name.ends_with(".snap")
        || is_test_for_node(name)
        || name.ends_with("_test.go")
        || name.ends_with("_test.py")
        || (name.starts_with("test_") && name.ends_with(".py"))
}

/// The names that `node --test` looks for by itself.
fn is_test_for_node(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else {
        return false;
    };
    let code = matches!(ending, "js" | "mjs" | "cjs" | "ts" | "mts" | "cts");
    let named = stem == "test"
        || stem.starts_with("test-")
        || stem.ends_with("-test")
        || stem.ends_with("_test");
    code && named
}

fn pin_manifest(tree: &dyn Tree, path: &str, pins: &mut BTreeMap<String, String>) {
    let content = tree.read(path).unwrap_or_default();
    let Ok(Value::Object(fields)) = serde_json::from_slice(&content) else {
        // What cannot be read cannot be compared in part.
        pins.insert(path.to_owned(), hex::encode(Sha256::digest(content)));
        return;
    };
    for part in MANIFEST_PARTS {
        if let Some(value) = fields.get(part) {
            pins.insert(
                format!("{path}#{part}"),
                hex::encode(Sha256::digest(value.to_string())),
            );
        }
    }
}

/// What was pinned before and is changed or gone after. What is new is not named.
pub fn pins_moved(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    before
        .iter()
        .filter(|(name, digest)| after.get(*name) != Some(*digest))
        .map(|(name, _)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests;
