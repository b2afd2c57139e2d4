//! Copies a repository, as it is while others write to it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use git2::{ObjectType, Repository};

use crate::beside::{self, Placed};
use crate::{Oid, Repo, WorkspaceError, repo};

impl Repo {
    /// Makes a bare repository at `to` with these refs, as [`Repo::ref_list`] gave them some time before, and all
    /// that they reach: one pack. It is built beside and renamed. Objects are never removed, so what was committed
    /// since is in nobody's way.
    ///
    /// # Errors
    /// Something is at `to` already, an object is missing or damaged, or a fault of the disk.
    pub fn copy(&self, to: &Path, refs: &[(String, Oid)]) -> Result<(), WorkspaceError> {
        let placed = beside::build(to, |folder| {
            repo::init(folder)?;
            self.pack_into(&folder.join("objects").join("pack"), refs)?;
            refs_write(&folder.join("packed-refs"), refs)
        })?;
        match placed {
            Placed::Built => Ok(()),
            Placed::Already => Err(WorkspaceError::Unsupported {
                path: to.to_owned(),
                problem: "is there already; name another place".to_owned(),
            }),
        }
    }

    /// Writes one pack with all that the refs reach.
    fn pack_into(&self, folder: &Path, refs: &[(String, Oid)]) -> Result<(), WorkspaceError> {
        let failed = || WorkspaceError::git("copy the objects");
        let repo = self.raw()?;
        let mut builder = repo.packbuilder().map_err(failed())?;
        // One thread: it has time, and the checks need the cores.
        builder.set_threads(1);
        let mut walk = repo.revwalk().map_err(failed())?;
        for (_, oid) in refs {
            for oid in chain(&repo, *oid)? {
                let kind = repo.odb().map_err(failed())?;
                match kind
                    .read_header(oid.0)
                    .map_err(WorkspaceError::object(oid))?
                    .1
                {
                    ObjectType::Commit => walk.push(oid.0).map_err(failed())?,
                    _ => builder.insert_recursive(oid.0, None).map_err(failed())?,
                }
            }
        }
        builder.insert_walk(&mut walk).map_err(failed())?;
        if builder.object_count() == 0 {
            return Ok(());
        }
        builder.write(folder, 0o444).map_err(failed())
    }
}

/// An object, and what it names if it is a tag, and so on.
fn chain(repo: &Repository, oid: Oid) -> Result<Vec<Oid>, WorkspaceError> {
    let mut chain = vec![oid];
    while let Some(last) = chain.last().copied()
        && let Ok(tag) = repo.find_tag(last.0)
    {
        chain.push(Oid(tag.target_id()));
    }
    Ok(chain)
}

/// Writes the refs as one file (<https://git-scm.com/docs/gitrepository-layout>).
fn refs_write(path: &Path, refs: &[(String, Oid)]) -> Result<(), WorkspaceError> {
    let mut refs: Vec<&(String, Oid)> = refs.iter().collect();
    refs.sort();
    let mut text = String::from("# pack-refs with: sorted\n");
    for (name, oid) in refs {
        text.push_str(&format!("{oid} {name}\n"));
    }
    let io = |what| WorkspaceError::io(what, path);
    let mut file = fs::File::create_new(path).map_err(io("create"))?;
    file.write_all(text.as_bytes()).map_err(io("write"))?;
    file.sync_all().map_err(io("sync"))
}
