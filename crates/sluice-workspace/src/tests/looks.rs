//! A look at a working tree finds what a person changed, reads only what it must, and waits for who writes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use sluice_path::Reason;

use super::{Fixture, executable, git, rel, write};
use crate::{FileMerge, FileState, Looked, Oid, Seen, SkipReason, WorkspaceError};

const LARGEST: u64 = 1 << 20;

struct Area {
    fixture: Fixture,
    tree: PathBuf,
    seen: Seen,
}

impl Area {
    fn new(files: &[crate::Change]) -> Area {
        let fixture = Fixture::new(files);
        let tree = fixture.path("tree");
        fixture
            .repo
            .work_tree_sync(&tree, None, &fixture.tree)
            .unwrap();
        Area {
            fixture,
            tree,
            seen: Seen::default(),
        }
    }

    fn look_after(&mut self, quiet: Duration) -> Looked {
        self.fixture
            .repo
            .work_tree_look(
                &self.tree,
                Some(&self.fixture.tree),
                &mut self.seen,
                quiet,
                LARGEST,
            )
            .unwrap()
    }

    fn look(&mut self) -> Looked {
        self.look_after(Duration::ZERO)
    }

    fn put(&self, path: &str, text: &str) {
        let file = self.tree.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// The tree that the changes make, and that git says of the folder.
    fn built(&self, looked: &Looked) -> (Oid, String) {
        let changes: BTreeMap<_, _> = looked
            .changes
            .iter()
            .map(|change| (change.path.clone(), change.to))
            .collect();
        let ours = self
            .fixture
            .repo
            .tree_set(&self.fixture.tree, &changes)
            .unwrap();
        git(&self.tree, &["init", "-q"]);
        git(&self.tree, &["add", "-A"]);
        let theirs = git(&self.tree, &["write-tree"]).trim().to_owned();
        fs::remove_dir_all(self.tree.join(".git")).unwrap();
        (ours, theirs)
    }
}

fn paths(looked: &Looked) -> Vec<&str> {
    looked.changes.iter().map(|one| one.path.as_str()).collect()
}

#[test]
fn edits_additions_deletions_and_modes_are_found_as_git_finds_them() {
    let mut area = Area::new(&[
        write("a.txt", "a\n"),
        write("b/c.txt", "c\n"),
        write("b/d.txt", "d\n"),
        write("gone/e.txt", "e\n"),
        executable("run", "#!\n"),
        write(".gitignore", "*.log\n/dist/\n"),
        write("x", "a file\n"),
        write("y/z", "below a folder\n"),
    ]);
    assert_eq!(area.look().changes, []);
    area.put("a.txt", "A\n");
    area.put("new/deep/f.txt", "f\n");
    area.put("b/ignored.log", "x");
    area.put("dist/out.js", "x");
    area.put("node_modules/m/index.js", "x");
    fs::remove_file(area.tree.join("b/d.txt")).unwrap();
    fs::remove_dir_all(area.tree.join("gone")).unwrap();
    fs::set_permissions(area.tree.join("run"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(area.tree.join("b/c.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    // A file becomes a folder, a folder a file.
    fs::remove_file(area.tree.join("x")).unwrap();
    area.put("x/inside", "now a folder\n");
    fs::remove_dir_all(area.tree.join("y")).unwrap();
    area.put("y", "now a file\n");
    let looked = area.look();
    assert_eq!(
        paths(&looked),
        [
            "a.txt",
            "b/c.txt",
            "b/d.txt",
            "gone/e.txt",
            "new/deep/f.txt",
            "run",
            "x",
            "x/inside",
            "y",
            "y/z"
        ]
    );
    assert_eq!(looked.left_alone, []);
    assert!(
        !looked
            .folders
            .iter()
            .any(|one| one.contains("node_modules"))
    );
    fs::remove_dir_all(area.tree.join("node_modules")).unwrap();
    let (ours, theirs) = area.built(&looked);
    assert_eq!(ours.to_string(), theirs);
}

#[test]
fn ten_thousand_files_that_nobody_touched_are_not_read() {
    let files: Vec<_> = (0..10_000)
        .map(|n| write(&format!("src/d{}/f{n}.ts", n % 100), "same\n"))
        .collect();
    let fixture = Fixture::new(&files);
    let tree = fixture
        .repo
        .snapshot(&fixture.tree, &fixture.path("tree"))
        .unwrap()
        .path;
    let mut area = Area {
        fixture,
        tree,
        seen: Seen::default(),
    };
    assert_eq!(area.look().read, 10_000);
    // What was written within the last tick of the clock is read once more.
    let start = Instant::now();
    while area.look().read > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "files are read again and again"
        );
    }
    let looked = area.look();
    assert_eq!((looked.files, looked.read), (10_000, 0));
    assert_eq!(looked.changes, []);
    // The same size, and the time put back: the change is found.
    let file = area.tree.join("src/d7/f7.ts");
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "SAME\n").unwrap();
    fs::File::open(&file).unwrap().set_modified(before).unwrap();
    let looked = area.look();
    assert_eq!((paths(&looked), looked.read), (vec!["src/d7/f7.ts"], 1));
    // A start of the daemon knows what the last one saw.
    let text = format!("{:?}", area.seen);
    assert!(text.contains("f9999.ts"));
}

#[test]
fn what_is_no_ordinary_file_is_left_alone_and_never_taken_for_a_deletion() {
    let mut area = Area::new(&[
        write("keep", "k\n"),
        write("link", "was a file\n"),
        write("folder/a", "a\n"),
        write("fifo", "was a file\n"),
        write("large", "was small\n"),
        write("empty", "was a file\n"),
    ]);
    let outside = area.fixture.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a"), "secret").unwrap();
    for gone in ["link", "fifo", "empty"] {
        fs::remove_file(area.tree.join(gone)).unwrap();
    }
    fs::remove_dir_all(area.tree.join("folder")).unwrap();
    symlink(&outside, area.tree.join("folder")).unwrap();
    symlink(outside.join("a"), area.tree.join("link")).unwrap();
    mknodat(
        CWD,
        area.tree.join("fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    fs::create_dir(area.tree.join("empty")).unwrap();
    fs::write(area.tree.join("large"), vec![b'x'; LARGEST as usize + 1]).unwrap();
    area.put("a|b", "bad name");
    area.put("keep", "edited\n");
    let looked = area.look();
    assert_eq!(paths(&looked), ["keep"]);
    let mut left: Vec<_> = looked
        .left_alone
        .iter()
        .map(|one| (one.path.as_str(), one.reason))
        .collect();
    left.sort_by_key(|one| one.0);
    assert_eq!(
        left,
        [
            ("a|b", SkipReason::Refused(Reason::Reserved)),
            ("empty", SkipReason::NotRegular),
            ("fifo", SkipReason::NotRegular),
            ("folder", SkipReason::Symlink),
            ("large", SkipReason::TooLarge),
            ("link", SkipReason::Symlink),
        ]
    );
}

#[test]
fn what_editors_leave_is_no_file_of_the_project() {
    let mut area = Area::new(&[write("a.txt", "a\n"), write("kept~", "tracked\n")]);
    for name in [
        ".a.txt.swp",
        ".a.txt.swx",
        "a.txt~",
        "4913",
        "5036",
        ".#a.txt",
        "#a.txt#",
        "a.txt___jb_tmp___",
        ".goutputstream-X1",
        ".DS_Store",
        ".a.txt.kate-swp",
    ] {
        area.put(name, "x");
    }
    area.put("kept~", "tracked and edited\n");
    area.put("4914", "a file of this name\n");
    assert_eq!(paths(&area.look()), ["4914", "kept~"]);
}

#[test]
fn a_file_that_was_written_just_now_is_waited_for() {
    let mut area = Area::new(&[write("a.txt", "a\n"), write("b.txt", "b\n")]);
    area.put("a.txt", "half");
    fs::remove_file(area.tree.join("b.txt")).unwrap();
    let looked = area.look_after(Duration::from_secs(3600));
    assert_eq!((paths(&looked), looked.read), (Vec::new(), 0));
    assert_eq!(looked.unsettled, ["a.txt", "b.txt"]);
    assert_eq!(paths(&area.look()), ["a.txt", "b.txt"]);
}

#[test]
fn an_emptied_folder_is_no_edit() {
    let mut area = Area::new(&[write("a.txt", "a\n"), write("b/c.txt", "b\n")]);
    fs::remove_file(area.tree.join("a.txt")).unwrap();
    fs::remove_dir_all(area.tree.join("b")).unwrap();
    let looked = area.look();
    assert!(looked.is_emptied);
    assert_eq!(looked.changes, []);
}

#[test]
fn two_sides_of_a_file_are_merged_by_lines_or_both_shown() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let repo = &fixture.repo;
    let file = |text: &str, executable: bool| {
        let oid = repo.blob_write(text.as_bytes()).unwrap();
        Some(FileState { oid, executable })
    };
    let merge = |base, ours, theirs| {
        repo.file_merge(base, ours, theirs, ["work", "Ada"])
            .unwrap()
    };
    let base = file("1\n2\n3\n4\n5\n", false);
    assert_eq!(
        merge(
            base,
            file("one\n2\n3\n4\n5\n", false),
            file("1\n2\n3\n4\nfive\n", true)
        ),
        FileMerge::Clean(file("one\n2\n3\n4\nfive\n", true))
    );
    assert_eq!(merge(base, base, None), FileMerge::Clean(None));
    assert_eq!(merge(base, None, base), FileMerge::Clean(None));
    assert_eq!(
        merge(base, None, file("x", false)),
        FileMerge::Conflict { marked: None }
    );
    let FileMerge::Conflict {
        marked: Some(marked),
    } = merge(
        file("1\n", false),
        file("ours\n", false),
        file("theirs\n", false),
    )
    else {
        panic!("a conflict");
    };
    assert_eq!(
        String::from_utf8(marked).unwrap(),
        "<<<<<<< work\nours\n=======\ntheirs\n>>>>>>> Ada\n"
    );
    let both_added = merge(None, file("same\n", false), file("same\n", false));
    assert_eq!(both_added, FileMerge::Clean(file("same\n", false)));
    let binary = merge(base, file("\0a", false), file("\0b", false));
    assert_eq!(binary, FileMerge::Conflict { marked: None });
}

#[test]
fn files_are_set_by_object_and_make_room() {
    let fixture = Fixture::new(&[write("a", "a"), write("b/c", "c"), write("d/e/f", "f")]);
    let repo = &fixture.repo;
    let x = repo.blob_write(b"x").unwrap();
    let x = Some(FileState {
        oid: x,
        executable: false,
    });
    let set = |files: &[(&str, Option<FileState>)]| {
        let files = files
            .iter()
            .map(|(path, file)| ((*path).to_owned(), *file))
            .collect();
        repo.tree_set(&fixture.tree, &files)
    };
    let listed = |tree: Oid| -> Vec<String> {
        let entries = repo.tree_list(&tree).unwrap();
        entries.into_iter().map(|entry| entry.path).collect()
    };
    assert_eq!(listed(set(&[("a/b", x)]).unwrap()), ["a/b", "b/c", "d/e/f"]);
    assert_eq!(listed(set(&[("b", x)]).unwrap()), ["a", "b", "d/e/f"]);
    assert_eq!(listed(set(&[("d/e/f", None)]).unwrap()), ["a", "b/c"]);
    // No file where a folder is, or below a file, is what holds already.
    assert_eq!(set(&[("d", None), ("a/b", None)]).unwrap(), fixture.tree);
    assert!(matches!(
        set(&[("n", x), ("n/m", x)]),
        Err(WorkspaceError::PathConflict { .. })
    ));
    let none = set(&[("a", None), ("b/c", None), ("d/e/f", None)]).unwrap();
    assert_eq!(listed(none), Vec::<String>::new());
    let changed = set(&[("a", None), ("n", x)]).unwrap();
    let differences = repo.file_differences(&fixture.tree, &changed).unwrap();
    let shown: Vec<_> = differences
        .iter()
        .map(|one| (one.path.as_str(), one.from.is_some(), one.to.is_some()))
        .collect();
    assert_eq!(shown, [("a", true, false), ("n", false, true)]);
    assert_eq!(repo.file_state(&changed, &rel("n")).unwrap(), x);
    assert_eq!(repo.file_state(&changed, &rel("d")).unwrap(), None);
}
