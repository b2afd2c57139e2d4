//! Opens an ordinary checkout by handle and refuses the kinds that are not written to.

use std::fs::File;
use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryInitOptions, RepositoryState};
use rustix::fs::{FileType, FlockOperation, flock};
use rustix::io::Errno;
use sluice_path::Reason;

use crate::guard::{Root, kind_at};
use crate::repo::{GIT_FILES, open_raw};
use crate::{WorkspaceError, beside, hermetic};

/// A checkout with its lock held.
pub(super) struct Checkout {
    pub(super) root: Root,
    pub(super) git_dir: PathBuf,
    pub(super) repo: Repository,
    _lock: File,
}

impl Checkout {
    pub(super) fn open_or_create(dir: &Path) -> Result<Self, WorkspaceError> {
        hermetic::ensure();
        let dir = std::path::absolute(dir).map_err(WorkspaceError::io("find", dir))?;
        let root = Root::create(&dir)?;
        let git_dir = dir.join(".git");
        let unsupported = |problem: &str| WorkspaceError::Unsupported {
            path: dir.clone(),
            problem: problem.to_owned(),
        };
        match kind_at(root.dir(), ".git") {
            Ok(FileType::Directory) => {}
            Ok(FileType::Symlink) => {
                return Err(WorkspaceError::Refused {
                    path: ".git".to_owned(),
                    reason: Reason::Symlink,
                });
            }
            Ok(_) => {
                return Err(unsupported(
                    "is a linked worktree or a submodule; apply to the main checkout instead",
                ));
            }
            Err(Errno::NOENT) if is_bare(&root) => {
                return Err(unsupported(
                    "is a bare repository; apply to a checkout of it",
                ));
            }
            Err(Errno::NOENT) => {
                beside::build(&git_dir, init)?;
            }
            Err(e) => return Err(root.failed("look at", ".git", e)),
        }
        let lock = lock(&root, &git_dir)?;
        layout_check(&root)?;
        let repo = open_raw(&git_dir)?;
        let config = repo
            .config()
            .map_err(WorkspaceError::git("read the configuration"))?;
        if config.get_bool("core.bare").unwrap_or(false) {
            return Err(unsupported("is configured as bare; set core.bare to false"));
        }
        if config.get_entry("core.worktree").is_ok() {
            return Err(unsupported(
                "keeps its files elsewhere (core.worktree); apply there",
            ));
        }
        if repo.state() != RepositoryState::Clean {
            return Err(unsupported(
                "has a merge or rebase under way; finish or abort it first",
            ));
        }
        Ok(Self {
            root,
            git_dir,
            repo,
            _lock: lock,
        })
    }
}

fn lock(root: &Root, git_dir: &Path) -> Result<File, WorkspaceError> {
    let dir = root
        .folder(Some(".git"))
        .map_err(|e| root.failed("open", ".git", e))?;
    let dir = File::from(dir);
    match flock(&dir, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(dir),
        Err(Errno::WOULDBLOCK) => Err(WorkspaceError::Busy {
            path: git_dir.to_owned(),
        }),
        Err(e) => Err(root.failed("lock", ".git", e)),
    }
}

/// Refuses a git folder with a link or a special file where libgit2 reads or writes.
fn layout_check(root: &Root) -> Result<(), WorkspaceError> {
    if root.kind(".git/commondir")?.is_some() {
        return Err(WorkspaceError::Unsupported {
            path: root.path().to_owned(),
            problem: "shares its git data with another checkout; apply to that one".to_owned(),
        });
    }
    for name in GIT_FILES {
        regular_check(root, &format!(".git/{name}"))?;
    }
    for name in [".git/objects", ".git/refs"] {
        if root.kind(name)? != Some(FileType::Directory) {
            return Err(WorkspaceError::NoRepository {
                path: root.path().join(".git"),
            });
        }
    }
    Ok(())
}

/// Refuses everything but a regular file, or nothing.
pub(super) fn regular_check(root: &Root, path: &str) -> Result<(), WorkspaceError> {
    match root.kind(path)? {
        None | Some(FileType::RegularFile) => Ok(()),
        Some(_) => Err(WorkspaceError::NotAFile {
            path: path.to_owned(),
        }),
    }
}

fn is_bare(root: &Root) -> bool {
    let is = |name: &str, kind| kind_at(root.dir(), name) == Ok(kind);
    is("HEAD", FileType::RegularFile)
        && is("objects", FileType::Directory)
        && is("refs", FileType::Directory)
}

/// Made as a bare one, since its place is not yet below its files; then declared a checkout's.
fn init(part: &Path) -> Result<(), WorkspaceError> {
    let failed = || WorkspaceError::git(format!("create {}", part.display()));
    let mut options = RepositoryInitOptions::new();
    options
        .bare(true)
        .external_template(false)
        .initial_head("main");
    let repo = Repository::init_opts(part, &options).map_err(failed())?;
    let mut config = repo.config().map_err(failed())?;
    config.set_bool("core.bare", false).map_err(failed())?;
    config
        .set_bool("core.logAllRefUpdates", true)
        .map_err(failed())?;
    Ok(())
}
