//! Gathers loose objects and small packs into one pack, beside those who read and write.
//!
//! Nothing is thrown away, not even what no ref reaches: a pack holds exactly what the files held
//! that it replaces. It is written beside, synced and renamed in, and only then do they go, so a
//! kill leaves every object at least once. Who looked an object up before and finds its file gone
//! looks again, as git and libgit2 do.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use git2::{ObjectType, Repository};
use rustix::fs::{FlockOperation, flock};

use crate::{Oid, Repo, WorkspaceError};

mod objects;

use objects::{Objects, PackFile};

/// From how many files on objects are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackFrom {
    /// Loose objects.
    pub loose: usize,
    /// Packs.
    pub packs: usize,
}

impl Default for PackFrom {
    /// Fewer than these do not slow a reader noticeably.
    fn default() -> Self {
        Self {
            loose: 2_000,
            packs: 20,
        }
    }
}

/// What came of packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// There were too few files to be worth it.
    NotDue,
    /// Another process or thread packs this repository now.
    Busy,
    /// The caller did not want to go on; nothing has changed.
    Stopped,
    /// A pack was made.
    Done {
        /// Objects in it.
        objects: usize,
        /// Loose objects removed.
        loose: usize,
        /// Packs removed.
        packs: usize,
    },
}

/// Objects that go into a pack at one time; the rest waits for the next.
const MOST_OBJECTS: usize = 500_000;
/// A pack with fewer objects is small whatever else there is.
const SMALL: usize = 2_000;
/// Where a pack is made, in the git folder.
const STAGING: &str = "sluice-packing";

impl Repo {
    /// Packs, if there are as many files as `from` says. `goes_on` is asked again and again, and
    /// ends the work by `false`. May run beside readers and writers, as often as one likes.
    ///
    /// # Errors
    /// The disk's fault, or an object that cannot be read. The repository is as good as before.
    pub fn pack(
        &self,
        from: PackFrom,
        goes_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Packed, WorkspaceError> {
        let objects = Objects::open(self.git_dir())?;
        if flock(objects.handle(), FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(Packed::Busy);
        }
        let mut loose = objects.loose()?;
        let packs = objects.packs()?;
        if loose.len() < from.loose.max(1) && packs.len() < from.packs.max(2) {
            return Ok(Packed::NotDue);
        }
        loose.truncate(MOST_OBJECTS);
        let packs = small(packs, loose.len());
        let repo = self.raw()?;
        let odb = repo.odb().map_err(WorkspaceError::git("open objects"))?;
        // What a power cut left empty is no object, and stands in no one's way but a pack's.
        loose.retain(|oid| odb.read_header(oid.0).is_ok());
        let mut wanted: HashSet<Oid> = loose.iter().copied().collect();
        for pack in &packs {
            wanted.extend(objects.listed(pack)?);
        }
        if wanted.is_empty() {
            return Ok(Packed::NotDue);
        }
        let staging = self.git_dir().join(STAGING);
        let made = build(&repo, &wanted, &staging, goes_on).and_then(|name| match name {
            Some(name) => objects.take_in(&staging, &name).map(Some),
            None => Ok(None),
        });
        // Best effort: the next one sweeps it.
        let _ = std::fs::remove_dir_all(&staging);
        let Some(new) = made? else {
            return Ok(Packed::Stopped);
        };
        let holds: HashSet<Oid> = objects.listed(&new)?.into_iter().collect();
        if let Some(missing) = wanted.difference(&holds).next() {
            return Err(WorkspaceError::Missing { oid: *missing });
        }
        Ok(Packed::Done {
            objects: holds.len(),
            loose: loose.iter().filter(|oid| objects.loose_remove(oid)).count(),
            // The same objects again make a pack of the same name.
            packs: packs
                .iter()
                .filter(|pack| pack.name() != new.name() && objects.pack_remove(pack))
                .count(),
        })
    }
}

/// The packs that are gathered with so many loose objects: the small ones, and those that are not
/// much larger than all that is gathered before them. So each object is packed anew a number of
/// times that grows with the logarithm of their number.
fn small(mut packs: Vec<PackFile>, loose: usize) -> Vec<PackFile> {
    packs.sort_by_key(PackFile::objects);
    let mut sum = loose;
    let taken = packs
        .iter()
        .take_while(|pack| {
            let takes = pack.objects() < SMALL.max(sum * 2) && sum + pack.objects() <= MOST_OBJECTS;
            sum += pack.objects();
            takes
        })
        .count();
    packs.truncate(taken);
    // One pack alone would be replaced by itself.
    if packs.len() == 1 && loose == 0 {
        packs.clear();
    }
    packs
}

/// Makes a pack of the objects in the new folder `staging` and gives its name; `None` when
/// `goes_on` ended it.
fn build(
    repo: &Repository,
    wanted: &HashSet<Oid>,
    staging: &Path,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<Option<String>, WorkspaceError> {
    let failed = || WorkspaceError::git("make a pack");
    let io = |what| WorkspaceError::io(what, staging);
    // What a killed one left; nobody else is at work here, for the lock is ours.
    if staging.symlink_metadata().is_ok() {
        std::fs::remove_dir_all(staging).map_err(io("remove"))?;
    }
    std::fs::create_dir(staging).map_err(io("create"))?;
    let Some(ordered) = ordered(repo, wanted, goes_on)? else {
        return Ok(None);
    };
    let mut builder = repo.packbuilder().map_err(failed())?;
    // One thread: it has time, and the checks need the cores.
    builder.set_threads(1);
    for (oid, name) in &ordered {
        builder
            .insert_object(oid.0, name.as_deref())
            .map_err(failed())?;
    }
    builder
        .set_progress_callback(|_, _, _| goes_on())
        .map_err(failed())?;
    let written = builder.write(staging, 0o444);
    if !goes_on() {
        return Ok(None);
    }
    written.map_err(failed())?;
    let name = builder.name().map_err(failed())?;
    let name = name.ok_or_else(|| failed()(git2::Error::from_str("the pack has no name")))?;
    Ok(Some(name.to_owned()))
}

type Ordered = Vec<(Oid, Option<String>)>;

/// The objects as a good pack has them: commits, newest first, then trees, then files; with names,
/// by which versions of one file are found and stored as differences.
fn ordered(
    repo: &Repository,
    wanted: &HashSet<Oid>,
    goes_on: &dyn Fn() -> bool,
) -> Result<Option<Ordered>, WorkspaceError> {
    let odb = repo.odb().map_err(WorkspaceError::git("open objects"))?;
    let mut kinds = Vec::with_capacity(wanted.len());
    let mut names: HashMap<Oid, String> = HashMap::new();
    for oid in wanted {
        if !goes_on() {
            return Ok(None);
        }
        let object = WorkspaceError::object(*oid);
        let (rank, time) = match odb.read_header(oid.0).map_err(object)?.1 {
            ObjectType::Commit => {
                let commit = repo.find_commit(oid.0);
                (0, commit.map_or(0, |commit| -commit.time().seconds()))
            }
            ObjectType::Tag => (1, 0),
            ObjectType::Tree => {
                let tree = crate::tree::find_tree(repo, *oid)?;
                for entry in &tree {
                    let below = Oid(entry.id());
                    if let (true, Ok(name)) = (wanted.contains(&below), entry.name()) {
                        names.entry(below).or_insert_with(|| name.to_owned());
                    }
                }
                (2, 0)
            }
            _ => (3, 0),
        };
        kinds.push((rank, time, *oid));
    }
    kinds.sort();
    let ordered = kinds.into_iter().map(|(_, _, oid)| {
        let name = names.remove(&oid);
        (oid, name)
    });
    Ok(Some(ordered.collect()))
}
