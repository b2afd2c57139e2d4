//! Packing loses nothing, disturbs nobody, and may be killed anywhere.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Fixture, fsck, git, new_commit, write};
use crate::{Oid, PackFrom, Packed, Repo};

const ALWAYS: PackFrom = PackFrom { loose: 1, packs: 2 };

fn always() -> bool {
    true
}

/// Adds a commit with files that no commit had before, loose or in a pack of its own.
fn grow(repo: &Repo, number: usize, files: usize) -> Oid {
    let parent = repo.ref_get("refs/heads/main").unwrap().unwrap();
    let base = repo.commit_read(&parent).unwrap().tree;
    let changes: Vec<_> = (0..files)
        .map(|i| {
            write(
                &format!("d{}/f{i}", i % 7),
                &format!("{number} {i}\n").repeat(50),
            )
        })
        .collect();
    let tree = repo.tree_build(Some(&base), &changes).unwrap();
    let commit = repo
        .commit(&new_commit(tree, &[parent], &format!("{number}")), None)
        .unwrap();
    repo.ref_move("refs/heads/main", Some(parent), commit, "grow")
        .unwrap();
    commit
}

/// Loose objects and packs, as git counts them.
fn counted(dir: &Path) -> (usize, usize) {
    let text = git(dir, &["count-objects", "-v"]);
    let number = |key: &str| -> usize {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        line.trim().parse().unwrap()
    };
    assert_eq!(number("garbage:"), 0, "{text}");
    (number("count:"), number("packs:"))
}

/// The names of all objects, as git finds them.
fn all(dir: &Path) -> Vec<String> {
    let text = git(
        dir,
        &[
            "cat-file",
            "--batch-check=%(objectname)",
            "--batch-all-objects",
        ],
    );
    text.lines().map(str::to_owned).collect()
}

#[test]
fn loose_objects_and_small_packs_become_one_pack() {
    let here = Fixture::new(&[write("a", "a\n")]);
    for number in 0..6 {
        grow(&here.repo, number, if number % 2 == 0 { 5 } else { 40 });
    }
    // What no ref reaches is somebody's too.
    let loner = here.repo.tree_build(None, &[write("alone", "x")]).unwrap();
    let dir = here.repo.git_dir();
    let before = all(dir);
    let (loose, packs) = counted(dir);
    assert!(loose > 10 && packs == 3, "{loose} loose, {packs} packs");

    let not_due = PackFrom {
        loose: loose + 1,
        packs: packs + 1,
    };
    assert_eq!(here.repo.pack(not_due, &always).unwrap(), Packed::NotDue);
    assert_eq!(counted(dir), (loose, packs));

    let done = Packed::Done {
        objects: before.len(),
        loose,
        packs,
    };
    assert_eq!(here.repo.pack(ALWAYS, &always).unwrap(), done);
    assert_eq!(counted(dir), (0, 1));
    assert_eq!(all(dir), before);
    assert_eq!(here.repo.tree_list(&loner).unwrap().len(), 1);
    assert_eq!(here.repo.pack(ALWAYS, &always).unwrap(), Packed::NotDue);
    assert!(!dir.join("sluice-packing").exists());
    here.fsck();
}

#[test]
fn many_versions_of_a_file_take_little_more_room_than_one() {
    let here = Fixture::new(&[write("a", "a\n")]);
    let lines: Vec<String> = (0..3000)
        .map(|i| format!("line {:x}\n", i * 7919))
        .collect();
    for number in 0..20 {
        let mut text = lines.clone();
        text[number * 100] = "changed\n".to_owned();
        let tree = here
            .repo
            .tree_build(None, &[write("deep/long.txt", &text.concat())])
            .unwrap();
        here.repo
            .commit(&new_commit(tree, &[here.commit], "x"), None)
            .unwrap();
    }
    let size = |line: &str| -> usize {
        let text = here.git(&["count-objects", "-v"]);
        text.lines()
            .find_map(|l| l.strip_prefix(line))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    let before = size("size:");
    here.repo.pack(ALWAYS, &always).unwrap();
    let after = size("size-pack:");
    assert!(after * 4 < before, "{before} KiB loose, {after} KiB packed");
}

#[test]
fn a_large_pack_and_one_that_is_to_be_kept_stay() {
    let here = Fixture::new(&[write("a", "a\n")]);
    grow(&here.repo, 1, 2500);
    grow(&here.repo, 2, 40);
    let dir = here.repo.git_dir();
    let packs = || -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = std::fs::read_dir(dir.join("objects/pack"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "pack"))
            .collect();
        found.sort_by_key(|path| path.metadata().unwrap().len());
        found
    };
    let [kept, large] = packs().try_into().unwrap();
    std::fs::write(kept.with_extension("keep"), "").unwrap();
    let before = all(dir);
    let packed = here.repo.pack(ALWAYS, &always).unwrap();
    assert!(
        matches!(packed, Packed::Done { packs: 0, .. }),
        "{packed:?}"
    );
    assert!(kept.exists() && large.exists() && packs().len() == 3);
    assert_eq!(all(dir), before);
    here.fsck();
}

#[test]
fn the_same_objects_again_do_not_remove_the_pack_that_they_are_in() {
    let here = Fixture::new(&[write("a", "a\n"), write("b", "b\n")]);
    let dir = here.repo.git_dir();
    let loose: Vec<_> = super::contents(&dir.join("objects"))
        .into_iter()
        .filter(|(name, bytes)| name.len() == 41 && !bytes.is_empty())
        .collect();
    let before = all(dir);
    here.repo.pack(ALWAYS, &always).unwrap();
    assert_eq!(counted(dir), (0, 1));
    // As after a kill between the rename and the removals.
    for (name, bytes) in &loose {
        std::fs::write(dir.join("objects").join(name), bytes).unwrap();
    }
    assert_eq!(counted(dir).0, before.len());
    here.repo.pack(ALWAYS, &always).unwrap();
    assert_eq!(counted(dir), (0, 1));
    assert_eq!(all(dir), before);
    here.fsck();
}

#[test]
fn files_that_are_no_objects_and_no_packs_stop_nobody() {
    let here = Fixture::new(&[write("a", "a\n")]);
    grow(&here.repo, 1, 40);
    let dir = here.repo.git_dir();
    let before = all(dir);
    let objects = dir.join("objects");
    let name = "0123456789abcdef0123456789abcdef01234567";
    std::fs::create_dir_all(objects.join("01")).unwrap();
    std::fs::write(objects.join("01").join(&name[2..]), "").unwrap();
    std::fs::write(objects.join("01/tmp_obj_x"), "half").unwrap();
    std::fs::write(objects.join(format!("pack/pack-{name}.idx")), "\u{fffd}tOc").unwrap();
    std::fs::write(objects.join(format!("pack/pack-{name}.pack")), "PACK").unwrap();
    std::fs::create_dir(dir.join("sluice-packing")).unwrap();
    std::fs::write(dir.join("sluice-packing/pack-left.pack"), "of a killed one").unwrap();
    let packed = here.repo.pack(ALWAYS, &always).unwrap();
    assert!(
        matches!(packed, Packed::Done { packs: 1, .. }),
        "{packed:?}"
    );
    for file in [
        "pack/pack-X.idx",
        "pack/pack-X.pack",
        "01/Y",
        "01/tmp_obj_x",
    ] {
        let file = file.replace('X', name).replace('Y', &name[2..]);
        std::fs::remove_file(objects.join(&file)).expect(&file);
    }
    assert_eq!(all(dir), before);
    here.fsck();
}

#[test]
fn who_is_told_to_stop_has_changed_nothing() {
    let here = Fixture::new(&[write("a", "a\n")]);
    grow(&here.repo, 1, 40);
    grow(&here.repo, 2, 5);
    let dir = here.repo.git_dir();
    let before = super::contents(dir);
    let asked = AtomicUsize::new(0);
    for after in [0, 1, 30, 60, 64] {
        asked.store(0, Ordering::Relaxed);
        let goes_on = || asked.fetch_add(1, Ordering::Relaxed) < after;
        assert_eq!(
            here.repo.pack(ALWAYS, &goes_on).unwrap(),
            Packed::Stopped,
            "{after}"
        );
        assert_eq!(super::contents(dir), before, "{after}");
    }
    assert!(matches!(
        here.repo.pack(ALWAYS, &always).unwrap(),
        Packed::Done { .. }
    ));
}

#[test]
fn readers_and_writers_go_on_while_it_packs() {
    let here = Fixture::new(&[write("a", "a\n")]);
    let (repo, dir) = (&here.repo, here.repo.git_dir());
    let done = &AtomicBool::new(false);
    let (mut rounds, mut busy) = (0, 0);
    // Opened before: it knows loose objects and packs that will be gone.
    let held = repo.raw().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let stop = super::OnDrop(|| done.store(true, Ordering::Relaxed));
            for number in 0..120 {
                let commit = grow(repo, number, if number % 3 == 0 { 20 } else { 3 });
                assert_eq!(repo.ref_get("refs/heads/main").unwrap(), Some(commit));
            }
            drop(stop);
        });
        let reader = scope.spawn(move || {
            let mut read = 0;
            while !done.load(Ordering::Relaxed) {
                let tip = held.refname_to_id("refs/heads/main").unwrap();
                let mut walk = held.revwalk().unwrap();
                walk.push(tip).unwrap();
                for oid in walk {
                    let tree = held.find_commit(oid.unwrap()).unwrap().tree().unwrap();
                    tree.walk(git2::TreeWalkMode::PreOrder, |_, entry| {
                        read += 1;
                        entry.to_object(&held).unwrap();
                        git2::TreeWalkResult::Ok
                    })
                    .unwrap();
                }
            }
            read
        });
        let other = scope.spawn(|| {
            let mut busy = 0;
            while !done.load(Ordering::Relaxed) {
                busy += usize::from(repo.pack(ALWAYS, &always).unwrap() == Packed::Busy);
            }
            busy
        });
        while !done.load(Ordering::Relaxed) {
            let packed = repo.pack(ALWAYS, &always).unwrap();
            rounds += usize::from(matches!(packed, Packed::Done { .. }));
        }
        writer.join().unwrap();
        assert!(reader.join().unwrap() > 0);
        busy += other.join().unwrap();
    });
    assert!(rounds > 2, "packed {rounds} times");
    assert!(busy > 0, "the two never met");
    assert_eq!(git(dir, &["rev-list", "--count", "main"]).trim(), "121");
    here.fsck();
}

#[test]
fn one_packing_for_the_killer() {
    // Run by the next test in a process of its own, to be killed; by itself it packs what it makes.
    let own = Fixture::new(&[write("a", "a\n")]);
    let dir = std::env::var_os("SLUICE_TEST_PACK_DIR").map(PathBuf::from);
    let repo = dir.map_or(own.repo.clone(), |dir| Repo::open(&dir).unwrap());
    let packed = repo.pack(ALWAYS, &always).unwrap();
    assert!(matches!(packed, Packed::Done { .. }), "{packed:?}");
}

#[test]
fn killed_anywhere_it_leaves_every_object() {
    let here = Fixture::new(&[write("a", "a\n")]);
    for number in 0..30 {
        grow(&here.repo, number, 14);
    }
    for number in 30..35 {
        grow(&here.repo, number, 60);
    }
    let before = all(here.repo.git_dir());
    let mut killed = 0;
    for round in 0..12 {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("copy.git");
        let copied = Command::new("cp")
            .arg("-r")
            .args([here.repo.git_dir(), &dir])
            .status();
        assert!(copied.unwrap().success());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::packs::one_packing_for_the_killer"])
            .env("SLUICE_TEST_PACK_DIR", &dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The states to wait for: while it is built, while it is moved in, while files go.
        let staged = || dir.join("sluice-packing").exists();
        let loose = || counted_loose(&dir);
        let full = loose();
        let reached = || match round % 6 {
            0 => staged(),
            1 => packs_in(&dir.join("sluice-packing")) > 0,
            2 => packs_in(&dir.join("objects/pack")) > 5,
            n => loose() + (n - 2) * 60 <= full,
        };
        while child.try_wait().unwrap().is_none() && !reached() {}
        let _ = child.kill();
        killed += usize::from(!child.wait().unwrap().success());
        assert_eq!(all(&dir), before, "round {round}");
        fsck(&dir);
        let repo = Repo::open(&dir).unwrap();
        repo.pack(ALWAYS, &always).unwrap();
        assert_eq!(all(&dir), before, "round {round}, again");
        assert_eq!(counted_loose(&dir), 0);
        fsck(&dir);
    }
    assert!(killed >= 4, "only {killed} were killed in time");
}

fn counted_loose(dir: &Path) -> usize {
    let folders = std::fs::read_dir(dir.join("objects")).into_iter().flatten();
    folders
        .flatten()
        .filter(|entry| entry.file_name().len() == 2)
        .map(|entry| std::fs::read_dir(entry.path()).map_or(0, Iterator::count))
        .sum()
}

fn packs_in(dir: &Path) -> usize {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "pack")
        })
        .count()
}
