//! What is kept of an installation.

use std::fs;

use super::*;

#[test]
fn only_dependencies_and_the_lockfile_stay() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in [
        "a/node_modules/x",
        "node_modules/y/z",
        "src",
        "b/c",
        "target/debug",
        "a/target/debug",
    ] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    for path in [
        "a/package-lock.json",
        "package-lock.json",
        "src/evil.js",
        "a/node_modules/x/i.js",
    ] {
        fs::write(root.join(path), "x").unwrap();
    }
    std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
    prune(root, Some("a"), Toolchain::Rust).unwrap();
    assert!(root.join("a/node_modules/x/i.js").is_file());
    assert!(root.join("a/package-lock.json").is_file());
    assert!(root.join("node_modules/y/z").is_dir());
    assert!(root.join("a/target/debug").is_dir());
    for gone in ["package-lock.json", "src", "b", "out", "target"] {
        assert!(fs::symlink_metadata(root.join(gone)).is_err(), "{gone}");
    }
    assert!(fs::metadata("/etc").is_ok());
}
