//! Says which commit each line of a file comes from.
//!
//! Our own, for libgit2's visits a commit once for every way that leads to it, and cannot be
//! bounded: a history of a few hundred merges would keep it busy for ever.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::ops::Range;

use git2::{Commit, DiffOptions, Patch, Repository};
use sluice_path::RelPath;

use crate::refs::commit_of;
use crate::tree::{MODE_EXECUTABLE, MODE_FILE};
use crate::{CommitInfo, Oid, Repo, WorkspaceError, commit};

/// A larger file is not blamed, bytes.
const MOST_BYTES: usize = 2 << 20;
/// Commits that are looked at.
const MOST_WALKED: usize = 50_000;
/// Bytes that are compared, all versions together.
const MOST_COMPARED: usize = 256 << 20;

/// Whom the lines of a file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    /// There is no regular file at the path.
    NoFile,
    /// It is binary, or larger than 2 MiB.
    NotText,
    /// It was looked into.
    Lines {
        /// How many lines the file has.
        total: usize,
        /// The lines that were asked for, in order, each once.
        ranges: Vec<BlameRange>,
        /// The commits that the ranges name.
        commits: HashMap<Oid, CommitInfo>,
    },
}

/// Lines that follow each other and come from one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlameRange {
    /// The first of them; 1 is the first of the file.
    pub first: usize,
    /// How many.
    pub lines: usize,
    /// Where they come from; `None` when that is further back than is looked.
    pub commit: Option<Oid>,
}

impl Repo {
    /// Which commit, seen from the commit `from`, each of the lines `wanted` (counted from 0)
    /// comes from. Renames are not followed. Of a merge, a line is the first parent's that has it.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when a commit is not in the repository.
    pub fn blame(
        &self,
        from: &Oid,
        path: &RelPath,
        wanted: Range<usize>,
    ) -> Result<Blame, WorkspaceError> {
        let repo = self.raw()?;
        let start = commit_of(&repo, *from)?;
        let mut search = Search {
            repo: &repo,
            path: path.as_str(),
            open: BinaryHeap::new(),
            suspects: HashMap::new(),
            found: BTreeMap::new(),
            blobs: HashMap::new(),
            compared: 0,
        };
        let Some(blob) = search.blob(&start)? else {
            return Ok(Blame::NoFile);
        };
        let blob = search.content(blob)?;
        if blob.size() > MOST_BYTES || blob.is_binary() {
            return Ok(Blame::NotText);
        }
        let total = lines(blob.content());
        let end = wanted.end.min(total);
        if wanted.start < end {
            let all = Span {
                shown: wanted.start,
                here: wanted.start,
                lines: end - wanted.start,
            };
            search.suspect(&start, [all]);
        }
        search.run()?;
        let ranges = search.ranges();
        let mut commits = HashMap::new();
        for oid in ranges.iter().filter_map(|range| range.commit) {
            if let Entry::Vacant(new) = commits.entry(oid) {
                new.insert(commit::info(&repo, &commit_of(&repo, oid)?)?);
            }
        }
        Ok(Blame::Lines {
            total,
            ranges,
            commits,
        })
    }
}

/// Lines of the file as it is shown, and where they are in a commit that has them. Counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    shown: usize,
    here: usize,
    lines: usize,
}

struct Search<'r> {
    repo: &'r Repository,
    path: &'r str,
    /// Newest first, so that a commit is looked at when all that came after it was.
    open: BinaryHeap<(i64, Oid)>,
    suspects: HashMap<Oid, Vec<Span>>,
    /// By the first line.
    found: BTreeMap<usize, (usize, Option<Oid>)>,
    /// By tree: a commit is looked at as a parent, and then by itself.
    blobs: HashMap<git2::Oid, Option<git2::Oid>>,
    compared: usize,
}

impl<'r> Search<'r> {
    fn run(&mut self) -> Result<(), WorkspaceError> {
        let mut walked = 0;
        while let Some((_, oid)) = self.open.pop() {
            // Of a commit that was opened twice, all was taken the first time.
            let Some(spans) = self.suspects.remove(&oid) else {
                continue;
            };
            walked += 1;
            if walked > MOST_WALKED || self.compared > MOST_COMPARED {
                self.settle(spans, None);
                continue;
            }
            let commit = self
                .repo
                .find_commit(oid.0)
                .map_err(WorkspaceError::object(oid))?;
            let left = self.pass_on(&commit, spans)?;
            self.settle(left, Some(oid));
        }
        Ok(())
    }

    /// Hands what the parents have on to them, and gives back what is the commit's own.
    fn pass_on(
        &mut self,
        commit: &Commit<'r>,
        mut spans: Vec<Span>,
    ) -> Result<Vec<Span>, WorkspaceError> {
        let here = self.blob(commit)?;
        let mut parents = Vec::new();
        for oid in commit.parent_ids() {
            let parent = self
                .repo
                .find_commit(oid)
                .map_err(WorkspaceError::object(Oid(oid)))?;
            let there = self.blob(&parent)?;
            if there.is_some() && there == here {
                self.suspect(&parent, spans);
                return Ok(Vec::new());
            }
            if let Some(there) = there {
                parents.push((parent, there));
            }
        }
        let Some(here) = here.filter(|_| !parents.is_empty()) else {
            return Ok(spans);
        };
        let here = self.content(here)?;
        for (parent, there) in parents {
            let there = self.content(there)?;
            if there.size() > MOST_BYTES || there.is_binary() {
                continue;
            }
            self.compared += here.size() + there.size();
            let same = unchanged(there.content(), here.content())
                .map_err(WorkspaceError::git("compare two versions of a file"))?;
            let (passed, kept) = split(&spans, &same);
            if !passed.is_empty() {
                self.suspect(&parent, passed);
            }
            spans = kept;
        }
        Ok(spans)
    }

    fn suspect(&mut self, commit: &Commit<'_>, spans: impl IntoIterator<Item = Span>) {
        let oid = Oid(commit.id());
        self.suspects.entry(oid).or_default().extend(spans);
        self.open.push((commit.time().seconds(), oid));
    }

    fn settle(&mut self, spans: Vec<Span>, commit: Option<Oid>) {
        for span in spans {
            self.found.insert(span.shown, (span.lines, commit));
        }
    }

    /// What was found, neighbours of one commit put together.
    fn ranges(&self) -> Vec<BlameRange> {
        let mut ranges: Vec<BlameRange> = Vec::new();
        for (first, (lines, commit)) in &self.found {
            match ranges.last_mut() {
                Some(last) if last.commit == *commit => last.lines += lines,
                _ => ranges.push(BlameRange {
                    first: first + 1,
                    lines: *lines,
                    commit: *commit,
                }),
            }
        }
        ranges
    }

    /// The regular file at the path.
    fn blob(&mut self, commit: &Commit<'_>) -> Result<Option<git2::Oid>, WorkspaceError> {
        if let Some(known) = self.blobs.get(&commit.tree_id()) {
            return Ok(*known);
        }
        let tree = crate::tree::find_tree(self.repo, Oid(commit.tree_id()))?;
        let found = match tree.get_path(self.path.as_ref()) {
            Ok(entry) => {
                matches!(entry.filemode(), MODE_FILE | MODE_EXECUTABLE).then(|| entry.id())
            }
            Err(e) if e.code() == git2::ErrorCode::NotFound => None,
            Err(e) => return Err(WorkspaceError::git("look for a path")(e)),
        };
        self.blobs.insert(commit.tree_id(), found);
        Ok(found)
    }

    fn content(&self, oid: git2::Oid) -> Result<git2::Blob<'r>, WorkspaceError> {
        self.repo
            .find_blob(oid)
            .map_err(WorkspaceError::object(Oid(oid)))
    }
}

fn lines(text: &[u8]) -> usize {
    let breaks = text.iter().filter(|byte| **byte == b'\n').count();
    breaks + usize::from(text.last().is_some_and(|last| *last != b'\n'))
}

/// Lines that two versions share: where they are in the old one and in the new one, how many.
type Same = (usize, usize, usize);

fn unchanged(old: &[u8], new: &[u8]) -> Result<Vec<Same>, git2::Error> {
    let mut options = DiffOptions::new();
    options
        .context_lines(0)
        .interhunk_lines(0)
        .indent_heuristic(true)
        .force_text(true);
    let patch = Patch::from_buffers(old, None, new, None, Some(&mut options))?;
    let (mut old_at, mut new_at) = (0, 0);
    let mut same = Vec::new();
    for index in 0..patch.num_hunks() {
        let (hunk, _) = patch.hunk(index)?;
        // Of nothing, the line before is named.
        let place =
            |start: u32, count: u32| (start as usize).saturating_sub(usize::from(count > 0));
        let new_start = place(hunk.new_start(), hunk.new_lines());
        let old_start = place(hunk.old_start(), hunk.old_lines());
        same.push((old_at, new_at, new_start.saturating_sub(new_at)));
        old_at = old_start + hunk.old_lines() as usize;
        new_at = new_start + hunk.new_lines() as usize;
    }
    same.push((old_at, new_at, lines(new).saturating_sub(new_at)));
    same.retain(|(_, _, count)| *count > 0);
    Ok(same)
}

/// What of the spans lies in lines that are the same, as it is in the old version, and the rest.
fn split(spans: &[Span], same: &[Same]) -> (Vec<Span>, Vec<Span>) {
    let (mut passed, mut kept) = (Vec::new(), Vec::new());
    for span in spans {
        let (mut at, end) = (span.here, span.here + span.lines);
        let part = |from: usize, to: usize, here: usize| Span {
            shown: span.shown + (from - span.here),
            here,
            lines: to - from,
        };
        let first = same.partition_point(|(_, new, count)| new + count <= at);
        for (old, new, count) in &same[first..] {
            let (from, to) = (at.max(*new), end.min(new + count));
            if from >= to {
                break;
            }
            if at < from {
                kept.push(part(at, from, at));
            }
            passed.push(part(from, to, old + (from - new)));
            at = to;
        }
        if at < end {
            kept.push(part(at, end, at));
        }
    }
    (passed, kept)
}
