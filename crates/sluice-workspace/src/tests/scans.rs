//! A folder on disk becomes the tree that git would make of it, without running anything.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{Fixture, git, write};
use crate::{Exported, ListingOfDir, Oid, SkipReason, TreeOfDir};
use sluice_path::Reason;

/// The tree of a folder, which a listing without a repository must name alike.
#[track_caller]
fn scanned(fixture: &Fixture, dir: &Path) -> TreeOfDir {
    let tree = fixture.repo.tree_of_dir(dir).unwrap();
    let listing = ListingOfDir::open(dir).unwrap();
    assert_eq!((listing.oid, &listing.skipped), (tree.oid, &tree.skipped));
    let listed = fixture.repo.tree_list(&tree.oid).unwrap();
    let listed: Vec<(&str, Oid, bool)> = listed
        .iter()
        .map(|entry| (entry.path.as_str(), entry.oid, entry.executable))
        .collect();
    let mut files: Vec<(&str, Oid, bool)> = listing
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.oid, file.executable))
        .collect();
    let mut sorted = listed.clone();
    sorted.sort();
    files.sort();
    assert_eq!(files, sorted);
    tree
}

#[test]
fn folders_stand_where_git_puts_them() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let dir = fixture.path("dir");
    for path in ["a/x", "a.b", "a-b", "a0", "b/c/d", "b/c.d", "b/c-d/e"] {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, path).unwrap();
    }
    scanned(&fixture, &dir);
    let empty = fixture.path("empty");
    fs::create_dir(&empty).unwrap();
    scanned(&fixture, &empty);
}

#[test]
fn a_listed_folder_is_copied_as_it_was_or_not_at_all() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let dir = fixture.path("dir");
    fs::create_dir_all(dir.join("src/deep")).unwrap();
    for path in ["src/deep/a", "src/b", "run"] {
        fs::write(dir.join(path), path).unwrap();
    }
    fs::set_permissions(dir.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    let listing = ListingOfDir::open(&dir).unwrap();
    assert_eq!(listing.read("src/b").as_deref(), Some(&b"src/b"[..]));
    assert_eq!(listing.read("src/c"), None);
    let copy = fixture.path("copy");
    assert_eq!(listing.export(&copy).unwrap(), Exported::Whole);
    let mode = |path: &str| fs::metadata(copy.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(fs::read(copy.join("src/deep/a")).unwrap(), b"src/deep/a");
    assert_eq!(
        (mode("run"), mode("src/b"), mode("src/deep")),
        (0o755, 0o644, 0o755)
    );
    assert_eq!(ListingOfDir::open(&copy).unwrap().oid, listing.oid);

    let elsewhere = fixture.path("elsewhere");
    let changes: [&dyn Fn(); 4] = [
        &|| fs::write(dir.join("src/b"), "another").unwrap(),
        &|| fs::set_permissions(dir.join("src/b"), fs::Permissions::from_mode(0o755)).unwrap(),
        &|| fs::remove_file(dir.join("src/b")).unwrap(),
        &|| {
            fs::remove_file(dir.join("src/b")).unwrap();
            symlink(dir.join("run"), dir.join("src/b")).unwrap();
        },
    ];
    for change in changes {
        change();
        let changed = Exported::Changed("src/b".to_owned());
        assert_eq!(listing.export(&elsewhere).unwrap(), changed);
        assert!(!elsewhere.exists());
        assert_eq!(listing.read("src/b"), None);
        let _ = fs::remove_file(dir.join("src/b"));
        fs::write(dir.join("src/b"), "src/b").unwrap();
        fs::set_permissions(dir.join("src/b"), fs::Permissions::from_mode(0o644)).unwrap();
    }
    // A folder on the way that became a link.
    fs::rename(dir.join("src"), dir.join("moved")).unwrap();
    symlink(dir.join("moved"), dir.join("src")).unwrap();
    assert!(matches!(
        listing.export(&elsewhere).unwrap(),
        Exported::Changed(_)
    ));
}

#[test]
fn ignore_files_decide_as_in_git() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let dir = fixture.path("dir");
    git(fixture.dir.path(), &["init", "-q", "dir"]);
    for (path, text) in [
        (
            ".gitignore",
            "*.log\n/dist/\n!keep.log\n# comment\nbuild\n\\#odd\n",
        ),
        ("a.log", "x"),
        ("keep.log", "x"),
        ("sub/b.log", "x"),
        ("sub/.gitignore", "!b.log\n*.tmp\n/deep/only\n"),
        ("sub/x.tmp", "x"),
        ("sub/deep/only", "x"),
        ("sub/deep/other", "x"),
        ("x.tmp", "x"),
        ("dist/a", "x"),
        ("sub/dist/a", "x"),
        ("sub/build/a", "x"),
        ("#odd", "x"),
        ("[...slug].tsx", "x"),
        ("src/run", "#!"),
    ] {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    fs::set_permissions(dir.join("src/run"), fs::Permissions::from_mode(0o755)).unwrap();
    let ours = scanned(&fixture, &dir);
    git(&dir, &["add", "-A"]);
    assert_eq!(ours.oid.to_string(), git(&dir, &["write-tree"]).trim());
    assert_eq!(ours.skipped, []);

    // What is tracked is never ignored, its neighbours still are.
    git(&dir, &["add", "-f", "dist/a", "a.log"]);
    fs::write(dir.join("dist/b"), "x").unwrap();
    fs::write(dir.join("dist/a"), "changed").unwrap();
    let ours = scanned(&fixture, &dir);
    git(&dir, &["add", "-A"]);
    assert_eq!(ours.oid.to_string(), git(&dir, &["write-tree"]).trim());
}

#[test]
fn what_is_no_plain_file_is_skipped_and_said() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let dir = fixture.path("dir");
    fs::create_dir_all(dir.join("node_modules/x")).unwrap();
    fs::create_dir_all(dir.join("empty/er")).unwrap();
    fs::create_dir_all(dir.join("nested/.git")).unwrap();
    fs::write(dir.join("nested/.git/config"), "x").unwrap();
    fs::write(dir.join("nested/file"), "x").unwrap();
    fs::write(dir.join(".gitmodules"), "x").unwrap();
    fs::write(dir.join("con"), "a fine name here").unwrap();
    fs::write(dir.join(".0123456789abcdef"), "a killed writer's").unwrap();
    symlink("/etc/passwd", dir.join("link")).unwrap();
    // An ignore file that would hang a reader, and one that leads out.
    for fifo in [".gitignore", "fifo"] {
        mknodat(
            CWD,
            dir.join(fifo),
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
    }
    symlink("/etc/passwd", dir.join("nested/.gitignore")).unwrap();
    let tree = scanned(&fixture, &dir);
    let paths: Vec<_> = fixture
        .repo
        .tree_list(&tree.oid)
        .unwrap()
        .into_iter()
        .map(|e| e.path)
        .collect();
    assert_eq!(paths, ["con", "nested/file"]);
    let skipped: Vec<_> = tree
        .skipped
        .iter()
        .map(|s| (s.path.as_str(), s.reason))
        .collect();
    assert_eq!(
        skipped,
        [
            (".gitignore", SkipReason::NotRegular),
            (".gitmodules", SkipReason::Refused(Reason::Git)),
            ("fifo", SkipReason::NotRegular),
            ("link", SkipReason::Symlink),
            ("nested/.gitignore", SkipReason::Symlink),
            ("node_modules", SkipReason::Refused(Reason::ToolOwned)),
        ]
    );
    fs::create_dir(fixture.path("none")).unwrap();
    let empty = fixture.repo.tree_of_dir(&fixture.path("none")).unwrap();
    assert_eq!(fixture.repo.tree_list(&empty.oid).unwrap(), []);
}

#[test]
fn a_bare_repository_in_a_folder_is_left_out_and_said() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let dir = fixture.path("dir");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("a"), "a").unwrap();
    git(&dir, &["init", "-q", "--bare", "inner/bare"]);
    git(&dir, &["init", "-q", "--bare", "."]);
    let tree = scanned(&fixture, &dir);
    let listed = fixture.repo.tree_list(&tree.oid).unwrap();
    let paths: Vec<_> = listed.iter().map(|e| e.path.as_str()).collect();
    assert!(
        paths.contains(&"a") && paths.contains(&"description"),
        "{paths:?}"
    );
    assert!(
        !paths
            .iter()
            .any(|path| path.starts_with("inner") || path.starts_with("HEAD")),
        "{paths:?}"
    );
    let skipped: Vec<_> = tree.skipped.iter().map(|s| s.path.as_str()).collect();
    assert_eq!(skipped, ["HEAD", "objects", "refs", "config", "inner/bare"]);
    assert!(
        tree.skipped
            .iter()
            .all(|s| s.reason == SkipReason::Refused(Reason::Git))
    );
}
