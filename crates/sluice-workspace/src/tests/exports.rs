//! Snapshots are whole and readable; a working tree keeps what a person did.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Fixture, contents, delete, executable, write};
use crate::{KeptConflict, KeptReason};
use sluice_path::Reason;

#[test]
fn a_snapshot_is_readable_by_another_user_and_has_no_git_data() {
    let fixture = Fixture::new(&[write("src/a.ts", "a"), executable("bin/run", "#!/bin/sh\n")]);
    let dest = fixture.path("snapshots/one");
    let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let snapshot = fixture.repo.snapshot(&fixture.tree, &dest).unwrap();
    rustix::process::umask(old);
    assert_eq!((snapshot.files, snapshot.reused), (2, false));
    let names: Vec<_> = contents(&dest).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["bin/", "bin/run", "src/", "src/a.ts"]);
    let mode = |name: &str| fs::metadata(dest.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        ["", "src", "bin/run", "src/a.ts"].map(mode),
        [0o755, 0o755, 0o755, 0o644]
    );

    // Only root may become somebody else; an ordinary user's modes were seen above.
    if rustix::process::geteuid().is_root() {
        for above in [fixture.dir.path(), &fixture.path("snapshots")] {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let out = Command::new("cat")
            .arg(dest.join("src/a.ts"))
            .uid(65_534)
            .gid(65_534)
            .output()
            .unwrap();
        assert_eq!((out.status.success(), out.stdout), (true, b"a".to_vec()));
    }
}

#[test]
fn a_killed_export_is_swept_and_a_finished_one_is_kept() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let half = fixture.path(".s.00112233445566ff.part");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("a"), "").unwrap();
    let dest = fixture.path("s");
    assert!(!fixture.repo.snapshot(&fixture.tree, &dest).unwrap().reused);
    assert!(!half.exists());
    let again = fixture.repo.snapshot(&fixture.tree, &dest).unwrap();
    assert_eq!((again.reused, again.files), (true, 1));
}

#[test]
fn two_exports_at_once_leave_one_whole_folder() {
    let changes: Vec<_> = (0..200)
        .map(|i| write(&format!("d{}/f{i}", i % 5), "x"))
        .collect();
    let fixture = Fixture::new(&changes);
    let dest = fixture.path("s");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(
                    fixture.repo.snapshot(&fixture.tree, &dest).unwrap().files,
                    200
                )
            });
        }
    });
    assert_eq!(contents(&dest).len(), 205);
    let left: Vec<_> = contents(fixture.dir.path())
        .into_iter()
        .filter(|(name, _)| name.contains(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_sync_follows_the_trees_and_a_second_one_finds_nothing_to_do() {
    let fixture = Fixture::new(&[
        write("a", "1"),
        write("d/old", "x"),
        executable("run", "#!"),
    ]);
    let dir = fixture.path("work");
    let first = fixture
        .repo
        .work_tree_sync(&dir, None, &fixture.tree)
        .unwrap();
    assert_eq!(first.written, ["a", "d/old", "run"]);
    let changes = [
        write("a", "2"),
        delete("d/old"),
        write("d", "now a file"),
        write("n/e/w", "w"),
    ];
    let next = fixture
        .repo
        .tree_build(Some(&fixture.tree), &changes)
        .unwrap();
    let synced = fixture
        .repo
        .work_tree_sync(&dir, Some(&fixture.tree), &next)
        .unwrap();
    assert_eq!(
        (synced.written.as_slice(), synced.deleted.as_slice()),
        (
            ["a", "d", "n/e/w"].map(String::from).as_slice(),
            ["d/old".to_owned()].as_slice()
        )
    );
    assert!(synced.kept_conflicts.is_empty());
    let again = fixture
        .repo
        .work_tree_sync(&dir, Some(&fixture.tree), &next)
        .unwrap();
    assert_eq!(again, crate::Synced::default());
    assert_eq!(fixture.repo.tree_of_dir(&dir).unwrap().oid, next);
}

#[test]
fn a_sync_keeps_what_a_person_did_and_follows_no_link() {
    let fixture = Fixture::new(&[
        write("edited", "1"),
        write("removed", "1"),
        write("same", "1"),
        write("linked/x", "1"),
        write("blocked", "1"),
    ]);
    let (dir, outside) = (fixture.path("work"), fixture.path("outside"));
    fixture
        .repo
        .work_tree_sync(&dir, None, &fixture.tree)
        .unwrap();
    fs::write(dir.join("edited"), "mine").unwrap();
    fs::remove_file(dir.join("removed")).unwrap();
    fs::rename(dir.join("linked"), &outside).unwrap();
    symlink(&outside, dir.join("linked")).unwrap();
    fs::remove_file(dir.join("blocked")).unwrap();
    fs::create_dir(dir.join("blocked")).unwrap();
    fs::write(dir.join("untracked"), "mine").unwrap();
    // A killed writer's rest goes with the next write to its folder.
    fs::write(dir.join(".0123456789abcdef"), "half").unwrap();

    let changes = [
        "edited",
        "removed",
        "same",
        "linked/x",
        "blocked",
        "untracked",
    ]
    .map(|path| write(path, "2"));
    let next = fixture
        .repo
        .tree_build(Some(&fixture.tree), &changes)
        .unwrap();
    let synced = fixture
        .repo
        .work_tree_sync(&dir, Some(&fixture.tree), &next)
        .unwrap();
    assert_eq!(synced.written, ["same"]);
    let kept = |path: &str, reason| KeptConflict {
        path: path.to_owned(),
        reason,
    };
    assert_eq!(
        synced.kept_conflicts,
        [
            kept("blocked", KeptReason::InTheWay),
            kept("edited", KeptReason::Edited),
            kept("linked/x", KeptReason::Refused(Reason::Symlink)),
            kept("removed", KeptReason::Edited),
            kept("untracked", KeptReason::Edited),
        ]
    );
    assert_eq!(fs::read(outside.join("x")).unwrap(), b"1");
    assert!(!dir.join(".0123456789abcdef").exists());
}

/// What an export without an earlier one gives, and that one with it gave the same.
fn is_as_if_alone(fixture: &Fixture, tree: &crate::Oid, made: &std::path::Path, name: &str) {
    let alone = fixture.path(name);
    fixture.repo.snapshot(tree, &alone).unwrap();
    assert!(contents(made) == contents(&alone), "{name}");
    for (path, _) in contents(&alone) {
        let mode =
            |dir: &std::path::Path| fs::metadata(dir.join(&path)).unwrap().permissions().mode();
        assert_eq!(mode(made), mode(&alone), "{name}: {path}");
    }
}

#[test]
fn an_export_after_another_takes_over_what_is_the_same() {
    use std::os::unix::fs::MetadataExt;
    let mut changes: Vec<_> = (0..60)
        .map(|i| write(&format!("d{}/f{i}", i % 5), &format!("{i}")))
        .collect();
    changes.push(executable("d0/run", "#!/bin/sh\n"));
    let fixture = Fixture::new(&changes);
    let first = fixture
        .repo
        .snapshot(&fixture.tree, &fixture.path("1"))
        .unwrap();
    let second_tree = fixture
        .repo
        .tree_build(
            Some(&fixture.tree),
            &[
                write("d0/f0", "new"),
                executable("d1/f1", "1"),
                delete("d2/f2"),
                write("e/new", "n"),
                delete("d0/run"),
                write("d0/run/f", "a folder now"),
            ],
        )
        .unwrap();
    let second = fixture
        .repo
        .snapshot_after(&second_tree, &fixture.path("2"), Some(&first))
        .unwrap();
    assert_eq!((second.files, second.linked), (61, 57));
    is_as_if_alone(&fixture, &second_tree, &second.path, "2 alone");
    let inode = |path: &str| fs::metadata(fixture.path(path)).unwrap().ino();
    assert_eq!(inode("1/d3/f3"), inode("2/d3/f3"));
    assert_ne!(inode("1/d1/f1"), inode("2/d1/f1"));

    // The first goes, and the third stands on the second.
    let mut second = second;
    second.succeed(&first).unwrap();
    assert!(!first.path.exists());
    is_as_if_alone(&fixture, &second_tree, &second.path, "2 alone again");
    let gone = fixture
        .repo
        .snapshot_after(&fixture.tree, &fixture.path("x"), Some(&first));
    assert_eq!(gone.unwrap().linked, 0);
    let third = fixture
        .repo
        .snapshot_after(&fixture.tree, &fixture.path("3"), Some(&second))
        .unwrap();
    assert_eq!((third.files, third.linked), (61, 57));
    is_as_if_alone(&fixture, &fixture.tree, &third.path, "3 alone");
    // One that was there already is nobody's to vouch for.
    let reused = fixture.repo.snapshot(&fixture.tree, &third.path).unwrap();
    assert!(reused.reused);
    let after = fixture
        .repo
        .snapshot_after(&fixture.tree, &fixture.path("4"), Some(&reused));
    assert_eq!(after.unwrap().linked, 0);
}

#[test]
fn nothing_that_was_done_to_an_export_reaches_the_next() {
    let changes: Vec<_> = (0..12)
        .map(|i| write(&format!("d{}/f{i}", i % 2), "good"))
        .collect();
    let fixture = Fixture::new(&changes);
    fs::write(fixture.path("outside"), "good").unwrap();
    fs::create_dir(fixture.path("elsewhere")).unwrap();
    fs::write(fixture.path("elsewhere/f1"), "evil").unwrap();
    let before = fixture
        .repo
        .snapshot(&fixture.tree, &fixture.path("before"))
        .unwrap();
    let at = |path: &str| before.path.join(path);
    // As long, and with its old time: only the time of the change tells.
    let old = fs::metadata(at("d0/f0")).unwrap().modified().unwrap();
    fs::write(at("d0/f0"), "evil").unwrap();
    let file = fs::File::options().write(true).open(at("d0/f0")).unwrap();
    file.set_modified(old).unwrap();
    fs::remove_file(at("d0/f2")).unwrap();
    symlink(fixture.path("outside"), at("d0/f2")).unwrap();
    fs::remove_file(at("d0/f4")).unwrap();
    fs::hard_link(fixture.path("outside"), at("d0/f4")).unwrap();
    fs::set_permissions(at("d0/f6"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::remove_file(at("d0/f8")).unwrap();
    fs::create_dir(at("d0/f8")).unwrap();
    fs::write(at("d0/more"), "evil").unwrap();
    fs::rename(at("d1"), at("d1-away")).unwrap();
    symlink(fixture.path("elsewhere"), at("d1")).unwrap();

    let next = fixture
        .repo
        .snapshot_after(&fixture.tree, &fixture.path("next"), Some(&before))
        .unwrap();
    assert_eq!(
        (next.files, next.linked),
        (12, 1),
        "only d0/f10 was left alone"
    );
    is_as_if_alone(&fixture, &fixture.tree, &next.path, "alone");
    assert_eq!(fs::read(fixture.path("outside")).unwrap(), b"good");

    // What was done to the later one before the earlier went is not vouched for either.
    let mut last = fixture
        .repo
        .snapshot_after(&fixture.tree, &fixture.path("last"), Some(&next))
        .unwrap();
    assert_eq!(last.linked, 12);
    fs::write(last.path.join("d0/f0"), "evil").unwrap();
    last.succeed(&next).unwrap();
    let end = fixture
        .repo
        .snapshot_after(&fixture.tree, &fixture.path("end"), Some(&last))
        .unwrap();
    assert_eq!(end.linked, 11);
    is_as_if_alone(&fixture, &fixture.tree, &end.path, "alone again");
}

#[test]
fn a_large_sync_is_made_durable_at_once_and_keeps_what_a_person_does_meanwhile() {
    let files = |text: &str| -> Vec<_> {
        (0..400)
            .map(|i| write(&format!("d{}/f{i:03}", i % 4), text))
            .collect()
    };
    let fixture = Fixture::new(&files("old"));
    let new = fixture.repo.tree_build(None, &files("new")).unwrap();
    let dir = fixture.path("work");
    let whole = fixture
        .repo
        .work_tree_sync(&dir, None, &fixture.tree)
        .unwrap();
    assert_eq!((whole.written.len(), whole.kept_conflicts.len()), (400, 0));
    assert_eq!(contents(&dir).len(), 404);

    let synced = std::thread::scope(|scope| {
        let person = scope.spawn(|| {
            // The state to wait for: the sync has begun to write beside.
            let begun = || {
                let names = fs::read_dir(dir.join("d0")).unwrap().flatten();
                names
                    .into_iter()
                    .any(|e| e.file_name().as_encoded_bytes()[0] == b'.')
            };
            while !begun() {}
            fs::write(dir.join("d0/f000"), "a person's").unwrap();
            fs::write(dir.join("d3/f399"), "a person's").unwrap();
        });
        let synced = fixture
            .repo
            .work_tree_sync(&dir, Some(&fixture.tree), &new)
            .unwrap();
        person.join().unwrap();
        synced
    });
    for path in ["d0/f000", "d3/f399"] {
        assert_eq!(fs::read(dir.join(path)).unwrap(), b"a person's", "{path}");
    }
    assert!(synced.written.len() >= 398);
    let names = contents(&dir);
    assert_eq!(names.len(), 404, "no temporary file is left");
    let again = fixture
        .repo
        .work_tree_sync(&dir, Some(&fixture.tree), &new)
        .unwrap();
    assert_eq!((again.written.len(), again.kept_conflicts.len()), (0, 2));
    // And back, with deletions that make room.
    let other = fixture
        .repo
        .tree_build(None, &[write("d1", "a file now"), write("x", "x")])
        .unwrap();
    let back = fixture
        .repo
        .work_tree_sync(&dir, Some(&new), &other)
        .unwrap();
    assert_eq!(back.deleted.len(), 398);
    assert_eq!(fs::read(dir.join("d1")).unwrap(), b"a file now");
}
