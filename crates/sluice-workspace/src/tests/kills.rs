//! A passage through this crate, killed anywhere, is finished by repeating it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{contents, fsck, identity, new_commit, write};
use crate::{Change, Oid, Repo};

fn files(generation: usize) -> Vec<Change> {
    (0..40)
        .map(|i| write(&format!("d{}/f{i}", i % 5), &format!("{generation} {i}\n")))
        .collect()
}

/// Makes a repository, two commits, both exports; every step may have been done before.
fn passage(dir: &Path) -> (Oid, Oid) {
    let repo = Repo::create(&dir.join("p.git")).unwrap();
    let (work, main) = (dir.join("work"), "refs/heads/main");
    let first_tree = repo.tree_build(None, &files(1)).unwrap();
    let first = repo
        .commit(&new_commit(first_tree, &[], "first"), None)
        .unwrap();
    if repo.ref_get("refs/shown/1").unwrap().is_none() {
        repo.ref_move(main, None, first, "first").unwrap();
        assert!(
            repo.work_tree_sync(&work, None, &first_tree)
                .unwrap()
                .kept_conflicts
                .is_empty()
        );
        repo.ref_move("refs/shown/1", None, first, "shown").unwrap();
    }
    let tree = repo.tree_build(Some(&first_tree), &files(2)[..20]).unwrap();
    let second = repo
        .commit(&new_commit(tree, &[first], "second"), None)
        .unwrap();
    repo.note_put(
        "refs/notes/receipts",
        &second,
        b"two\n",
        &identity(),
        1_700_000_000,
    )
    .unwrap();
    repo.ref_move(main, Some(first), second, "second").unwrap();
    assert!(
        repo.work_tree_sync(&work, Some(&first_tree), &tree)
            .unwrap()
            .kept_conflicts
            .is_empty()
    );
    repo.snapshot(&tree, &dir.join("snapshots").join(tree.to_string()))
        .unwrap();
    repo.tag_create("done", second).unwrap();
    (tree, second)
}

#[test]
fn one_passage_for_the_killer() {
    // Run by the next test in a process of its own, to be killed; by itself it is a plain passage.
    let temp = tempfile::tempdir().unwrap();
    let dir =
        std::env::var_os("SLUICE_TEST_PASSAGE_DIR").map_or(temp.path().to_owned(), PathBuf::from);
    let (_, commit) = passage(&dir);
    assert_eq!(
        Repo::open(&dir.join("p.git"))
            .unwrap()
            .head_commit()
            .unwrap(),
        Some(commit)
    );
}

#[test]
fn a_passage_killed_anywhere_ends_as_an_undisturbed_one() {
    let whole = tempfile::tempdir().unwrap();
    let expected = passage(whole.path());
    let mut killed = 0;
    for round in 0..15 {
        let temp = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::kills::one_passage_for_the_killer"])
            .env("SLUICE_TEST_PASSAGE_DIR", temp.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The state to wait for: so many entries on disk, or the end.
        while child.try_wait().unwrap().is_none() && entries(temp.path()) < 10 + round * 22 {}
        let _ = child.kill();
        killed += usize::from(!child.wait().unwrap().success());

        assert_eq!(passage(temp.path()), expected, "round {round}");
        let plain = |dir: &Path| -> Vec<_> {
            contents(dir)
                .into_iter()
                .filter(|(name, _)| !name.starts_with("p.git/"))
                .collect()
        };
        assert_eq!(plain(temp.path()), plain(whole.path()), "round {round}");
        fsck(&temp.path().join("p.git"));
    }
    assert!(killed >= 4, "only {killed} passages were killed in time");
}

/// Counts what is below a folder that another process is filling.
fn entries(dir: &Path) -> usize {
    let Ok(list) = std::fs::read_dir(dir) else {
        return 0;
    };
    list.flatten()
        .map(|e| {
            1 + if e.path().is_dir() {
                entries(&e.path())
            } else {
                0
            }
        })
        .sum()
}
