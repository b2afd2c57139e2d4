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
