//! Walks commits, page by page, without walking what earlier pages showed.

use std::collections::{BinaryHeap, HashMap, HashSet};

use git2::{Commit, ErrorCode, Repository, Sort};
use sluice_path::RelPath;

use crate::refs::commit_of;
use crate::{CommitInfo, Oid, Repo, WorkspaceError, commit};

mod cursor;

use cursor::Key;
pub use cursor::{HistoryCursor, InvalidCursor};

/// Commits that are looked at for one page; of a path that is rarely changed a page is short, or empty.
const MOST_WALKED: u32 = 5_000;

/// One page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// Commits, newest first by the committer's clock; a commit comes after one of its children.
    pub commits: Vec<CommitInfo>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<HistoryCursor>,
}

impl Repo {
    /// At most `limit` commits from `from` backwards, or from where a cursor stands. The pages
    /// together are what `git log` shows; with a path, what `git log -- PATH` shows: of a merge
    /// that took a path over from one side, only that side is followed. Renames are not.
    ///
    /// A page costs what it walks, however far back it lies, unless clocks ran backwards: then
    /// the walk is done again from the start, so that no commit comes twice or is left out.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when a commit is not in the repository,
    /// [`WorkspaceError::OtherCursor`] for the cursor of another path.
    pub fn history(
        &self,
        from: &Oid,
        path: Option<&RelPath>,
        cursor: Option<&HistoryCursor>,
        limit: usize,
    ) -> Result<HistoryPage, WorkspaceError> {
        let repo = self.raw()?;
        let path = path.map(RelPath::as_str);
        let Some(cursor) = cursor else {
            let mut walk = Walk::new(&repo, path, commit_of(&repo, *from)?.id())?;
            return walk.page(limit)?.ok_or(WorkspaceError::OtherCursor);
        };
        if !cursor.is_of(path) {
            return Err(WorkspaceError::OtherCursor);
        }
        if let Some(mut walk) = Walk::at(&repo, path, cursor)?
            && let Some(page) = walk.page(limit)?
        {
            return Ok(page);
        }
        let mut walk = Walk::new(&repo, path, cursor.start.0)?;
        while walk.walked < cursor.walked && walk.step()?.is_some() {}
        walk.page(limit)?.ok_or(WorkspaceError::OtherCursor)
    }

    /// The newest `limit` commits from `from` backwards, in the order of [`Repo::history`].
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when the commit is not in the repository.
    pub fn log(&self, from: &Oid, limit: usize) -> Result<Vec<CommitInfo>, WorkspaceError> {
        let page = self.history(from, None, None, limit)?;
        Ok(page.commits)
    }

    /// At most `limit` commits from `from` backwards that are not in the past of one of `known`, newest first.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when a commit is not in the repository.
    pub fn log_since(
        &self,
        from: &Oid,
        known: &[Oid],
        limit: usize,
    ) -> Result<Vec<CommitInfo>, WorkspaceError> {
        let failed = || WorkspaceError::git(format!("walk from {from}"));
        let repo = self.raw()?;
        let mut walk = repo.revwalk().map_err(failed())?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)
            .map_err(failed())?;
        walk.push(commit_of(&repo, *from)?.id()).map_err(failed())?;
        for oid in known {
            walk.hide(commit_of(&repo, *oid)?.id()).map_err(failed())?;
        }
        walk.take(limit)
            .map(|oid| {
                let commit = repo.find_commit(oid.map_err(failed())?);
                commit::info(&repo, &commit.map_err(failed())?)
            })
            .collect()
    }

    /// Whether `ancestor` is `commit` or lies in its past.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when one of them is not in the repository.
    pub fn is_ancestor(&self, ancestor: &Oid, commit: &Oid) -> Result<bool, WorkspaceError> {
        let repo = self.raw()?;
        let (old, new) = (
            commit_of(&repo, *ancestor)?.id(),
            commit_of(&repo, *commit)?.id(),
        );
        if old == new {
            return Ok(true);
        }
        repo.graph_descendant_of(new, old)
            .map_err(WorkspaceError::git("compare histories"))
    }
}

/// What a path is in a tree: an object and its mode.
type Side = Option<(git2::Oid, i32)>;

/// A walk under way. What it does next follows from the commits that are open and those that were
/// seen; of the latter a cursor keeps only the least key that was walked.
struct Walk<'r> {
    repo: &'r Repository,
    path: Option<&'r str>,
    start: Oid,
    open: BinaryHeap<Key>,
    seen: HashSet<Oid>,
    walked: u32,
    least: Option<Key>,
    /// Set when the walk goes on from a cursor: whatever lies above may have been walked before.
    unknown_from: Option<Key>,
    lost: bool,
    sides: HashMap<Oid, Side>,
}

impl<'r> Walk<'r> {
    fn new(
        repo: &'r Repository,
        path: Option<&'r str>,
        start: git2::Oid,
    ) -> Result<Self, WorkspaceError> {
        let mut walk = Self {
            repo,
            path,
            start: Oid(start),
            open: BinaryHeap::new(),
            seen: HashSet::new(),
            walked: 0,
            least: None,
            unknown_from: None,
            lost: false,
            sides: HashMap::new(),
        };
        let commit = walk.commit(Oid(start))?;
        walk.open(&commit);
        Ok(walk)
    }

    /// As it stood when the cursor was made; `None` when the cursor does not hold that.
    fn at(
        repo: &'r Repository,
        path: Option<&'r str>,
        cursor: &HistoryCursor,
    ) -> Result<Option<Self>, WorkspaceError> {
        let Some((least, open)) = &cursor.place else {
            return Ok(None);
        };
        let mut walk = Self::new(repo, path, cursor.start.0)?;
        (walk.open, walk.seen) = (BinaryHeap::new(), HashSet::new());
        for oid in open {
            let commit = walk.commit(*oid)?;
            walk.open(&commit);
        }
        walk.walked = cursor.walked;
        walk.least = Some(*least);
        walk.unknown_from = Some(*least);
        Ok(Some(walk))
    }

    /// The next page; `None` when the walk met a commit that it may have walked before.
    fn page(&mut self, limit: usize) -> Result<Option<HistoryPage>, WorkspaceError> {
        let mut commits = Vec::new();
        let end = self.walked.saturating_add(MOST_WALKED);
        while commits.len() < limit && self.walked < end {
            let Some((commit, shown)) = self.step()? else {
                break;
            };
            if self.lost {
                return Ok(None);
            }
            if shown {
                commits.push(commit::info(self.repo, &commit)?);
            }
        }
        let next = self.least.filter(|_| !self.open.is_empty()).map(|least| {
            let open = self.open.iter().map(|(_, oid)| *oid).collect();
            HistoryCursor::new(self.start, self.path, self.walked, least, open)
        });
        Ok(Some(HistoryPage { commits, next }))
    }

    /// Walks one commit, and says whether it is shown.
    fn step(&mut self) -> Result<Option<(Commit<'r>, bool)>, WorkspaceError> {
        let Some(key) = self.open.pop() else {
            return Ok(None);
        };
        self.walked += 1;
        self.least = Some(self.least.map_or(key, |least| least.min(key)));
        let commit = self.commit(key.1)?;
        let mut parents = commit
            .parent_ids()
            .map(|oid| self.commit(Oid(oid)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut shown = true;
        if self.path.is_some() {
            let here = self.side(&commit)?;
            let mut same = None;
            for (at, parent) in parents.iter().enumerate() {
                if self.side(parent)? == here {
                    same = Some(at);
                    break;
                }
            }
            shown = same.is_none() && !(parents.is_empty() && here.is_none());
            if let Some(at) = same {
                parents = vec![parents.swap_remove(at)];
            }
        }
        for parent in parents {
            self.open(&parent);
        }
        Ok(Some((commit, shown)))
    }

    fn open(&mut self, commit: &Commit<'_>) {
        let oid = Oid(commit.id());
        if self.seen.contains(&oid) {
            return;
        }
        let key = (commit.time().seconds(), oid);
        self.lost |= self.unknown_from.is_some_and(|from| key >= from);
        self.seen.insert(oid);
        self.open.push(key);
    }

    fn commit(&self, oid: Oid) -> Result<Commit<'r>, WorkspaceError> {
        self.repo
            .find_commit(oid.0)
            .map_err(WorkspaceError::object(oid))
    }

    /// What the path is in a commit.
    fn side(&mut self, commit: &Commit<'_>) -> Result<Side, WorkspaceError> {
        let tree = Oid(commit.tree_id());
        if let Some(side) = self.sides.get(&tree) {
            return Ok(*side);
        }
        let root = crate::tree::find_tree(self.repo, tree)?;
        let side = match root.get_path(self.path.unwrap_or_default().as_ref()) {
            Ok(entry) => Some((entry.id(), entry.filemode())),
            Err(e) if e.code() == ErrorCode::NotFound => None,
            Err(e) => return Err(WorkspaceError::git("look for a path")(e)),
        };
        self.sides.insert(tree, side);
        Ok(side)
    }
}
