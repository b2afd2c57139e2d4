//! House rules that a machine can hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
        .to_path_buf()
}

/// The Rust files that git tracks.
fn sources() -> Vec<(String, String)> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(output.status.success());
    let list = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let sources: Vec<_> = list
        .lines()
        .filter_map(|path| {
            let text = fs::read_to_string(root().join(path)).ok()?;
            Some((path.to_owned(), text))
        })
        .collect();
    assert!(
        sources.len() > 50,
        "the list of sources is not plausible: {}",
        sources.len()
    );
    sources
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.starts_with("tests/")
}

#[test]
fn every_file_says_what_it_is() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//!"),
            "{path} does not start with a `//!` line"
        );
    }
}

#[test]
fn no_file_is_long() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(
            is_test(&path) || lines <= 800,
            "{path} has {lines} lines; 800 is the limit"
        );
    }
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    const BANNED: [&str; 7] = [
        "mod.rs",
        "utils.rs",
        "util.rs",
        "helpers.rs",
        "common.rs",
        "manager.rs",
        "service.rs",
    ];
    for (path, _) in sources() {
        let name = path.rsplit('/').next().expect("a name");
        assert!(!BANNED.contains(&name), "{path}: name it by what it is");
    }
}

#[test]
fn nothing_is_left_undone() {
    // Written apart, so that this file does not find itself.
    let words = [
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("#[ig", "nore"),
        concat!("// FIX", "ME"),
        concat!("// TO", "DO"),
    ];
    for (path, text) in sources() {
        for word in words {
            assert!(!text.contains(word), "{path} contains {word}");
        }
    }
}

#[test]
fn the_top_level_is_as_promised() {
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "crates",
        "templates",
        "workspaces/README.md",
        "migrations",
        "gates",
        "tests",
        "Dockerfile",
        "docs/ARCHITECTURE.md",
        "docs/STYLE.md",
        "README.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "deny.toml",
        "rust-toolchain.toml",
        ".ci/run",
        ".github/workflows/ci.yml",
    ] {
        assert!(root().join(name).exists(), "{name} is missing");
    }
}
