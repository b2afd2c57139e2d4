//! Shared pieces of this crate's tests; the real git program is the judge.

use std::fs;
use std::path::Path;
use std::process::Command;

use sluice_path::RelPath;

use crate::{Action, Change, Identity, NewCommit, Oid, Repo};

mod commits;
mod exports;
mod histories;
mod kills;
mod looks;
mod notes;
mod packs;
mod refs;
mod scans;
mod trees;

pub(crate) fn rel(path: &str) -> RelPath {
    RelPath::parse(path).unwrap()
}

pub(crate) fn write(path: &str, text: &str) -> Change {
    Change::write(rel(path), text)
}

pub(crate) fn delete(path: &str) -> Change {
    Change::delete(rel(path))
}

pub(crate) fn executable(path: &str, text: &str) -> Change {
    Change {
        path: rel(path),
        action: Action::Write {
            bytes: text.into(),
            executable: true,
        },
    }
}

pub(crate) fn identity() -> Identity {
    Identity {
        name: "Sluice".to_owned(),
        email: "sluice@localhost".to_owned(),
    }
}

pub(crate) fn new_commit(tree: Oid, parents: &[Oid], message: &str) -> NewCommit {
    NewCommit {
        tree,
        parents: parents.to_vec(),
        author: identity(),
        committer: identity(),
        time: 1_700_000_000,
        message: message.to_owned(),
        trailers: vec![("Gate".to_owned(), "g5".to_owned())],
    }
}

/// A bare repository with one commit on main, its folder, and that commit's tree.
pub(crate) struct Fixture {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) repo: Repo,
    pub(crate) tree: Oid,
    pub(crate) commit: Oid,
    /// Cleared by a test that damages the repository itself.
    pub(crate) sound: bool,
}

impl Fixture {
    pub(crate) fn new(changes: &[Change]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repo::create(&dir.path().join("p.git")).unwrap();
        let tree = repo.tree_build(None, changes).unwrap();
        let commit = repo.commit(&new_commit(tree, &[], "first"), None).unwrap();
        repo.ref_move("refs/heads/main", None, commit, "first")
            .unwrap();
        Self {
            dir,
            repo,
            tree,
            commit,
            sound: true,
        }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(self.repo.git_dir(), args)
    }

    pub(crate) fn fsck(&self) {
        fsck(self.repo.git_dir());
    }
}

/// Every test leaves a repository that git finds nothing wrong with.
impl Drop for Fixture {
    fn drop(&mut self) {
        if self.sound && !std::thread::panicking() {
            self.fsck();
        }
    }
}

/// Does something at the end of a scope, whether the test fails or not.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs the git program without any configuration but the repository's own.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let out = git_command(dir, args).output().unwrap();
    assert!(
        out.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

pub(crate) fn git_command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(args).current_dir(dir).env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", "/nonexistent");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "t")
            .env(format!("GIT_{who}_EMAIL"), "t@localhost");
    }
    command
}

pub(crate) fn fsck(dir: &Path) {
    let out = git_command(dir, &["fsck", "--strict", "--full", "--no-dangling"])
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    let complaints: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("notice:"))
        .collect();
    assert!(out.status.success() && complaints.is_empty(), "{text}");
}

/// Every path below a folder, with the content of regular files.
pub(crate) fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry
                .path()
                .strip_prefix(dir)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                todo.push(entry.path());
                found.push((name + "/", Vec::new()));
            } else {
                let bytes = if kind.is_file() {
                    fs::read(entry.path()).unwrap()
                } else {
                    Vec::new()
                };
                found.push((name, bytes));
            }
        }
    }
    found.sort();
    found
}
