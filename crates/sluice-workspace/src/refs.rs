//! Moves refs by compare-and-swap.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;

use git2::{ErrorCode, ObjectType, Reference, Repository};
use rustix::fs::{FlockOperation, flock};

use crate::{Oid, Repo, WorkspaceError};

/// How a ref came to stand where the caller wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// This call moved it.
    Done,
    /// It stood there already, as after a crash between the move and its record.
    Already,
}

impl Repo {
    /// The object that a full ref name (`refs/heads/work`, `HEAD`) leads to, if it exists.
    ///
    /// # Errors
    /// [`WorkspaceError::InvalidRefName`], or a repository that cannot be read.
    pub fn ref_get(&self, name: &str) -> Result<Option<Oid>, WorkspaceError> {
        valid(name)?;
        current(&self.raw()?, name)
    }

    /// All refs whose name starts with `prefix` (`refs/gates/`), sorted by name. A ref that
    /// leads nowhere is left out.
    ///
    /// # Errors
    /// A repository that cannot be read.
    pub fn ref_list(&self, prefix: &str) -> Result<Vec<(String, Oid)>, WorkspaceError> {
        let failed = || WorkspaceError::git("list refs");
        let repo = self.raw()?;
        let mut found = Vec::new();
        // A ref may not hold a character that means something to a pattern, so a prefix with one fits none.
        if prefix.contains(['*', '?', '[', '\\', '\0']) {
            return Ok(found);
        }
        // By pattern, so that of thousands of attempts none is read for a list of branches.
        for reference in repo
            .references_glob(&format!("{prefix}*"))
            .map_err(failed())?
        {
            let reference = reference.map_err(failed())?;
            let Ok(name) = reference.name() else { continue };
            if let Ok(direct) = reference.resolve()
                && let Some(oid) = direct.target()
            {
                found.push((name.to_owned(), Oid(oid)));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Branch names without `refs/heads/`, with their commits, sorted.
    ///
    /// # Errors
    /// A repository that cannot be read.
    pub fn branches(&self) -> Result<Vec<(String, Oid)>, WorkspaceError> {
        self.names_below("refs/heads/")
    }

    /// Tag names without `refs/tags/`, with the commits that they lead to, sorted. A tag that
    /// leads to no commit is left out.
    ///
    /// # Errors
    /// A repository that cannot be read.
    pub fn tags(&self) -> Result<Vec<(String, Oid)>, WorkspaceError> {
        let repo = self.raw()?;
        let mut tags = self.names_below("refs/tags/")?;
        tags.retain_mut(|(_, oid)| match commit_of(&repo, *oid) {
            Ok(commit) => {
                *oid = Oid(commit.id());
                true
            }
            Err(_) => false,
        });
        Ok(tags)
    }

    fn names_below(&self, prefix: &str) -> Result<Vec<(String, Oid)>, WorkspaceError> {
        let refs = self.ref_list(prefix)?;
        Ok(refs
            .into_iter()
            .map(|(name, oid)| (name[prefix.len()..].to_owned(), oid))
            .collect())
    }

    /// The commit that a revision means as `git rev-parse` reads it (`HEAD~2`, `main`, `v1`, a shortened id); `None`
    /// when it means none.
    ///
    /// # Errors
    /// A repository that cannot be read.
    pub fn rev_parse(&self, revision: &str) -> Result<Option<Oid>, WorkspaceError> {
        let repo = self.raw()?;
        let found = repo
            .revparse_single(revision)
            .and_then(|object| object.peel(ObjectType::Commit));
        match found {
            Ok(commit) => Ok(Some(Oid(commit.id()))),
            Err(e)
                if matches!(
                    e.code(),
                    ErrorCode::NotFound
                        | ErrorCode::InvalidSpec
                        | ErrorCode::Ambiguous
                        | ErrorCode::Peel
                ) =>
            {
                Ok(None)
            }
            // libgit2 has no code of its own for what it cannot parse.
            Err(e) if e.code() == ErrorCode::GenericError => Ok(None),
            Err(e) => Err(WorkspaceError::git(format!("read {revision}"))(e)),
        }
    }

    /// The commit that HEAD leads to; `None` before the first commit on its branch.
    ///
    /// # Errors
    /// A repository that cannot be read.
    pub fn head_commit(&self) -> Result<Option<Oid>, WorkspaceError> {
        self.ref_get("HEAD")
    }

    /// Moves `name` from `expected` (`None`: it must not exist) to `new`, or fails with
    /// [`WorkspaceError::Conflict`]. A ref that stands on `new` already is a success.
    ///
    /// # Errors
    /// As said, [`WorkspaceError::InvalidRefName`], or the disk's fault.
    pub fn ref_move(
        &self,
        name: &str,
        expected: Option<Oid>,
        new: Oid,
        log_message: &str,
    ) -> Result<Moved, WorkspaceError> {
        valid(name)?;
        let lock = self.refs_lock()?;
        let repo = self.raw()?;
        if !repo
            .odb()
            .map_err(WorkspaceError::git("open objects"))?
            .exists(new.0)
        {
            return Err(WorkspaceError::Missing { oid: new });
        }
        // Also before a repeat that finds the work done: a kill inside libgit2 leaves a lock file behind.
        self.stale_lock_remove(name);
        let found = current(&repo, name)?;
        if found == Some(new) {
            return Ok(Moved::Already);
        }
        if found != expected {
            return Err(WorkspaceError::Conflict {
                name: name.to_owned(),
                expected,
                found,
            });
        }
        objects_sync(self.git_dir(), &lock)?;
        let message = log_message.replace(['\n', '\r', '\0'], " ");
        let was = expected.map_or(git2::Oid::ZERO_SHA1, |oid| oid.0);
        let moved = repo.reference_matching(name, new.0, true, was, &message);
        let outcome = match moved {
            Ok(_) => self.ref_sync(name).map(|()| Moved::Done),
            // Somebody moved it without our lock (the git program, by hand).
            Err(e) if e.code() == ErrorCode::Modified => {
                let found = current(&self.raw()?, name)?;
                Err(WorkspaceError::Conflict {
                    name: name.to_owned(),
                    expected,
                    found,
                })
            }
            Err(e) => Err(WorkspaceError::git(format!("move {name}"))(e)),
        };
        drop(lock);
        outcome
    }

    /// Puts the lightweight tag `refs/tags/<name>` on `oid`; a tag that stands elsewhere is a
    /// [`WorkspaceError::Conflict`].
    ///
    /// # Errors
    /// As said, or [`WorkspaceError::InvalidRefName`], or the disk's fault.
    pub fn tag_create(&self, name: &str, oid: Oid) -> Result<Moved, WorkspaceError> {
        self.ref_move(&format!("refs/tags/{name}"), None, oid, "tag")
    }

    /// Makes a moved ref durable.
    fn ref_sync(&self, name: &str) -> Result<(), WorkspaceError> {
        let file = self.git_dir().join(name);
        let folder = file.parent().unwrap_or(self.git_dir());
        for path in [file.as_path(), folder] {
            File::open(path)
                .and_then(|file| file.sync_all())
                .map_err(WorkspaceError::io("sync", path))?;
        }
        Ok(())
    }

    /// Makes writers of refs queue, across threads and processes; ends with its process.
    fn refs_lock(&self) -> Result<File, WorkspaceError> {
        let failed = || WorkspaceError::io("lock", self.git_dir());
        let dir = File::open(self.git_dir()).map_err(failed())?;
        flock(&dir, FlockOperation::LockExclusive).map_err(|e| failed()(e.into()))?;
        Ok(dir)
    }

    /// Removes the lock file that a killed writer of this ref left; called under our own lock,
    /// so no living writer of ours holds it.
    fn stale_lock_remove(&self, name: &str) {
        for locked in [name, "HEAD"] {
            let file = self.git_dir().join(format!("{locked}.lock"));
            if fs::remove_file(&file).is_ok() {
                tracing::warn!(file = %file.display(), "removed the lock of a killed writer");
            }
        }
    }
}

/// Makes all objects durable, given any handle of the repository's file system: what a ref will
/// name must survive a power cut that the ref survives. One call for the file system: libgit2
/// would sync each of hundreds of loose objects.
pub(crate) fn objects_sync(git_dir: &Path, handle: impl AsFd) -> Result<(), WorkspaceError> {
    rustix::fs::syncfs(handle).map_err(|e| WorkspaceError::io("sync", git_dir)(e.into()))
}

pub(crate) fn valid(name: &str) -> Result<(), WorkspaceError> {
    if Reference::is_valid_name(name) && (name == "HEAD" || name.starts_with("refs/")) {
        return Ok(());
    }
    Err(WorkspaceError::InvalidRefName {
        name: name.to_owned(),
    })
}

/// Where a ref leads, through symbolic refs.
pub(crate) fn current(repo: &Repository, name: &str) -> Result<Option<Oid>, WorkspaceError> {
    match repo.refname_to_id(name) {
        Ok(oid) => Ok(Some(Oid(oid))),
        Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
        Err(e) => Err(WorkspaceError::git(format!("read {name}"))(e)),
    }
}

/// The commit behind an oid that may name a tag.
pub(crate) fn commit_of(repo: &Repository, oid: Oid) -> Result<git2::Commit<'_>, WorkspaceError> {
    repo.find_object(oid.0, None)
        .and_then(|object| object.peel(ObjectType::Commit))
        .map_err(WorkspaceError::object(oid))?
        .into_commit()
        .map_err(|_| WorkspaceError::Missing { oid })
}
