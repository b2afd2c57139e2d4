//! Trees are built in memory, as a whole or not at all.

use super::{Fixture, delete, executable, rel, write};
use crate::{Change, DiffStatus, EntryKind, Oid, WorkspaceError};
use sluice_path::Reason;

fn listing(fixture: &Fixture, tree: Oid) -> Vec<String> {
    fixture
        .repo
        .tree_list(&tree)
        .unwrap()
        .into_iter()
        .map(|entry| entry.path)
        .collect()
}

#[test]
fn a_change_set_becomes_the_tree_that_git_reads() {
    let fixture = Fixture::new(&[
        write("README.md", "hi\n"),
        executable("bin/run", "#!/bin/sh\n"),
    ]);
    let tree = fixture
        .repo
        .tree_build(
            Some(&fixture.tree),
            &[
                write("src/deep/a.ts", "a"),
                write("bin/run", "changed"),
                delete("README.md"),
                delete("gone"),
            ],
        )
        .unwrap();
    let git = fixture.git(&[
        "ls-tree",
        "-r",
        "--format=%(objectmode) %(path)",
        &tree.to_string(),
    ]);
    assert_eq!(git, "100755 bin/run\n100644 src/deep/a.ts\n");
    let file = fixture
        .repo
        .file_read(&tree, &rel("bin/run"))
        .unwrap()
        .unwrap();
    assert!(file.executable && file.bytes == b"changed" && file.oid == Oid::of_blob(b"changed"));
    assert_eq!(
        fixture.repo.file_read(&tree, &rel("README.md")).unwrap(),
        None
    );
    assert_eq!(
        fixture.repo.file_read(&tree, &rel("src/deep")).unwrap(),
        None
    );
    assert_eq!(
        fixture.repo.file_read(&tree, &rel("bin/run/x")).unwrap(),
        None
    );
    fixture.fsck();
}

#[test]
fn a_file_may_become_a_folder_and_back_when_the_change_set_says_so() {
    let fixture = Fixture::new(&[write("a", "file"), write("d/x", "x"), write("d/e/y", "y")]);
    let tree = fixture.repo.tree_build(
        Some(&fixture.tree),
        &[
            delete("a"),
            write("a/b", "b"),
            delete("d/x"),
            delete("d/e/y"),
            write("d", "file"),
        ],
    );
    assert_eq!(listing(&fixture, tree.unwrap()), ["a/b", "d"]);
}

#[test]
fn a_file_and_a_folder_of_one_name_are_refused() {
    let fixture = Fixture::new(&[write("a", "file"), write("d/x", "x"), write("d/y", "y")]);
    for changes in [
        vec![write("a/b", "b")],
        vec![write("d", "file")],
        vec![delete("d/x"), write("d", "file")],
        vec![write("n", "n"), write("n/m", "m")],
        vec![delete("d")],
    ] {
        let built = fixture.repo.tree_build(Some(&fixture.tree), &changes);
        assert!(
            matches!(built, Err(WorkspaceError::PathConflict { .. })),
            "{changes:?}: {built:?}"
        );
    }
    let twice = fixture
        .repo
        .tree_build(None, &[write("x", "1"), write("x", "2")]);
    assert!(matches!(twice, Err(WorkspaceError::Duplicate { path }) if path == "x"));
}

#[test]
fn deleting_every_file_is_refused() {
    let fixture = Fixture::new(&[write("a", "a"), write("b/c", "c")]);
    let built = fixture
        .repo
        .tree_build(Some(&fixture.tree), &[delete("a"), delete("b/c")]);
    assert!(
        matches!(built, Err(WorkspaceError::DeletesEverything)),
        "{built:?}"
    );
    let moved = fixture.repo.tree_build(
        Some(&fixture.tree),
        &[delete("a"), delete("b/c"), write("d", "d")],
    );
    assert_eq!(listing(&fixture, moved.unwrap()), ["d"]);
}

/// A tree with a link and a submodule, which only the git program makes.
fn with_links(fixture: &Fixture) -> Oid {
    let commit = fixture.commit.to_string();
    let link = fixture
        .repo
        .tree_build(None, &[write("t", "/etc/passwd")])
        .unwrap();
    let blob = fixture.git(&["rev-parse", &format!("{link}:t")]);
    let file = fixture.path("entries");
    let lines = format!(
        "120000 blob {}\tlink\n160000 commit {commit}\tsub\n100644 blob {}\tfile\n",
        blob.trim(),
        blob.trim()
    );
    std::fs::write(&file, lines).unwrap();
    let mut mktree = super::git_command(fixture.repo.git_dir(), &["mktree"]);
    let out = mktree
        .stdin(std::fs::File::open(file).unwrap())
        .output()
        .unwrap();
    String::from_utf8(out.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn links_and_submodules_are_listed_and_never_written_through() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let tree = with_links(&fixture);
    let kinds: Vec<_> = fixture
        .repo
        .tree_list(&tree)
        .unwrap()
        .into_iter()
        .map(|e| (e.path, e.kind))
        .collect();
    let expected = [
        ("file", EntryKind::File),
        ("link", EntryKind::Symlink),
        ("sub", EntryKind::Submodule),
    ];
    assert_eq!(kinds, expected.map(|(path, kind)| (path.to_owned(), kind)));
    for path in ["link", "link/x"] {
        let built = fixture.repo.tree_build(Some(&tree), &[write(path, "x")]);
        assert!(
            matches!(
                built,
                Err(WorkspaceError::Refused {
                    reason: Reason::Symlink,
                    ..
                })
            ),
            "{path}: {built:?}"
        );
    }
    for path in ["sub", "sub/x"] {
        let built = fixture.repo.tree_build(Some(&tree), &[write(path, "x")]);
        assert!(
            matches!(built, Err(WorkspaceError::PathConflict { .. })),
            "{path}: {built:?}"
        );
    }
    assert_eq!(fixture.repo.file_read(&tree, &rel("link")).unwrap(), None);
    let out = fixture.path("out");
    let snapshot = fixture.repo.snapshot(&tree, &out).unwrap();
    assert_eq!(
        (snapshot.files, snapshot.refused),
        (1, vec!["link".to_owned(), "sub".to_owned()])
    );
    assert_eq!(
        super::contents(&out),
        [("file".to_owned(), b"/etc/passwd".to_vec())]
    );
}

#[test]
fn libgit2_is_the_second_line_against_git_in_disguise() {
    let fixture = Fixture::new(&[write("a", "a")]);
    for name in [
        ".git/x",
        ".GIT/x",
        ".g\u{200c}it/x",
        "git~1/x",
        "a/../x",
        "a//x",
        ".git. /x",
    ] {
        let built = fixture
            .repo
            .tree_build_raw(None, &[(name.to_owned(), b"x".to_vec())]);
        assert!(built.is_err(), "{name}: {built:?}");
    }
}

#[test]
fn names_that_differ_in_case_are_two_files() {
    let fixture = Fixture::new(&[write("README.md", "a")]);
    let tree = fixture
        .repo
        .tree_build(Some(&fixture.tree), &[write("readme.md", "b")])
        .unwrap();
    assert_eq!(listing(&fixture, tree), ["README.md", "readme.md"]);
}

#[test]
fn a_small_change_of_a_large_tree_writes_only_what_changed() {
    let files: Vec<_> = (0..10_000)
        .map(|i| {
            (
                format!("d{}/e{}/f{i}", i / 1000, i / 100 % 10),
                vec![b'x'; i % 7 + 1],
            )
        })
        .collect();
    let fixture = Fixture::new(&[write("a", "a")]);
    let base = fixture.repo.tree_build_raw(None, &files).unwrap();
    // Loose and packed ones.
    let count = || {
        let all = ["cat-file", "--batch-all-objects", "--batch-check"];
        fixture.git(&all).lines().count()
    };
    let before = count();
    let changes: Vec<_> = (0..20)
        .map(|i| write(&format!("d3/e{}/f{}", i % 2, 3000 + i), &format!("new {i}")))
        .collect();
    let tree = fixture.repo.tree_build(Some(&base), &changes).unwrap();
    // Twenty blobs; the trees d3/e0, d3/e1, d3 and the root.
    assert_eq!(count() - before, 24);
    let diff = fixture.repo.diff(Some(&base), &tree).unwrap();
    let added = diff
        .files
        .iter()
        .filter(|file| file.status == DiffStatus::Added)
        .count();
    assert_eq!((diff.files.len(), added), (20, 10));
}

#[test]
fn a_diff_says_what_happened_to_each_file() {
    let long = "line\n".repeat(50);
    let fixture = Fixture::new(&[
        write("edit", "one\ntwo\n"),
        write("old", &long),
        write("gone", "x\n"),
    ]);
    let tree = fixture
        .repo
        .tree_build(
            Some(&fixture.tree),
            &[
                write("edit", "one\nTWO\n"),
                delete("old"),
                write("new", &long),
                delete("gone"),
                write("bin", "\0\u{1}"),
                write("big", &"0123456789\n".repeat(100_000)),
            ],
        )
        .unwrap();
    let diff = fixture.repo.diff(Some(&fixture.tree), &tree).unwrap();
    let find = |path: &str| diff.files.iter().find(|file| file.path == path).unwrap();
    let edit = find("edit");
    assert_eq!(
        (edit.status, edit.additions, edit.deletions),
        (DiffStatus::Modified, 1, 1)
    );
    assert!(
        edit.patch
            .as_ref()
            .unwrap()
            .contains("@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n")
    );
    assert_eq!(
        (find("new").status, find("new").old_path.as_deref()),
        (DiffStatus::Renamed, Some("old"))
    );
    assert_eq!(find("gone").status, DiffStatus::Deleted);
    assert_eq!(
        (find("bin").status, &find("bin").patch),
        (DiffStatus::Added, &None)
    );
    let big = find("big");
    assert!(big.truncated && big.patch.as_ref().unwrap().len() <= 256 * 1024);
    assert_eq!(
        fixture.repo.diff(None, &fixture.tree).unwrap().files.len(),
        3
    );
}

#[test]
fn a_tree_bomb_is_refused_in_time() {
    let fixture = Fixture::new(&[write("a", "a")]);
    // Ten levels of a hundred names each: a handful of objects, 10^20 files.
    let files: Vec<(String, Vec<u8>)> = (0..100)
        .map(|n| (format!("f{n:02}"), b"x".to_vec()))
        .collect();
    let mut tree = fixture.repo.tree_build_raw(None, &files).unwrap();
    let raw = git2::Repository::open(fixture.repo.git_dir()).unwrap();
    for _ in 0..10 {
        let mut builder = raw.treebuilder(None).unwrap();
        for n in 0..100 {
            builder
                .insert(format!("d{n:02}"), tree.0, 0o040000)
                .unwrap();
        }
        tree = Oid(builder.write().unwrap());
    }
    let refused = fixture.repo.tree_list(&tree);
    assert!(
        matches!(refused, Err(WorkspaceError::TooManyEntries { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_folder_does_not_become_a_repository_of_its_own() {
    let fixture = Fixture::new(&[write("x/HEAD", "ref: refs/heads/main\n"), write("a", "a")]);
    let built = |base: Option<&Oid>, changes: &[Change]| fixture.repo.tree_build(base, changes);
    let refused = |base: Option<&Oid>, changes: &[Change], at: &str| {
        let result = built(base, changes);
        assert!(
            matches!(&result, Err(WorkspaceError::Refused { path, reason: Reason::Git }) if path == at),
            "{at}: {result:?}"
        );
    };
    let base = Some(&fixture.tree);
    let half = built(base, &[write("x/objects/k", "")]).unwrap();
    // The last part of three completes it, in whatever case.
    refused(Some(&half), &[write("x/refs/k", "")], "x/refs");
    refused(Some(&half), &[write("x/Refs", "")], "x/Refs");
    refused(base, &[write("x/commondir", "../y\n")], "x/commondir");
    refused(
        None,
        &[
            write("deep/er/head", "x"),
            write("deep/er/objects/k", ""),
            write("deep/er/refs/k", ""),
            write("deep/er/config", "[core]\n\tfsmonitor = touch /tmp/owned\n"),
        ],
        "deep/er/head",
    );
    // The root of a workspace, too; there the rules for paths refuse HEAD already.
    let root = ["HEAD", "objects/k", "refs/k"].map(|path| (path.to_owned(), Vec::new()));
    let built_raw = fixture.repo.tree_build_raw(None, &root);
    assert!(
        matches!(
            built_raw,
            Err(WorkspaceError::Refused {
                reason: Reason::Git,
                ..
            })
        ),
        "{built_raw:?}"
    );
    // A change that takes a part away as it adds one is none, and folders of these names are none.
    built(Some(&half), &[delete("x/HEAD"), write("x/refs/k", "")]).unwrap();
    built(
        None,
        &[
            write("x/head/k", ""),
            write("x/objects/k", ""),
            write("x/refs/k", ""),
        ],
    )
    .unwrap();
    fixture.fsck();
}
