//! The dependency rule: which room may use which, and which library is fenced into which room.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each package with the packages of ours that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("sluice-path", &[]),
    ("sluice-gates", &[]),
    ("sluice-reply", &["sluice-path"]),
    ("sluice-proof", &[]),
    ("sluice-workspace", &["sluice-path"]),
    ("sluice-egress", &[]),
    ("sluice-sandbox", &["sluice-egress"]),
    ("sluice-checks", &["sluice-egress", "sluice-sandbox"]),
    ("sluice-agents", &[]),
    ("sluice-webhooks", &["sluice-egress"]),
    ("sluice-migrations", &[]),
    (
        "sluice-store",
        &["sluice-gates", "sluice-migrations", "sluice-proof"],
    ),
    ("sluice-factory", LEAVES),
    ("sluice-server", &["sluice-factory", "sluice-gates"]),
    ("sluice", EVERYTHING),
    ("sluice-tests", EVERYTHING),
];

const LEAVES: &[&str] = &[
    "sluice-path",
    "sluice-gates",
    "sluice-reply",
    "sluice-proof",
    "sluice-workspace",
    "sluice-egress",
    "sluice-sandbox",
    "sluice-checks",
    "sluice-agents",
    "sluice-webhooks",
    "sluice-store",
];

const EVERYTHING: &[&str] = &[
    "sluice-path",
    "sluice-gates",
    "sluice-reply",
    "sluice-proof",
    "sluice-workspace",
    "sluice-egress",
    "sluice-sandbox",
    "sluice-checks",
    "sluice-agents",
    "sluice-webhooks",
    "sluice-store",
    "sluice-factory",
    "sluice-server",
];

/// Each fenced library with the packages that may use it. `deny.toml` holds the same fences for whoever
/// has cargo-deny; this test needs nothing but cargo.
const FENCES: &[(&str, &[&str])] = &[
    ("pulldown-cmark", &["sluice-reply"]),
    ("ed25519-dalek", &["sluice-proof"]),
    ("ssh-key", &["sluice-proof"]),
    ("git2", &["sluice-workspace"]),
    ("notify", &["sluice-workspace"]),
    ("httparse", &["sluice-egress"]),
    ("bollard", &["sluice-sandbox"]),
    ("seccompiler", &["sluice-sandbox"]),
    ("landlock", &["sluice-sandbox"]),
    ("reqwest", &["sluice-agents", "sluice-webhooks", "sluice"]),
    ("hmac", &["sluice-webhooks"]),
    ("tokio-process-stream", &["sluice-agents"]),
    ("sea-orm", &["sluice-store"]),
    ("sea-orm-migration", &["sluice-migrations", "sluice-store"]),
    ("axum", &["sluice-server"]),
    ("jsonwebtoken", &["sluice-server"]),
    ("askama", &["sluice-server"]),
    ("rust-embed", &["sluice-server"]),
    ("utoipa", &["sluice-server"]),
    ("clap", &["sluice"]),
    ("opentelemetry", &["sluice"]),
    ("opentelemetry-otlp", &["sluice"]),
    ("tracing-opentelemetry", &["sluice"]),
];

/// Rooms that must stay free of I/O: none of these may appear among their libraries.
const PURE: &[&str] = &[
    "sluice-path",
    "sluice-gates",
    "sluice-reply",
    "sluice-proof",
];
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "rustix",
    "libc",
    "tempfile",
    "tracing",
    "async-trait",
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// The ordinary dependencies of a package, without those of its tests.
fn dependencies(package: &Value) -> Vec<(&str, bool)> {
    package["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| {
            let name = dependency["name"].as_str().expect("name");
            (name, dependency["path"].is_string())
        })
        .collect()
}

#[test]
fn rooms_use_only_the_rooms_that_they_may() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(name, rooms)| (*name, rooms.iter().copied().collect()))
        .collect();
    for package in packages() {
        let name = package["name"].as_str().expect("name");
        let rooms = allowed
            .get(name)
            .unwrap_or_else(|| panic!("add {name} to ALLOWED in tests/it/layers.rs"));
        for (dependency, is_ours) in dependencies(&package) {
            assert!(
                !is_ours || rooms.contains(dependency),
                "{name} must not use {dependency}"
            );
        }
    }
}

#[test]
fn fenced_libraries_stay_in_their_rooms() {
    for package in packages() {
        let name = package["name"].as_str().expect("name");
        for (dependency, _) in dependencies(&package) {
            for (library, rooms) in FENCES {
                assert!(
                    dependency != *library || rooms.contains(&name),
                    "{library} is fenced into {rooms:?}, but {name} uses it"
                );
            }
        }
    }
}

#[test]
fn pure_rooms_have_no_library_that_does_io() {
    for package in packages() {
        let name = package["name"].as_str().expect("name");
        if PURE.contains(&name) {
            for (dependency, _) in dependencies(&package) {
                assert!(
                    !IMPURE.contains(&dependency),
                    "{name} is pure and must not use {dependency}"
                );
            }
        }
    }
}
