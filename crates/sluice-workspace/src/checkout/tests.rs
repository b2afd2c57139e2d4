//! Applies are one commit, whole or nothing, and run nothing of the repository's configuration.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use sluice_path::Reason;

use super::{Applied, Apply, ApplyOutcome, RefusedReason, apply_to_checkout};
use crate::tests::{contents, delete, executable, fsck, git, identity, write};
use crate::{Change, WorkspaceError};

fn apply_with(
    dir: &Path,
    changes: &[Change],
    partial: bool,
) -> Result<ApplyOutcome, WorkspaceError> {
    let trailers = [("Reply-Digest".to_owned(), "sha256:00".to_owned())];
    let message = "Apply a reply";
    let time = 1_700_000_000;
    apply_to_checkout(
        dir,
        &Apply {
            changes,
            message,
            trailers: &trailers,
            identity: identity(),
            time,
            partial,
            onto: None,
        },
    )
}

fn applied(dir: &Path, changes: &[Change]) -> Applied {
    match apply_with(dir, changes, false).unwrap() {
        ApplyOutcome::Applied(applied) => applied,
        refused => panic!("{refused:?}"),
    }
}

/// The refused paths, after making sure that nothing at all changed.
fn refused(dir: &Path, changes: &[Change]) -> Vec<(String, &'static str)> {
    let state = || {
        (
            work_files(dir),
            git(dir, &["rev-parse", "HEAD"]),
            fs::read(dir.join(".git/index")).unwrap(),
        )
    };
    let before = state();
    let outcome = apply_with(dir, changes, false).unwrap();
    assert_eq!(state(), before);
    assert!(!dir.join(".git/index.lock").exists());
    match outcome {
        ApplyOutcome::Refused(paths) => paths
            .into_iter()
            .map(|p| (p.path, p.reason.as_str()))
            .collect(),
        applied => panic!("{applied:?}"),
    }
}

fn work_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    contents(dir)
        .into_iter()
        .filter(|(name, _)| !name.starts_with(".git/"))
        .collect()
}

fn status(dir: &Path) -> String {
    git(dir, &["status", "--porcelain"])
}

/// A repository that the git program made, with one commit of these files.
fn git_repository(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("repo");
    git(temp.path(), &["init", "-q", "-b", "trunk", "repo"]);
    for (path, text) in files {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-q", "-m", "first"]);
    (temp, dir)
}

#[test]
fn a_missing_folder_becomes_a_repository_with_one_commit() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("new/repo");
    let changes = [
        write("src/a.ts", "a\n"),
        executable("bin/run", "#!/bin/sh\n"),
    ];
    let done = applied(&dir, &changes);
    assert!(done.changed);
    assert_eq!(done.written, ["src/a.ts", "bin/run"]);
    assert_eq!(status(&dir), "");
    assert_eq!(
        git(&dir, &["rev-parse", "main"]).trim(),
        done.commit.to_string()
    );
    assert_eq!(
        git(&dir, &["rev-parse", "HEAD^{tree}"]).trim(),
        done.tree.to_string()
    );
    assert_eq!(git(&dir, &["ls-files"]), "bin/run\nsrc/a.ts\n");
    assert_eq!(
        git(
            &dir,
            &[
                "log",
                "--format=%an|%s|%(trailers:key=Reply-Digest,valueonly)"
            ]
        )
        .trim(),
        "Sluice|Apply a reply|sha256:00"
    );
    assert_eq!(
        fs::metadata(dir.join("bin/run"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o755
    );

    let again = applied(&dir, &changes);
    assert!(!again.changed);
    assert_eq!(again.commit, done.commit);
    let names: Vec<_> = contents(&dir.join(".git"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        !names
            .iter()
            .any(|name| name.contains("sluice") || name.ends_with(".lock")),
        "{names:?}"
    );
    fsck(&dir);
}

#[test]
fn an_existing_repository_keeps_its_branch_its_staged_files_and_its_strangers() {
    let (_temp, dir) = git_repository(&[("a", "1"), ("b", "1"), ("gone/x", "1")]);
    fs::write(dir.join("staged"), "s").unwrap();
    git(&dir, &["add", "staged"]);
    fs::write(dir.join("b"), "mine").unwrap();
    fs::write(dir.join("untracked"), "u").unwrap();
    let done = applied(
        &dir,
        &[
            write("a", "2"),
            delete("gone/x"),
            write("new/n", "n"),
            delete("never"),
        ],
    );
    assert_eq!(status(&dir), " M b\nA  staged\n?? untracked\n");
    assert_eq!(
        git(&dir, &["log", "--format=%s", "trunk"]),
        "Apply a reply\nfirst\n"
    );
    assert_eq!(
        git(&dir, &["ls-tree", "-r", "--name-only", "HEAD"]),
        "a\nb\nnew/n\n"
    );
    assert_eq!(
        (done.deleted.as_slice(), dir.join("gone").exists()),
        (["gone/x".to_owned(), "never".to_owned()].as_slice(), false)
    );
    fsck(&dir);
}

#[test]
fn unborn_and_detached_heads_take_the_commit() {
    let temp = tempfile::tempdir().unwrap();
    git(temp.path(), &["init", "-q", "-b", "trunk", "repo"]);
    let dir = temp.path().join("repo");
    fs::write(dir.join("same"), "s").unwrap();
    let first = applied(&dir, &[write("same", "s")]);
    assert_eq!(
        git(&dir, &["rev-parse", "trunk"]).trim(),
        first.commit.to_string()
    );
    git(&dir, &["checkout", "-q", "--detach"]);
    let second = applied(&dir, &[write("b", "b")]);
    assert_eq!(
        git(&dir, &["rev-parse", "trunk"]).trim(),
        first.commit.to_string()
    );
    assert_eq!(
        git(&dir, &["rev-parse", "HEAD"]).trim(),
        second.commit.to_string()
    );
    assert_eq!(status(&dir), "");
    fsck(&dir);
}

#[test]
fn what_would_be_lost_or_led_astray_is_refused_and_nothing_else_is_done() {
    let (temp, dir) = git_repository(&[
        ("edited", "1"),
        ("staged", "1"),
        ("removed", "1"),
        ("d/x", "1"),
        ("ok", "1"),
    ]);
    fs::write(dir.join("edited"), "mine").unwrap();
    fs::write(dir.join("staged"), "mine").unwrap();
    git(&dir, &["add", "staged"]);
    fs::write(dir.join("staged"), "1").unwrap();
    fs::remove_file(dir.join("removed")).unwrap();
    fs::write(dir.join("untracked"), "mine").unwrap();
    fs::create_dir(temp.path().join("outside")).unwrap();
    symlink(temp.path().join("outside"), dir.join("link")).unwrap();
    symlink("nowhere", dir.join("dangling")).unwrap();
    mknodat(
        CWD,
        dir.join("fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    fs::create_dir(dir.join("folder")).unwrap();
    for (path, reason) in [
        ("edited", "uncommitted_changes"),
        ("staged", "uncommitted_changes"),
        ("removed", "uncommitted_changes"),
        ("untracked", "uncommitted_changes"),
        ("link/x", "symlink"),
        ("dangling", "symlink"),
        ("ok/x", "not_a_directory"),
        ("untracked/x", "not_a_directory"),
        ("fifo", "path_conflict"),
        ("folder", "path_conflict"),
        ("d", "path_conflict"),
    ] {
        let found = refused(&dir, &[write("ok", "2"), write(path, "x")]);
        assert_eq!(found, [(path.to_owned(), reason)]);
    }
    assert_eq!(
        refused(&dir, &[delete("edited")]),
        [("edited".to_owned(), "uncommitted_changes")]
    );
    assert_eq!(
        fs::read_dir(temp.path().join("outside")).unwrap().count(),
        0
    );
}

#[test]
fn a_folder_that_git_would_take_for_a_repository_is_refused() {
    let (_temp, dir) = git_repository(&[("a", "a"), ("x/HEAD", "ref: refs/heads/main\n")]);
    let before = work_files(&dir);
    let changes = [write("x/objects/k", ""), write("x/refs/k", "")];
    assert_eq!(refused(&dir, &changes), [("x/objects/k".to_owned(), "git")]);
    assert_eq!(work_files(&dir), before);
}

#[test]
fn a_file_becomes_a_folder_and_a_folder_a_file() {
    let files = [("a", "1"), ("d/x", "1"), ("d/e/y", "1"), ("stay", "1")];
    let (_temp, dir) = git_repository(&files);
    let turn = [
        write("a/b/c", "2"),
        delete("a"),
        delete("d/x"),
        write("d", "2"),
        delete("d/e/y"),
    ];
    applied(&dir, &turn);
    assert_eq!(status(&dir), "");
    assert_eq!(git(&dir, &["ls-files"]), "a/b/c\nd\nstay\n");
    fsck(&dir);

    // An untracked file keeps its folder, and then everything is as it was.
    let (_temp, dir) = git_repository(&files);
    fs::write(dir.join("d/mine"), "m").unwrap();
    assert_eq!(refused(&dir, &turn), [("d".to_owned(), "path_conflict")]);
    assert_eq!(status(&dir), "?? d/mine\n");
}

#[test]
fn a_partial_apply_does_the_rest_and_says_what_it_left() {
    let (_temp, dir) = git_repository(&[("edited", "1"), ("ok", "1")]);
    fs::write(dir.join("edited"), "mine").unwrap();
    let changes = [
        write("edited", "x"),
        write("ok", "2"),
        write("ok2/x", "2"),
        write("n", "n"),
        write("n/m", "m"),
    ];
    let ApplyOutcome::Applied(done) = apply_with(&dir, &changes, true).unwrap() else {
        panic!()
    };
    let left: Vec<_> = done
        .refused
        .iter()
        .map(|p| (p.path.as_str(), p.reason))
        .collect();
    assert_eq!(
        left,
        [
            ("edited", RefusedReason::UncommittedChanges),
            ("n/m", RefusedReason::PathConflict)
        ]
    );
    assert_eq!(done.written, ["ok", "ok2/x", "n"]);
    assert_eq!(status(&dir), " M edited\n");
}

#[test]
fn line_ends_of_a_checkout_are_no_edit() {
    let (_temp, dir) = git_repository(&[
        (".gitattributes", "*.txt text eol=crlf\n"),
        ("a.txt", "one\ntwo\n"),
    ]);
    fs::remove_file(dir.join("a.txt")).unwrap();
    git(&dir, &["checkout", "--", "a.txt"]);
    assert_eq!(fs::read(dir.join("a.txt")).unwrap(), b"one\r\ntwo\r\n");
    applied(
        &dir,
        &[write("a.txt", "one\nthree\n"), write("b.txt", "new\n")],
    );
    // With fresh times git must read the files again, and still finds nothing to commit.
    for name in ["a.txt", "b.txt"] {
        let text = fs::read(dir.join(name)).unwrap();
        fs::write(dir.join(name), text).unwrap();
    }
    assert_eq!(status(&dir), "");
    fsck(&dir);
}

#[test]
fn nothing_of_a_hostile_configuration_runs() {
    let (temp, dir) = git_repository(&[("a", "1")]);
    let canary = temp.path().join("canary");
    let script = temp.path().join("evil");
    fs::write(
        &script,
        format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", canary.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let evil = script.display();
    let included = format!("[core]\n\tfsmonitor = {evil}\n\tsshCommand = {evil}\n");
    fs::write(temp.path().join("included"), included).unwrap();
    let config = fs::read_to_string(dir.join(".git/config")).unwrap();
    let hooks = temp.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    let hostile = format!(
        "{config}[core]\n\tfsmonitor = {evil}\n\teditor = {evil}\n\tpager = {evil}\n\thooksPath = {}\n\
         [filter \"evil\"]\n\tclean = {evil}\n\tsmudge = {evil}\n\tprocess = {evil}\n\trequired = true\n\
         [diff \"evil\"]\n\tcommand = {evil}\n\ttextconv = {evil}\n[diff]\n\texternal = {evil}\n\
         [merge \"evil\"]\n\tdriver = {evil}\n[gpg]\n\tprogram = {evil}\n[commit]\n\tgpgSign = true\n\
         [include]\n\tpath = {}\n[alias]\n\tx = !{evil}\n[credential]\n\thelper = !{evil}\n",
        hooks.display(),
        temp.path().join("included").display(),
    );
    fs::write(dir.join(".git/config"), hostile).unwrap();
    for place in [dir.join(".git/hooks"), hooks] {
        for hook in [
            "pre-commit",
            "commit-msg",
            "prepare-commit-msg",
            "post-commit",
            "post-index-change",
            "reference-transaction",
            "post-checkout",
        ] {
            fs::create_dir_all(&place).unwrap();
            fs::copy(&script, place.join(hook)).unwrap();
        }
    }
    let attributes = write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    let done = applied(&dir, &[attributes, write("a", "2"), write("b", "b")]);
    assert!(done.changed);
    assert!(!canary.exists(), "{}", fs::read_to_string(&canary).unwrap());
    let tree = crate::Repo::open(&dir).unwrap().tree_of_dir(&dir).unwrap();
    assert_eq!(tree.oid, done.tree);
    assert!(!canary.exists());
    // The trap is a real one: the git program springs it.
    let _ = crate::tests::git_command(&dir, &["status"])
        .output()
        .unwrap();
    assert!(canary.exists());
}

#[test]
fn kinds_of_repository_that_are_not_written_to_say_so() {
    let (temp, dir) = git_repository(&[("a", "1")]);
    git(&dir, &["worktree", "add", "-q", "../linked"]);
    git(temp.path(), &["clone", "-q", "--bare", "repo", "bare.git"]);
    for name in ["linked", "bare.git"] {
        let outcome = apply_with(&temp.path().join(name), &[write("x", "x")], false);
        assert!(
            matches!(outcome, Err(WorkspaceError::Unsupported { .. })),
            "{name}: {outcome:?}"
        );
    }
    fs::create_dir(temp.path().join("astray")).unwrap();
    symlink("../repo/.git", temp.path().join("astray/.git")).unwrap();
    let outcome = apply_with(&temp.path().join("astray"), &[write("x", "x")], false);
    assert!(
        matches!(
            outcome,
            Err(WorkspaceError::Refused {
                reason: Reason::Symlink,
                ..
            })
        ),
        "{outcome:?}"
    );

    let unsupported = |what: &str| {
        let outcome = apply_with(&dir, &[write("x", "x")], false);
        assert!(
            matches!(outcome, Err(WorkspaceError::Unsupported { .. })),
            "{what}: {outcome:?}"
        );
        assert!(!dir.join("x").exists());
    };
    fs::write(dir.join(".git/index.lock"), "").unwrap();
    unsupported("git at work");
    fs::remove_file(dir.join(".git/index.lock")).unwrap();
    fs::write(
        dir.join(".git/MERGE_HEAD"),
        git(&dir, &["rev-parse", "HEAD"]),
    )
    .unwrap();
    unsupported("merge");
    fs::remove_file(dir.join(".git/MERGE_HEAD")).unwrap();
    git(
        &dir,
        &["config", "core.worktree", temp.path().to_str().unwrap()],
    );
    unsupported("core.worktree");
    git(&dir, &["config", "--unset", "core.worktree"]);

    for trap in [
        "HEAD",
        "index",
        "config",
        "packed-refs",
        "logs/HEAD",
        "refs/heads/trunk",
    ] {
        let (place, kept) = (dir.join(".git").join(trap), temp.path().join("kept"));
        let had = fs::rename(&place, &kept).is_ok();
        symlink(&kept, &place).unwrap();
        let outcome = apply_with(&dir, &[write("x", "x")], false);
        assert!(
            matches!(
                outcome,
                Err(WorkspaceError::Refused {
                    reason: Reason::Symlink,
                    ..
                })
            ),
            "{trap}: {outcome:?}"
        );
        fs::remove_file(&place).unwrap();
        if had {
            fs::rename(&kept, &place).unwrap();
        }
    }
    assert!(applied(&dir, &[write("x", "x")]).changed);
    fsck(&dir);
}

#[test]
fn a_failed_branch_move_puts_files_and_index_back() {
    let (_temp, dir) = git_repository(&[("a", "1"), ("gone", "1")]);
    fs::write(dir.join(".git/refs/heads/trunk.lock"), "").unwrap();
    let before = (work_files(&dir), git(&dir, &["ls-files", "-s"]));
    let failed = apply_with(
        &dir,
        &[write("a", "2"), delete("gone"), write("n/n", "n")],
        false,
    );
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!((work_files(&dir), git(&dir, &["ls-files", "-s"])), before);
    assert_eq!(status(&dir), "");
}

#[test]
fn a_full_disk_leaves_all_or_nothing() {
    // Only root can mount a small disk, and a container may forbid it even to root.
    let temp = tempfile::tempdir().unwrap();
    let options = Some(c"size=1m");
    if !rustix::process::geteuid().is_root()
        || mount("tmpfs", temp.path(), "tmpfs", MountFlags::empty(), options).is_err()
    {
        return;
    }
    let dir = temp.path().join("repo");
    applied(&dir, &[write("a", "1")]);
    let before = work_files(&dir);
    let noise: String = (0..400_000_u64)
        .map(|i| char::from(b'a' + (i * i % 251 % 26) as u8))
        .collect();
    let changes: Vec<_> = (0..4)
        .map(|i| write(&format!("d{i}/f"), &noise))
        .chain([write("a", "2")])
        .collect();
    let failed = apply_with(&dir, &changes, false).unwrap_err();
    assert!(failed.is_full_disk(), "{failed:?}");
    assert_eq!(work_files(&dir), before);
    assert_eq!(status(&dir), "");
    applied(&dir, &[write("a", "2")]);
    unmount(temp.path(), UnmountFlags::DETACH).unwrap();
}

/// The change set of the killed apply; large enough to be hit in the middle.
fn many() -> Vec<Change> {
    (0..60)
        .map(|i| write(&format!("d{}/f{i}", i % 7), &format!("new {i}\n")))
        .chain([delete("gone")])
        .collect()
}

#[test]
fn one_apply_for_the_killer() {
    // Run by the next test in a process of its own, to be killed; by itself it is a plain apply.
    let temp = tempfile::tempdir().unwrap();
    let dir =
        std::env::var_os("SLUICE_TEST_APPLY_DIR").map_or(temp.path().join("r"), PathBuf::from);
    assert!(applied(&dir, &many()).changed);
}

#[test]
fn an_apply_killed_anywhere_is_finished_by_repeating_it() {
    let mut killed = 0;
    for round in 0..12 {
        let (_temp, dir) = git_repository(&[
            ("d1/f1", "old\n"),
            ("d2/f9", "old\n"),
            ("gone", "x"),
            ("stay", "x"),
        ]);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "checkout::tests::one_apply_for_the_killer"])
            .env("SLUICE_TEST_APPLY_DIR", &dir)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // The state to wait for: so many files of the change set are in place, or it is done.
        let placed = || {
            (0..60)
                .filter(|i| dir.join(format!("d{}/f{i}", i % 7)).exists())
                .count()
        };
        while child.try_wait().unwrap().is_none() && placed() < 3 + round * 5 {
            std::hint::spin_loop();
        }
        let _ = child.kill();
        killed += usize::from(!child.wait().unwrap().success());
        applied(&dir, &many());
        assert_eq!(status(&dir), "", "round {round}");
        assert_eq!(git(&dir, &["log", "--format=%s"]), "Apply a reply\nfirst\n");
        let left: Vec<_> = contents(&dir)
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| name.contains("sluice") || name.ends_with(".lock"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        fsck(&dir);
    }
    assert!(killed >= 3, "only {killed} applies were killed in time");
}
