//! A repository as the git program, which is not ours, sees and writes it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::program::{Ran, clean};

/// A repository, bare or with a working tree.
pub(crate) struct Repository {
    path: PathBuf,
}

impl Repository {
    /// The one at `path`.
    pub(crate) fn at(path: impl Into<PathBuf>) -> Repository {
        Repository { path: path.into() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A clone with the chains of the gates, as docs/proofs.md makes it.
    pub(crate) fn clone_into(&self, path: &Path) -> Repository {
        let from = self.path.display().to_string();
        self.git(&[
            "clone",
            "--quiet",
            "--no-hardlinks",
            &from,
            &path.display().to_string(),
        ]);
        let clone = Repository::at(path);
        clone.git(&["fetch", "--quiet", "origin", "refs/gates/*:refs/gates/*"]);
        clone
    }

    /// The same again, for a stranger to change.
    pub(crate) fn copy_into(&self, path: &Path) -> Repository {
        let mut command = Command::new("cp");
        let ran = Ran::of(command.args(["--archive", "--"]).args([&self.path, path]));
        assert_eq!(ran.code, 0, "{ran}");
        Repository::at(path)
    }

    /// What git says, without the last line break.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_fed(arguments, b"")
    }

    /// The same with `input` on standard input.
    pub(crate) fn git_fed(&self, arguments: &[&str], input: &[u8]) -> String {
        let ran = fed(&mut self.command(arguments), input);
        assert_eq!(ran.code, 0, "git {arguments:?}: {ran}");
        ran.out.trim_end_matches('\n').to_owned()
    }

    /// What git says, whatever it is.
    pub(crate) fn try_git(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// git on this repository with nobody's configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        clean(&mut command);
        command
            .args(arguments)
            .current_dir(if self.path.is_dir() {
                &self.path
            } else {
                Path::new("/")
            })
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "stranger")
                .env(format!("GIT_{who}_EMAIL"), "stranger@example.org");
        }
        command
    }

    /// The names and object ids of the refs below `prefix`.
    pub(crate) fn refs(&self, prefix: &str) -> Vec<(String, String)> {
        let listed = self.git(&["for-each-ref", "--format=%(refname) %(objectname)", prefix]);
        let pair = |line: &str| {
            line.split_once(' ')
                .map(|(name, oid)| (name.to_owned(), oid.to_owned()))
        };
        listed.lines().filter_map(pair).collect()
    }

    /// The object that `name` leads to.
    pub(crate) fn oid(&self, name: &str) -> String {
        self.git(&["rev-parse", "--verify", name])
    }

    /// The last decision of a gate.
    pub(crate) fn tip(&self, gate: &str) -> String {
        self.oid(&format!("refs/gates/{gate}"))
    }

    /// A file of the last decision of a gate.
    pub(crate) fn file(&self, gate: &str, path: &str) -> Vec<u8> {
        let mut command = self.command(&["cat-file", "blob", &format!("refs/gates/{gate}:{path}")]);
        let output = command.output().expect("git runs");
        assert!(output.status.success(), "{path} of {gate}");
        output.stdout
    }

    /// Moves a ref, whatever it was.
    pub(crate) fn point(&self, name: &str, oid: &str) {
        self.git(&["update-ref", name, oid]);
    }

    /// The tree of `commit` with some files changed or added.
    pub(crate) fn tree_with(&self, commit: &str, files: &[(&str, &[u8])]) -> String {
        let index = self.path.join(".git/index-of-a-stranger");
        let run = |arguments: &[&str]| {
            let ran = Ran::of(self.command(arguments).env("GIT_INDEX_FILE", &index));
            assert_eq!(ran.code, 0, "git {arguments:?}: {ran}");
            ran.out.trim_end().to_owned()
        };
        run(&["read-tree", commit]);
        for (path, bytes) in files {
            let blob = self.git_fed(&["hash-object", "-w", "--stdin"], bytes);
            run(&[
                "update-index",
                "--add",
                "--cacheinfo",
                &format!("100644,{blob},{path}"),
            ]);
        }
        run(&["write-tree"])
    }

    /// Rewrites the last decision of a gate, the signature kept as it is.
    pub(crate) fn rewrite(&self, gate: &str, edit: impl FnOnce(&str) -> String) -> String {
        let raw = self.git(&["cat-file", "commit", &self.tip(gate)]) + "\n";
        let edited = edit(&raw);
        assert_ne!(edited, raw, "the edit must edit");
        let oid = self.git_fed(
            &["hash-object", "-t", "commit", "-w", "--stdin"],
            edited.as_bytes(),
        );
        self.point(&format!("refs/gates/{gate}"), &oid);
        oid
    }

    /// Puts another tree under the last decision of a gate, its message and signature kept.
    pub(crate) fn put_tree(&self, gate: &str, tree: &str) -> String {
        self.rewrite(gate, |raw| {
            let (_, rest) = raw.split_once('\n').expect("a commit has lines");
            format!("tree {tree}\n{rest}")
        })
    }
}

/// Runs with `input` on standard input.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Ran {
    let spawned = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that refuses early closes its input; that is its right.
    child.stdin.take().expect("a pipe").write_all(input).ok();
    child.wait_with_output().expect("it ends").into()
}
