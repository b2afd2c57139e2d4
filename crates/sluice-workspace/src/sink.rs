//! Takes the new objects of a tree: few go to a file each, many into one pack.
//!
//! A thousand small files cost a thousand times making, naming and syncing one; a pack costs it
//! once. Many packs in turn make every look-up slower, so a few objects stay loose.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Write;

use flate2::{Compress, CompressError, Compression, FlushCompress, Status};
use git2::{Mempack, ObjectType, Odb, OdbLookupFlags, Repository, Tree, TreeBuilder};
use sha1::{Digest, Sha1};

use crate::{Oid, WorkspaceError};

/// Fewer new files than this are written loose.
const PACK_FROM: usize = 16;
/// Bytes that are handed to libgit2 at a time; it maps the file anew for each piece.
const PIECE: usize = 1 << 20;

/// Where the objects of one change set go.
pub(crate) struct Sink<'r> {
    disk: &'r Repository,
    memory: Option<Memory>,
}

/// Objects that are held back until they are packed.
struct Memory {
    repo: Repository,
    made: RefCell<Vec<git2::Oid>>,
}

impl<'r> Sink<'r> {
    /// A sink for about `files` new files.
    pub(crate) fn new(disk: &'r Repository, files: usize) -> Result<Self, WorkspaceError> {
        let memory = (files >= PACK_FROM)
            .then(|| memory(disk))
            .transpose()
            .map_err(WorkspaceError::git("hold objects in memory"))?;
        Ok(Self { disk, memory })
    }

    /// Where the objects are that were there before.
    pub(crate) fn disk(&self) -> &'r Repository {
        self.disk
    }

    pub(crate) fn blob(&self, bytes: &[u8]) -> Result<Oid, git2::Error> {
        match &self.memory {
            None => self.disk.blob(bytes).map(Oid),
            Some(memory) => memory.repo.blob(bytes).map(|oid| memory.note(oid)),
        }
    }

    /// Begins a tree with the entries of `base`.
    pub(crate) fn tree(&self, base: Option<&Tree<'_>>) -> Result<TreeBuilder<'_>, git2::Error> {
        match &self.memory {
            None => self.disk.treebuilder(base),
            Some(memory) => memory.repo.treebuilder(base),
        }
    }

    pub(crate) fn tree_write(&self, builder: &TreeBuilder<'_>) -> Result<Oid, git2::Error> {
        let oid = builder.write()?;
        Ok(match &self.memory {
            None => Oid(oid),
            Some(memory) => memory.note(oid),
        })
    }

    /// Puts what was held back into the repository, as far as it is not there yet.
    pub(crate) fn finish(self) -> Result<(), WorkspaceError> {
        let Some(memory) = self.memory else {
            return Ok(());
        };
        let failed = || WorkspaceError::git("write a pack");
        let disk = self.disk.odb().map_err(failed())?;
        let held = memory.repo.odb().map_err(failed())?;
        let mut seen = HashSet::new();
        let mut new = memory.made.into_inner();
        new.retain(|oid| seen.insert(*oid) && !disk.exists_ext(*oid, OdbLookupFlags::NO_REFRESH));
        if new.len() < PACK_FROM {
            for oid in new {
                let object = held.read(oid).map_err(failed())?;
                disk.write(object.kind(), object.data()).map_err(failed())?;
            }
            return Ok(());
        }
        pack(&disk, &held, &new)
    }
}

impl Memory {
    fn note(&self, oid: git2::Oid) -> Oid {
        self.made.borrow_mut().push(oid);
        Oid(oid)
    }
}

/// A repository without a disk, under the configuration of one that has it: the same names are
/// refused, and nothing is looked up in folders.
fn memory(disk: &Repository) -> Result<Memory, git2::Error> {
    let odb = Odb::new()?;
    // The object database owns it; only `dump` and `reset` would need the handle.
    let _: Mempack<'_> = odb.add_new_mempack_backend(1)?;
    let repo = Repository::from_odb(odb)?;
    repo.set_config(&disk.config()?)?;
    Ok(Memory {
        repo,
        made: RefCell::default(),
    })
}

/// Writes a pack (gitformat-pack, version 2) of whole objects; libgit2 checks it and makes its index.
fn pack(disk: &Odb<'_>, held: &Odb<'_>, oids: &[git2::Oid]) -> Result<(), WorkspaceError> {
    let failed = || WorkspaceError::git("write a pack");
    let mut writer = disk.packwriter().map_err(failed())?;
    let mut hash = Sha1::new();
    let count = u32::try_from(oids.len())
        .map_err(|_| failed()(git2::Error::from_str("more objects than a pack can hold")))?;
    let mut piece = Vec::with_capacity(PIECE * 2);
    // One for all: making its tables takes longer than deflating a small file.
    let mut deflate = Compress::new(Compression::fast(), true);
    piece.extend(b"PACK\0\0\0\x02");
    piece.extend(count.to_be_bytes());
    for oid in oids {
        let object = held.read(*oid).map_err(failed())?;
        entry_head(&mut piece, object.kind(), object.len());
        deflate.reset();
        deflate_into(&mut deflate, object.data(), &mut piece).map_err(broken)?;
        if piece.len() >= PIECE {
            hash.update(&piece);
            writer.write_all(&piece).map_err(broken)?;
            piece.clear();
        }
    }
    hash.update(&piece);
    piece.extend(hash.finalize());
    writer.write_all(&piece).map_err(broken)?;
    writer.commit().map_err(failed())?;
    Ok(())
}

fn broken(error: impl std::error::Error) -> WorkspaceError {
    WorkspaceError::git("write a pack")(git2::Error::from_str(&error.to_string()))
}

/// Appends the whole of `data`, deflated.
fn deflate_into(
    deflate: &mut Compress,
    data: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CompressError> {
    let mut done = 0;
    loop {
        out.reserve((data.len() - done) / 2 + 64);
        let before = deflate.total_in();
        let status = deflate.compress_vec(&data[done..], out, FlushCompress::Finish)?;
        done += (deflate.total_in() - before) as usize;
        if status == Status::StreamEnd {
            return Ok(());
        }
    }
}

/// The kind in three bits, the size in four and then in sevens, lowest first.
fn entry_head(out: &mut Vec<u8>, kind: ObjectType, size: usize) {
    let kind = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Blob => 3,
        _ => 4,
    };
    let low = |bits: u32| (size & ((1 << bits) - 1)) as u8;
    let mut byte = (kind << 4) | low(4);
    let mut rest = size >> 4;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}
