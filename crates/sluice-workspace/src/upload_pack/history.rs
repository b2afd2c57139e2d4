//! Commits and their parents: what the client has, where its history is cut, which commits it still needs.

use std::collections::{HashMap, HashSet, VecDeque};

use git2::Repository;

use super::refs::Refs;
use super::request::Fetch;
use super::{pkt, protocol_error};
use crate::{Oid, WorkspaceError};

/// How much of the history is wanted.
#[derive(Debug, Default)]
pub(super) struct Depth {
    most: Option<u32>,
    is_relative: bool,
    since: Option<i64>,
    not: Vec<Oid>,
}

impl Depth {
    pub(super) fn of(fetch: &Fetch, refs: &Refs) -> Result<Self, WorkspaceError> {
        let mut not = Vec::new();
        for name in &fetch.not {
            let found = refs.find(name);
            not.push(found.ok_or_else(|| {
                protocol_error(format!("git upload-pack: deepen-not is not a ref: {name}"))
            })?);
        }
        Ok(Self {
            most: fetch.depth,
            is_relative: fetch.depth_is_relative,
            since: fetch.since,
            not,
        })
    }
}

/// Where the client's history will end.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// Commits whose parents are not sent.
    edge: HashSet<Oid>,
    /// Commits that are reached within the cut.
    inside: HashSet<Oid>,
}

impl Cut {
    /// Says which commits become shallow, and which no longer are.
    pub(super) fn tell(&self, client: &HashSet<Oid>, out: &mut Vec<u8>) {
        let mut lines: Vec<String> = self
            .edge
            .difference(client)
            .map(|oid| format!("shallow {oid}\n"))
            .collect();
        let whole = client
            .iter()
            .filter(|oid| self.inside.contains(oid) && !self.edge.contains(oid));
        lines.extend(whole.map(|oid| format!("unshallow {oid}\n")));
        lines.sort();
        for line in lines {
            pkt::text(out, &line);
        }
    }
}

/// The commits of a repository, each read once.
pub(super) struct History<'repo> {
    repo: &'repo Repository,
    /// The client's own cuts.
    shallow: HashSet<Oid>,
    read: HashMap<Oid, (Vec<Oid>, i64)>,
}

impl<'repo> History<'repo> {
    pub(super) fn new(repo: &'repo Repository, shallow: impl Iterator<Item = Oid>) -> Self {
        Self {
            repo,
            shallow: shallow.collect(),
            read: HashMap::new(),
        }
    }

    fn commit(&mut self, oid: Oid) -> Result<&(Vec<Oid>, i64), WorkspaceError> {
        if !self.read.contains_key(&oid) {
            let commit = self
                .repo
                .find_commit(oid.0)
                .map_err(WorkspaceError::object(oid))?;
            let parents = commit.parent_ids().map(Oid).collect();
            self.read.insert(oid, (parents, commit.time().seconds()));
        }
        Ok(&self.read[&oid])
    }

    pub(super) fn parents(&mut self, oid: Oid) -> Result<Vec<Oid>, WorkspaceError> {
        Ok(self.commit(oid)?.0.clone())
    }

    /// Everything that these objects reach, as far as they are commits or lead to one.
    pub(super) fn reached_whole(
        &mut self,
        tips: impl IntoIterator<Item = Oid>,
    ) -> Result<HashSet<Oid>, WorkspaceError> {
        let commits: Vec<Oid> = tips
            .into_iter()
            .filter(|oid| self.repo.find_commit(oid.0).is_ok())
            .collect();
        self.reached(commits, &HashSet::new())
    }

    /// What the client has when it has `common`: their pasts up to its own cuts.
    pub(super) fn client_has(&mut self, common: &[Oid]) -> Result<HashSet<Oid>, WorkspaceError> {
        let shallow = self.shallow.clone();
        self.reached(common.to_vec(), &shallow)
    }

    fn reached(
        &mut self,
        mut open: Vec<Oid>,
        ends: &HashSet<Oid>,
    ) -> Result<HashSet<Oid>, WorkspaceError> {
        let mut reached: HashSet<Oid> = open.iter().copied().collect();
        while let Some(oid) = open.pop() {
            if ends.contains(&oid) {
                continue;
            }
            for parent in self.parents(oid)? {
                if reached.insert(parent) {
                    open.push(parent);
                }
            }
        }
        Ok(reached)
    }

    /// Where the history below `tips` is cut. Without a depth the client's own cuts stay.
    pub(super) fn cut(&mut self, tips: &[Oid], depth: Depth) -> Result<Cut, WorkspaceError> {
        let deepens = depth.most.is_some() || depth.since.is_some() || !depth.not.is_empty();
        if !deepens {
            return Ok(Cut {
                edge: self.shallow.clone(),
                inside: HashSet::new(),
            });
        }
        let excluded = self.reached_whole(depth.not.iter().copied())?;
        let mut most = depth.most.unwrap_or(u32::MAX);
        if depth.is_relative && most < u32::MAX {
            most = most.saturating_add(self.present_depth(tips)?);
        }
        let too_old = |time: i64| depth.since.is_some_and(|since| time < since);
        let mut cut = Cut::default();
        let mut open: VecDeque<(Oid, u32)> = VecDeque::new();
        for tip in tips {
            let time = self.commit(*tip)?.1;
            if !too_old(time) && !excluded.contains(tip) && cut.inside.insert(*tip) {
                open.push_back((*tip, 1));
            }
        }
        if open.is_empty() {
            return Err(protocol_error("no commits selected for shallow requests"));
        }
        // Breadth first, so that a commit is met on its shortest way.
        while let Some((oid, at)) = open.pop_front() {
            for parent in self.parents(oid)? {
                let time = self.commit(parent)?.1;
                if at >= most || too_old(time) || excluded.contains(&parent) {
                    cut.edge.insert(oid);
                } else if cut.inside.insert(parent) {
                    open.push_back((parent, at + 1));
                }
            }
        }
        Ok(cut)
    }

    /// How deep the client's history goes now, from `tips` to its nearest cut.
    fn present_depth(&mut self, tips: &[Oid]) -> Result<u32, WorkspaceError> {
        let mut seen: HashSet<Oid> = tips.iter().copied().collect();
        let mut open: VecDeque<(Oid, u32)> = tips.iter().map(|tip| (*tip, 1)).collect();
        let mut deepest = 0;
        while let Some((oid, at)) = open.pop_front() {
            if self.shallow.contains(&oid) {
                deepest = deepest.max(at);
                continue;
            }
            for parent in self.parents(oid)? {
                if seen.insert(parent) {
                    open.push_back((parent, at + 1));
                }
            }
        }
        Ok(deepest)
    }

    /// The commits that the client does not have, near ones first, with the ones at its edge whose trees it has.
    pub(super) fn needed(
        &mut self,
        tips: &[Oid],
        cut: &Cut,
        common: &[Oid],
    ) -> Result<Needed, WorkspaceError> {
        let has = self.client_has(common)?;
        let mut sent = Needed::default();
        let mut seen: HashSet<Oid> = HashSet::new();
        // What the client has and was cut at, and no longer is: its parents are new to it.
        let mut open: VecDeque<Oid> = tips.iter().copied().collect();
        for oid in self.shallow.clone() {
            if cut.inside.contains(&oid) && !cut.edge.contains(&oid) && has.contains(&oid) {
                open.extend(self.parents(oid)?);
            }
        }
        while let Some(oid) = open.pop_front() {
            if !seen.insert(oid) {
                continue;
            }
            if has.contains(&oid) {
                sent.edge.push(oid);
                continue;
            }
            sent.commits.push(oid);
            if !cut.edge.contains(&oid) {
                open.extend(self.parents(oid)?);
            }
        }
        Ok(sent)
    }
}

/// Commits that go into a pack.
#[derive(Debug, Default)]
pub(super) struct Needed {
    /// Those that the client does not have.
    pub(super) commits: Vec<Oid>,
    /// Those next to them that it has.
    pub(super) edge: Vec<Oid>,
}
