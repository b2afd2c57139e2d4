//! A path that is accepted names a file below the root and nothing else, on disk and in git.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sluice_path::RelPath;
use sluice_workspace::guard::Root;
use sluice_workspace::{Change, Repo};
use tempfile::TempDir;

static PLACE: LazyLock<TempDir> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(place.path().join("canary"), "alive").expect("a canary");
    place
});
static REPO: LazyLock<Repo> =
    LazyLock::new(|| Repo::create(&PLACE.path().join("git")).expect("a repository"));

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let Ok(path) = RelPath::parse(&text) else {
        return;
    };
    assert_eq!(RelPath::parse(path.as_str()).expect("stays accepted"), path);
    assert!(Path::new(path.as_str()).is_relative());
    for component in path.components() {
        assert!(!matches!(component, "" | "." | ".."), "{path:?}");
        let folded = component.to_lowercase();
        assert!(
            !matches!(folded.as_str(), ".git" | "git~1" | ".gitmodules"),
            "{path:?}"
        );
    }

    let root = Root::create(&PLACE.path().join("root")).expect("a root");
    root.write(&path, b"written", false)
        .expect("an accepted path can be written");
    let read = root
        .read(&path, 100)
        .expect("and read")
        .expect("and is there");
    assert_eq!(read.bytes, b"written");
    assert!(PLACE.path().join("root").join(path.as_str()).is_file());
    assert!(root.delete(&path).expect("and deleted"));
    let left = std::fs::read_dir(PLACE.path().join("root"))
        .expect("the root")
        .count();
    assert_eq!(left, 0, "{path:?} left something behind");
    let canary = std::fs::read(PLACE.path().join("canary")).expect("the canary");
    assert_eq!(canary, b"alive");
    let beside = std::fs::read_dir(PLACE.path()).expect("the place").count();
    assert!(beside <= 3, "{path:?} wrote beside its root");

    let change = Change::write(path.clone(), b"written".as_slice());
    let tree = REPO
        .tree_build(None, &[change])
        .expect("git takes an accepted path");
    let file = REPO
        .file_read(&tree, &path)
        .expect("git reads it")
        .expect("and has it");
    assert_eq!(file.bytes, b"written");
});
