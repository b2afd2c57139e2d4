//! Lists, takes in and removes the files of an object database, by handle.
//!
//! The folder is opened once: when the repository is moved away and another is made at its path,
//! nothing of the other is touched.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::{Oid, WorkspaceError};

/// The head of an index (gitformat-pack, version 2).
const INDEX_MAGIC: [u8; 8] = *b"\xfftOc\0\0\0\x02";
/// The table of how many names begin with at most a byte.
const FAN_OUT: u64 = 256 * 4;
/// A pack without an index is being written, or belongs to a removal that was killed. After this
/// time it is the latter.
const ORPHANED: Duration = Duration::from_secs(24 * 3600);

/// The folder of objects.
pub(super) struct Objects {
    handle: OwnedFd,
    packs: OwnedFd,
    path: PathBuf,
}

/// A pack and its index.
#[derive(Debug)]
pub(super) struct PackFile {
    name: String,
    objects: usize,
}

impl PackFile {
    /// Its 40 digits.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn objects(&self) -> usize {
        self.objects
    }
}

impl Objects {
    pub(super) fn open(git_dir: &Path) -> Result<Self, WorkspaceError> {
        let path = git_dir.join("objects");
        let failed = |e: Errno| WorkspaceError::io("open", &path)(e.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(&path, flags, Mode::empty()).map_err(failed)?;
        match rustix::fs::mkdirat(&handle, "pack", Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(failed(e)),
        }
        let packs = folder(&handle, "pack").map_err(failed)?;
        Ok(Self {
            handle,
            packs,
            path,
        })
    }

    pub(super) fn handle(&self) -> impl AsFd {
        &self.handle
    }

    /// The names of all loose objects.
    pub(super) fn loose(&self) -> Result<Vec<Oid>, WorkspaceError> {
        let mut found = Vec::new();
        for first in 0..=255_u8 {
            let first = format!("{first:02x}");
            match folder(&self.handle, &first) {
                Ok(below) => {
                    let names = self.names(below)?;
                    let oids = names
                        .iter()
                        .filter_map(|rest| format!("{first}{rest}").parse::<Oid>().ok());
                    found.extend(oids);
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(e) => return Err(self.failed("open", &first, e.into())),
            }
        }
        Ok(found)
    }

    /// The packs that may be replaced: whole ones, of a form that we can read, that nobody marked
    /// to be kept and no index over several packs names. Sweeps what a killed removal left.
    pub(super) fn packs(&self) -> Result<Vec<PackFile>, WorkspaceError> {
        let names = self.names(&self.packs)?;
        let has = |name: &str, ending: &str| names.contains(&format!("pack-{name}.{ending}"));
        if names.iter().any(|name| name == "multi-pack-index") {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for file in &names {
            let parts = file
                .strip_prefix("pack-")
                .and_then(|rest| rest.split_once('.'));
            let Some((name, ending)) = parts.filter(|(name, _)| name.parse::<Oid>().is_ok()) else {
                continue;
            };
            if ending == "pack" && !has(name, "idx") && self.is_old(file) {
                let _ = rustix::fs::unlinkat(&self.packs, file, AtFlags::empty());
            }
            let kept = ["keep", "promisor"].iter().any(|mark| has(name, mark));
            if ending != "idx" || !has(name, "pack") || kept {
                continue;
            }
            if let Ok((_, objects)) = self.index(name) {
                found.push(PackFile {
                    name: name.to_owned(),
                    objects,
                });
            }
        }
        Ok(found)
    }

    /// The names of the objects in a pack, by its index.
    pub(super) fn listed(&self, pack: &PackFile) -> Result<Vec<Oid>, WorkspaceError> {
        let read = || {
            let (file, objects) = self.index(&pack.name)?;
            let mut names = vec![0; objects * 20];
            file.read_exact_at(&mut names, INDEX_MAGIC.len() as u64 + FAN_OUT)?;
            Ok(names)
        };
        let names = read().map_err(|e| self.failed("read the index of", &pack.name, e))?;
        let oids = names
            .chunks_exact(20)
            .map(|bytes| Oid(git2::Oid::from_bytes(bytes).expect("as many bytes as an id has")));
        Ok(oids.collect())
    }

    /// Makes a pack of the folder `staging` durable and moves it in: the pack first, for it is the
    /// index that makes it visible.
    pub(super) fn take_in(&self, staging: &Path, name: &str) -> Result<PackFile, WorkspaceError> {
        for ending in ["pack", "idx"] {
            let path = staging.join(format!("pack-{name}.{ending}"));
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(WorkspaceError::io("sync", path))?;
        }
        for ending in ["pack", "idx"] {
            let file = format!("pack-{name}.{ending}");
            rustix::fs::renameat(CWD, staging.join(&file), &self.packs, &file)
                .map_err(|e| self.failed("move in", &file, e.into()))?;
        }
        rustix::fs::fsync(&self.packs).map_err(|e| self.failed("sync", "pack", e.into()))?;
        let (_, objects) = self
            .index(name)
            .map_err(|e| self.failed("read the index of", name, e))?;
        Ok(PackFile {
            name: name.to_owned(),
            objects,
        })
    }

    /// Removes a loose object; its folder stays, for somebody may be about to write into it.
    pub(super) fn loose_remove(&self, oid: &Oid) -> bool {
        let text = oid.to_string();
        let path = format!("{}/{}", &text[..2], &text[2..]);
        rustix::fs::unlinkat(&self.handle, path, AtFlags::empty()).is_ok()
    }

    /// Removes a pack with all that goes with it, the index first: nobody new finds it then.
    pub(super) fn pack_remove(&self, pack: &PackFile) -> bool {
        let remove = |ending: &str| {
            let file = format!("pack-{}.{ending}", pack.name);
            rustix::fs::unlinkat(&self.packs, file, AtFlags::empty()).is_ok()
        };
        let gone = remove("idx");
        for ending in ["rev", "bitmap", "mtimes", "pack"] {
            remove(ending);
        }
        gone
    }

    /// Opens an index and says how many objects it lists, if it is as long as it must be then.
    fn index(&self, name: &str) -> io::Result<(File, usize)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = format!("pack-{name}.idx");
        let file = File::from(rustix::fs::openat(&self.packs, file, flags, Mode::empty())?);
        let mut magic = INDEX_MAGIC;
        file.read_exact_at(&mut magic, 0)?;
        let mut last = [0; 4];
        let head = INDEX_MAGIC.len() as u64 + FAN_OUT;
        file.read_exact_at(&mut last, head - 4)?;
        let objects = u32::from_be_bytes(last);
        // A name, a checksum and an offset each, and two checksums at the end.
        let least = head + u64::from(objects) * 28 + 40;
        if magic != INDEX_MAGIC || file.metadata()?.len() < least {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok((file, objects as usize))
    }

    fn is_old(&self, file: &str) -> bool {
        let written = rustix::fs::statat(&self.packs, file, AtFlags::SYMLINK_NOFOLLOW)
            .ok()
            .and_then(|stat| u64::try_from(stat.st_mtime).ok())
            .map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        written
            .and_then(|at| SystemTime::now().duration_since(at).ok())
            .is_some_and(|age| age > ORPHANED)
    }

    fn names(&self, folder: impl AsFd) -> Result<Vec<String>, WorkspaceError> {
        let failed = |e: Errno| self.failed("list", "", e.into());
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn failed(&self, what: &'static str, name: &str, source: io::Error) -> WorkspaceError {
        WorkspaceError::io(what, self.path.join(name))(source)
    }
}

/// Opens a folder of the repository, never through a link.
fn folder(at: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}
