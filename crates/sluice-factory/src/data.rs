//! Where things lie in the data directory.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sluice_workspace::{Repo, WorkspaceError};

/// How the names of temporary files begin (tempfile's default) until they get their own.
const UNFINISHED: &[u8] = b".tmp";
/// How the names of git data begin that has no project yet.
const STAGED: &str = "project-";

/// The data directory. Git data lies outside the working trees and outside anything that a sandbox sees.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Uses `root`, an absolute path, making the folders that are not there.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn open(root: &Path) -> std::io::Result<DataDir> {
        std::fs::create_dir_all(root)?;
        let data = DataDir {
            root: root.canonicalize()?,
        };
        for folder in ["git", "workspaces", "seen", "transcripts"] {
            std::fs::create_dir_all(data.root.join(folder))?;
        }
        // Layers may hold what a package made setuid: nobody else of the machine may reach them.
        for folder in ["cache", "layers", "run", "deleted"] {
            let path = data.root.join(folder);
            std::fs::create_dir_all(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(data)
    }

    /// Uses a directory that is there, and changes nothing in it.
    ///
    /// # Errors
    /// When it is no data directory.
    pub fn existing(root: &Path) -> std::io::Result<DataDir> {
        let root = root.canonicalize()?;
        if root.join("git").is_dir() {
            return Ok(DataDir { root });
        }
        Err(std::io::ErrorKind::NotFound.into())
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The URL of the SQLite database that lies in the directory.
    pub fn database_url(&self) -> String {
        format!(
            "sqlite://{}?mode=rwc",
            self.root.join("sluice.db").display()
        )
    }

    /// The daemon's signing key, an OpenSSH private key.
    pub fn key(&self) -> PathBuf {
        self.root.join("signing_key")
    }

    /// A project's git data.
    pub fn git(&self, project: &str) -> PathBuf {
        self.root.join("git").join(format!("{project}.git"))
    }

    /// Where the git data of a project that is being made lies until the project is recorded.
    pub(crate) fn staged(&self, project: &str, at: Timestamp) -> PathBuf {
        let at = at.as_microsecond();
        self.run().join(format!("{STAGED}{project}-{at}.git"))
    }

    /// Whether a name in [`DataDir::run`] is one of [`DataDir::staged`], whole or half made (those begin with a dot).
    pub(crate) fn is_staged(name: &str) -> bool {
        name.trim_start_matches('.').starts_with(STAGED)
    }

    /// A project's working tree.
    pub fn work_tree(&self, project: &str) -> PathBuf {
        self.root.join("workspaces").join(project)
    }

    /// The folder of the working trees.
    pub fn work_trees(&self) -> PathBuf {
        self.root.join("workspaces")
    }

    /// What is known of the files of a project's working tree.
    pub(crate) fn seen(&self, project: &str) -> PathBuf {
        self.root.join("seen").join(format!("{project}.json"))
    }

    /// Results and logs of checks.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// What checks printed, in the order in which they did.
    pub(crate) fn transcripts(&self) -> PathBuf {
        self.root.join("transcripts")
    }

    /// Dependency layers.
    pub fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// State of what runs now: snapshots, sandboxes.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// What was deleted.
    pub fn deleted(&self) -> PathBuf {
        self.root.join("deleted")
    }

    /// Removes the files that a killed process was still writing. Nothing may be at work here yet.
    pub(crate) fn unfinished_remove(&self) {
        let marks = self.layers().join(".runs");
        let mut folders = vec![self.cache(), self.run(), self.root.join("seen"), marks];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(_) if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED) => {
                        // Best effort: it is in nobody's way.
                        let _ = std::fs::remove_file(entry.path());
                    }
                    _ => {}
                }
            }
        }
    }

    /// Opens a project's git data.
    ///
    /// # Errors
    /// When it is not there or not readable.
    pub fn repo(&self, project: &str) -> Result<Repo, WorkspaceError> {
        Repo::open(&self.git(project))
    }
}
