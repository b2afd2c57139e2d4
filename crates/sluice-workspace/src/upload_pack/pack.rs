//! Collects the objects of a set of commits and sends them as a pack.

use std::cell::RefCell;
use std::collections::HashSet;

use git2::{ObjectType, PackBuilder, PackBuilderStage, Repository};

use super::history::Needed;
use super::refs::Refs;
use super::request::Fetch;
use super::{Out, WireProtocol, pkt};
use crate::{Oid, WorkspaceError};

/// Objects are gathered into pieces of about this size before they go out, in bytes.
const PIECE: usize = 256 * 1024;
/// Progress is told each time so many objects were worked on.
const TELL_EACH: u32 = 1000;

/// Sends the pack with `commits` and all that they need beyond what the client has.
pub(super) fn send(
    repo: &Repository,
    refs: &Refs,
    fetch: &Fetch,
    protocol: WireProtocol,
    commits: &Needed,
    out: &mut Out<'_>,
) -> Result<(), WorkspaceError> {
    let failed = || WorkspaceError::git("make a pack");
    let band = Band {
        width: fetch.side_band,
        tells: fetch.side_band.is_some() && !fetch.no_progress,
    };
    let wire = RefCell::new(Wire {
        out,
        gone: false,
        waiting: Vec::new(),
        band,
    });
    let mut builder = repo.packbuilder().map_err(failed())?;
    // One thread: several clones at one time share the cores with the checks.
    builder.set_threads(1);
    insert(repo, refs, fetch, commits, &mut builder)?;
    builder
        .set_progress_callback(|stage, done, of| {
            if matches!(stage, PackBuilderStage::Deltafication)
                && (done % TELL_EACH == 0 || done == of)
            {
                let percent = u64::from(done) * 100 / u64::from(of.max(1));
                let end = if done == of { ", done.\n" } else { "\r" };
                wire.borrow_mut().tell(&format!(
                    "Compressing objects: {percent}% ({done}/{of}){end}"
                ));
            }
            !wire.borrow().gone
        })
        .map_err(failed())?;
    let made = builder.foreach(|bytes| wire.borrow_mut().data(bytes));
    let total = builder.object_count();
    drop(builder);
    let mut wire = wire.into_inner();
    if wire.gone {
        return Ok(());
    }
    if let Err(source) = made {
        wire.fail();
        return Err(failed()(source));
    }
    wire.data_flush();
    wire.tell(&format!("Total {total} (from the workspace)\n"));
    if wire.band.width.is_some() || protocol == WireProtocol::V2 {
        let mut end = Vec::new();
        pkt::flush(&mut end);
        (wire.out)(end);
    }
    Ok(())
}

/// Puts commits first, then tags, then trees and blobs, as libgit2 wants it for a good pack.
fn insert(
    repo: &Repository,
    refs: &Refs,
    fetch: &Fetch,
    commits: &Needed,
    builder: &mut PackBuilder<'_>,
) -> Result<(), WorkspaceError> {
    let failed = || WorkspaceError::git("make a pack");
    let mut seen = HashSet::new();
    for oid in &commits.edge {
        let commit = repo
            .find_commit(oid.0)
            .map_err(WorkspaceError::object(*oid))?;
        walk(repo, commit.tree_id(), &mut seen, &mut |_, _| Ok(()))?;
    }
    for oid in &commits.commits {
        builder.insert_object(oid.0, None).map_err(failed())?;
    }
    let mut tags: Vec<Oid> = fetch.wants.clone();
    if fetch.include_tag {
        let sent: HashSet<Oid> = commits.commits.iter().copied().collect();
        let with = refs.annotated().filter(|(_, end)| sent.contains(end));
        tags.extend(with.map(|(tag, _)| tag));
    }
    for tag in tags {
        let mut object = repo
            .find_object(tag.0, None)
            .map_err(WorkspaceError::object(tag))?;
        // A tag may tag a tag.
        while let Some(found) = object.as_tag() {
            if seen.insert(found.id()) {
                builder.insert_object(found.id(), None).map_err(failed())?;
            }
            let next = found.target().map_err(failed())?;
            object = next;
        }
        if matches!(object.kind(), Some(ObjectType::Tree | ObjectType::Blob)) {
            builder
                .insert_recursive(object.id(), None)
                .map_err(failed())?;
        }
    }
    for oid in &commits.commits {
        let commit = repo
            .find_commit(oid.0)
            .map_err(WorkspaceError::object(*oid))?;
        walk(repo, commit.tree_id(), &mut seen, &mut |object, name| {
            builder.insert_object(object, name).map_err(failed())
        })?;
    }
    Ok(())
}

/// Takes an object and its file name.
type Visit<'a> = dyn FnMut(git2::Oid, Option<&str>) -> Result<(), WorkspaceError> + 'a;

/// Visits each tree and blob below `root` that was not seen yet.
fn walk(
    repo: &Repository,
    root: git2::Oid,
    seen: &mut HashSet<git2::Oid>,
    visit: &mut Visit<'_>,
) -> Result<(), WorkspaceError> {
    if !seen.insert(root) {
        return Ok(());
    }
    visit(root, None)?;
    let mut open = vec![root];
    while let Some(oid) = open.pop() {
        let tree = repo
            .find_tree(oid)
            .map_err(WorkspaceError::object(Oid(oid)))?;
        for entry in &tree {
            // A submodule's commit lies in another repository.
            let is_tree = match entry.kind() {
                Some(ObjectType::Tree) => true,
                Some(ObjectType::Blob) => false,
                _ => continue,
            };
            if seen.insert(entry.id()) {
                visit(entry.id(), entry.name().ok())?;
                if is_tree {
                    open.push(entry.id());
                }
            }
        }
    }
    Ok(())
}

/// How pack data is wrapped.
struct Band {
    /// Bytes of data a line; `None`: not wrapped.
    width: Option<usize>,
    tells: bool,
}

/// The way to the client.
struct Wire<'a, 'b> {
    out: &'a mut Out<'b>,
    gone: bool,
    waiting: Vec<u8>,
    band: Band,
}

impl Wire<'_, '_> {
    /// Takes pack data; `false` when the client is gone, which stops the builder.
    fn data(&mut self, bytes: &[u8]) -> bool {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.data_flush();
        }
        !self.gone
    }

    fn data_flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.waiting);
        let piece = match self.band.width {
            Some(width) => wrapped(1, &bytes, width),
            None => bytes,
        };
        self.gone |= !(self.out)(piece);
    }

    fn tell(&mut self, text: &str) {
        if let (true, Some(width)) = (self.band.tells && !self.gone, self.band.width) {
            self.gone |= !(self.out)(wrapped(2, text.as_bytes(), width));
        }
    }

    fn fail(&mut self) {
        if let (false, Some(width)) = (self.gone, self.band.width) {
            (self.out)(wrapped(
                3,
                b"the pack could not be made; see the daemon's log\n",
                width,
            ));
        }
    }
}

fn wrapped(band: u8, bytes: &[u8], width: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / width * 5 + 5);
    let mut line = Vec::with_capacity(width + 1);
    for chunk in bytes.chunks(width) {
        line.clear();
        line.push(band);
        line.extend_from_slice(chunk);
        pkt::data(&mut out, &line);
    }
    out
}
