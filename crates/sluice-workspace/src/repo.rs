//! Opens a repository by its own folder, and makes a project's bare one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Repository, RepositoryInitOptions, RepositoryOpenFlags};

use crate::{WorkspaceError, beside, hermetic};

/// Files of a git folder that libgit2 opens: a FIFO there would hang it, a link mislead it.
pub(crate) const GIT_FILES: &[&str] = &[
    "HEAD",
    "config",
    "config.worktree",
    "index",
    "packed-refs",
    "shallow",
    "info/attributes",
    "info/exclude",
    "info/grafts",
    "logs/HEAD",
    "objects/info/alternates",
];

/// A git repository, held as a path and opened afresh by each call, so that it can be shared
/// between threads and never sees stale caches.
#[derive(Debug, Clone)]
pub struct Repo {
    git_dir: Arc<Path>,
}

impl Repo {
    /// Makes a bare repository at `git_dir` whose HEAD is `refs/heads/main`, or opens the one
    /// that is there. It is built beside and renamed, so that a kill leaves none or a whole one.
    ///
    /// # Errors
    /// The folder cannot be made, or something else is there.
    pub fn create(git_dir: &Path) -> Result<Self, WorkspaceError> {
        hermetic::ensure();
        beside::build(git_dir, init)?;
        Self::open(git_dir)
    }

    /// Opens the repository at `path`: a bare one, or the `.git` folder of a checkout.
    /// Parent folders are not searched.
    ///
    /// # Errors
    /// [`WorkspaceError::NoRepository`] or [`WorkspaceError::Unsupported`].
    pub fn open(path: &Path) -> Result<Self, WorkspaceError> {
        let dot_git = path.join(".git");
        let git_dir: PathBuf = if dot_git.is_dir() {
            dot_git
        } else {
            path.to_owned()
        };
        let git_dir =
            std::path::absolute(&git_dir).map_err(WorkspaceError::io("find", &git_dir))?;
        special_files_check(&git_dir)?;
        let repo = Self {
            git_dir: git_dir.into(),
        };
        repo.raw()?;
        Ok(repo)
    }

    /// The folder that holds objects and refs.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    pub(crate) fn raw(&self) -> Result<Repository, WorkspaceError> {
        open_raw(&self.git_dir)
    }
}

/// Opens exactly this git folder, as bare: a `core.worktree` of a stranger has no say.
pub(crate) fn open_raw(git_dir: &Path) -> Result<Repository, WorkspaceError> {
    hermetic::ensure();
    let flags =
        RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT | RepositoryOpenFlags::BARE;
    Repository::open_ext(git_dir, flags, std::iter::empty::<&Path>()).map_err(|source| match source
        .code()
    {
        git2::ErrorCode::NotFound => WorkspaceError::NoRepository {
            path: git_dir.to_owned(),
        },
        git2::ErrorCode::Owner => WorkspaceError::Unsupported {
            path: git_dir.to_owned(),
            problem: "belongs to another user; run as that user or change its owner".to_owned(),
        },
        _ => WorkspaceError::Git {
            what: format!("open {}", git_dir.display()),
            source,
        },
    })
}

/// Refuses a repository with a FIFO, socket or device where libgit2 would open a file and wait.
fn special_files_check(git_dir: &Path) -> Result<(), WorkspaceError> {
    for name in GIT_FILES {
        special_file_check(&git_dir.join(name))?;
    }
    let mut folders = vec![git_dir.join("refs")];
    while let Some(folder) = folders.pop() {
        // What cannot be listed, libgit2 will say better.
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => special_file_check(&entry.path())?,
            }
        }
    }
    Ok(())
}

fn special_file_check(path: &Path) -> Result<(), WorkspaceError> {
    match fs::metadata(path) {
        Ok(meta) if !meta.is_file() && !meta.is_dir() => Err(WorkspaceError::Unsupported {
            path: path.to_owned(),
            problem: "is no regular file; somebody tampered with this repository".to_owned(),
        }),
        _ => Ok(()),
    }
}

pub(crate) fn init(git_dir: &Path) -> Result<(), WorkspaceError> {
    let failed = || WorkspaceError::git(format!("create {}", git_dir.display()));
    let mut options = RepositoryInitOptions::new();
    options
        .bare(true)
        .external_template(false)
        .initial_head("main");
    let repo = Repository::init_opts(git_dir, &options).map_err(failed())?;
    let mut config = repo.config().map_err(failed())?;
    // The guard refuses these names already; libgit2 is the second line.
    config.set_bool("core.protectHFS", true).map_err(failed())?;
    config
        .set_bool("core.protectNTFS", true)
        .map_err(failed())?;
    // A bare repository keeps no reflog unless told; ours says who moved what.
    config
        .set_bool("core.logAllRefUpdates", true)
        .map_err(failed())?;
    Ok(())
}
