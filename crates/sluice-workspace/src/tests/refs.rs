//! Refs move by compare-and-swap, once, and survive a killed writer.

use std::fs;
use std::sync::Barrier;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{Fixture, new_commit, write};
use crate::{Moved, Repo, WorkspaceError};

#[test]
fn of_sixteen_racing_writers_exactly_one_wins() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let repo = &fixture.repo;
    for round in 0..10 {
        let name = format!("refs/heads/race-{round}");
        let barrier = Barrier::new(16);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..16)
                .map(|i| {
                    let (name, barrier) = (&name, &barrier);
                    let commit =
                        new_commit(fixture.tree, &[fixture.commit], &format!("{round} {i}"));
                    let commit = repo.commit(&commit, None).unwrap();
                    scope.spawn(move || {
                        barrier.wait();
                        (commit, repo.ref_move(name, None, commit, "race"))
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });
        let winners: Vec<_> = outcomes
            .iter()
            .filter(|(_, moved)| matches!(moved, Ok(Moved::Done)))
            .collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let won = repo.ref_get(&name).unwrap();
        assert_eq!(won, Some(winners[0].0));
        for (_, lost) in outcomes.iter().filter(|(commit, _)| Some(*commit) != won) {
            assert!(
                matches!(lost, Err(WorkspaceError::Conflict { found, .. }) if *found == won),
                "{lost:?}"
            );
        }
    }
    fixture.fsck();
}

#[test]
fn a_repeated_move_is_already_done_and_a_stale_one_is_a_conflict() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let repo = &fixture.repo;
    let next = repo
        .commit(&new_commit(fixture.tree, &[fixture.commit], "next"), None)
        .unwrap();
    let main = "refs/heads/main";
    assert_eq!(
        repo.ref_move(main, Some(fixture.commit), next, "go\nforged")
            .unwrap(),
        Moved::Done
    );
    assert_eq!(
        repo.ref_move(main, Some(fixture.commit), next, "go")
            .unwrap(),
        Moved::Already
    );
    let stale = repo.ref_move(main, None, fixture.commit, "back");
    assert!(matches!(stale, Err(WorkspaceError::Conflict { found: Some(oid), .. }) if oid == next));
    assert_eq!(repo.head_commit().unwrap(), Some(next));
    let reflog = fixture.git(&["reflog", "show", "--format=%gs", main]);
    assert_eq!(reflog, "go forged\nfirst\n");
}

#[test]
fn the_lock_of_a_killed_writer_does_not_stop_the_next() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let next = fixture
        .repo
        .commit(&new_commit(fixture.tree, &[fixture.commit], "next"), None)
        .unwrap();
    fs::write(fixture.path("p.git/refs/heads/main.lock"), "half").unwrap();
    fs::write(fixture.path("p.git/HEAD.lock"), "").unwrap();
    let moved = fixture
        .repo
        .ref_move("refs/heads/main", Some(fixture.commit), next, "go")
        .unwrap();
    assert_eq!(moved, Moved::Done);
    fixture.fsck();
}

#[test]
fn tags_are_made_once_and_stay() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let repo = &fixture.repo;
    assert_eq!(
        repo.tag_create("gates/g5", fixture.commit).unwrap(),
        Moved::Done
    );
    assert_eq!(
        repo.tag_create("gates/g5", fixture.commit).unwrap(),
        Moved::Already
    );
    let other = repo
        .commit(&new_commit(fixture.tree, &[], "other"), None)
        .unwrap();
    assert!(matches!(
        repo.tag_create("gates/g5", other),
        Err(WorkspaceError::Conflict { .. })
    ));
    let tags = repo.ref_list("refs/tags/").unwrap();
    assert_eq!(tags, [("refs/tags/gates/g5".to_owned(), fixture.commit)]);
    assert_eq!(
        repo.branches().unwrap(),
        [("main".to_owned(), fixture.commit)]
    );
}

#[test]
fn hostile_ref_names_and_absent_objects_are_refused() {
    let fixture = Fixture::new(&[write("a", "a")]);
    for name in [
        "refs/heads/../../x",
        "main",
        "/etc/passwd",
        "refs/heads/a b",
        "refs/heads/x.lock",
        "",
    ] {
        let moved = fixture.repo.ref_move(name, None, fixture.commit, "x");
        assert!(
            matches!(moved, Err(WorkspaceError::InvalidRefName { .. })),
            "{name}: {moved:?}"
        );
    }
    let nobody = "1234567890123456789012345678901234567890".parse().unwrap();
    let moved = fixture.repo.ref_move("refs/heads/x", None, nobody, "x");
    assert!(
        matches!(moved, Err(WorkspaceError::Missing { .. })),
        "{moved:?}"
    );
}

#[test]
fn creating_twice_keeps_what_is_there_and_clears_what_a_kill_left() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let again = Repo::create(&fixture.path("p.git")).unwrap();
    assert_eq!(again.head_commit().unwrap(), Some(fixture.commit));

    let half = fixture.path(".q.git.0123456789abcdef.part");
    fs::create_dir_all(half.join("objects")).unwrap();
    let made = Repo::create(&fixture.path("q.git")).unwrap();
    assert_eq!(made.head_commit().unwrap(), None);
    assert!(!half.exists());
    let head = fs::read_to_string(fixture.path("q.git/HEAD")).unwrap();
    assert_eq!(head, "ref: refs/heads/main\n");
    assert!(matches!(
        Repo::open(&fixture.path("no")),
        Err(WorkspaceError::NoRepository { .. })
    ));
}

#[test]
fn a_repository_that_would_hang_or_mislead_is_refused_at_the_door() {
    let mut fixture = Fixture::new(&[write("a", "a")]);
    fixture.sound = false;
    for trap in [
        "packed-refs",
        "refs/heads/trap",
        "refs/deep/er/trap",
        "objects/info/alternates",
    ] {
        let place = fixture.path("p.git").join(trap);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        mknodat(CWD, &place, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let opened = Repo::open(&fixture.path("p.git"));
        assert!(
            matches!(opened, Err(WorkspaceError::Unsupported { .. })),
            "{trap}: {opened:?}"
        );
        fs::remove_file(place).unwrap();
    }
    for (file, text) in [
        ("HEAD", "\0\u{fffd}"),
        ("config", "[core\n\trepositoryformatversion = 7"),
    ] {
        let place = fixture.path("p.git").join(file);
        let kept = fs::read(&place).unwrap();
        fs::write(&place, text).unwrap();
        let read = Repo::open(&fixture.path("p.git")).and_then(|repo| repo.head_commit());
        assert!(read.is_err(), "{file}: {read:?}");
        fs::write(&place, kept).unwrap();
    }
    let object = fixture
        .path("p.git/objects")
        .join(&fixture.commit.to_string()[..2]);
    let object = object.join(&fixture.commit.to_string()[2..]);
    fs::remove_file(&object).unwrap();
    fs::write(&object, "garbage").unwrap();
    let read = fixture.repo.commit_read(&fixture.commit);
    assert!(read.is_err(), "{read:?}");
}
