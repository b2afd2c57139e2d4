//! The refs that a client may see, and whether it may have what it wants.

use std::collections::HashSet;

use git2::{ObjectType, Repository};

use super::history::History;
use super::request::Wanted;
use super::{pkt, protocol_error};
use crate::{Oid, Repo, WorkspaceError};

const AGENT: &str = concat!("agent=sluice/", env!("CARGO_PKG_VERSION"));

/// The visible refs as they stood when the request came.
pub(super) struct Refs {
    /// The branch that HEAD names and its commit, if it has one.
    head: Option<(String, Option<Oid>)>,
    /// Name, object, and what an annotated tag leads to; sorted by name.
    all: Vec<(String, Oid, Option<Oid>)>,
}

impl Refs {
    pub(super) fn read(repo: &Repo, hidden: &[&str]) -> Result<Self, WorkspaceError> {
        let raw = repo.raw()?;
        let failed = || WorkspaceError::git("list refs");
        let mut all = Vec::new();
        for reference in raw.references().map_err(failed())? {
            let reference = reference.map_err(failed())?;
            let (Ok(name), Some(oid)) = (reference.name(), reference.target()) else {
                continue;
            };
            if hidden.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            // A ref whose object is gone is not offered: it would break every clone.
            let Ok(object) = raw.find_object(oid, None) else {
                continue;
            };
            let peeled = (object.kind() == Some(ObjectType::Tag))
                .then(|| object.peel(ObjectType::Any).ok().map(|end| Oid(end.id())))
                .flatten();
            all.push((name.to_owned(), Oid(oid), peeled));
        }
        all.sort();
        let head = raw
            .find_reference("HEAD")
            .ok()
            .and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned))
            .map(|branch| {
                let found = all.iter().find(|(name, ..)| *name == branch);
                let commit = found.map(|(_, oid, _)| *oid);
                (branch, commit)
            });
        Ok(Self { head, all })
    }

    /// The advertisement of protocol 0 with smart HTTP's first line.
    pub(super) fn advertise_v0(&self, out: &mut Vec<u8>) {
        pkt::text(out, "# service=git-upload-pack\n");
        pkt::flush(out);
        let mut words =
            "multi_ack_detailed side-band side-band-64k ofs-delta shallow deepen-since \
                         deepen-not deepen-relative no-progress include-tag object-format=sha1"
                .to_owned();
        if let Some((branch, Some(_))) = &self.head {
            words.push_str(&format!(" symref=HEAD:{branch}"));
        }
        let mut words = Some(format!("\0{words} {AGENT}"));
        let mut tell = |out: &mut Vec<u8>, oid: &Oid, name: &str| {
            let words = words.take().unwrap_or_default();
            pkt::text(out, &format!("{oid} {name}{words}\n"));
        };
        if let Some((_, Some(commit))) = &self.head {
            tell(out, commit, "HEAD");
        }
        for (name, oid, peeled) in &self.all {
            tell(out, oid, name);
            if let Some(peeled) = peeled {
                tell(out, peeled, &format!("{name}^{{}}"));
            }
        }
        if self.all.is_empty() {
            let none = Oid(git2::Oid::ZERO_SHA1);
            tell(out, &none, "capabilities^{}");
        }
        pkt::flush(out);
    }

    /// The answer to `ls-refs` of protocol 2.
    pub(super) fn list_v2(&self, wanted: &Wanted, out: &mut Vec<u8>) {
        let shown = |name: &str| {
            wanted.prefixes.is_empty()
                || wanted
                    .prefixes
                    .iter()
                    .any(|prefix| name.starts_with(prefix.as_str()))
        };
        if let Some((branch, commit)) = &self.head
            && shown("HEAD")
        {
            let target = match wanted.symrefs {
                true => format!(" symref-target:{branch}"),
                false => String::new(),
            };
            match commit {
                Some(commit) => pkt::text(out, &format!("{commit} HEAD{target}\n")),
                None if wanted.unborn => pkt::text(out, &format!("unborn HEAD{target}\n")),
                None => {}
            }
        }
        for (name, oid, peeled) in self.all.iter().filter(|(name, ..)| shown(name)) {
            let end = match peeled {
                Some(peeled) if wanted.peel => format!(" peeled:{peeled}"),
                _ => String::new(),
            };
            pkt::text(out, &format!("{oid} {name}{end}\n"));
        }
        pkt::flush(out);
    }

    /// Refuses a want that no visible ref reaches. A tip that moved on since the client looked is still reached.
    pub(super) fn wants_check(
        &self,
        wants: &[Oid],
        history: &mut History<'_>,
    ) -> Result<(), WorkspaceError> {
        let offered: HashSet<Oid> = self
            .all
            .iter()
            .flat_map(|(_, oid, peeled)| [Some(*oid), *peeled])
            .flatten()
            .collect();
        let mut others: HashSet<Oid> = wants
            .iter()
            .copied()
            .filter(|want| !offered.contains(want))
            .collect();
        if !others.is_empty() {
            let reached = history.reached_whole(offered)?;
            others.retain(|want| !reached.contains(want));
        }
        match others.into_iter().min() {
            Some(other) => Err(protocol_error(format!("upload-pack: not our ref {other}"))),
            None => Ok(()),
        }
    }

    /// The commits that the wants lead to.
    pub(super) fn commits_of(
        &self,
        repo: &Repository,
        wants: &[Oid],
    ) -> Result<Vec<Oid>, WorkspaceError> {
        let mut commits = Vec::new();
        let mut seen = HashSet::new();
        for want in wants {
            let object = repo
                .find_object(want.0, None)
                .map_err(WorkspaceError::object(*want))?;
            if let Ok(commit) = object.peel_to_commit()
                && seen.insert(commit.id())
            {
                commits.push(Oid(commit.id()));
            }
        }
        Ok(commits)
    }

    /// The object of a visible ref, by its full name or as a branch or tag.
    pub(super) fn find(&self, name: &str) -> Option<Oid> {
        let names = [
            name.to_owned(),
            format!("refs/heads/{name}"),
            format!("refs/tags/{name}"),
        ];
        let mut all = self.all.iter();
        all.find(|(one, ..)| names.contains(one))
            .map(|(_, oid, peeled)| peeled.unwrap_or(*oid))
    }

    /// Annotated tags with what they lead to.
    pub(super) fn annotated(&self) -> impl Iterator<Item = (Oid, Oid)> + '_ {
        self.all
            .iter()
            .filter_map(|(_, oid, peeled)| peeled.map(|peeled| (*oid, peeled)))
    }
}

/// The advertisement of protocol 2.
pub(super) fn capabilities_v2(out: &mut Vec<u8>) {
    pkt::text(out, "version 2\n");
    pkt::text(out, &format!("{AGENT}\n"));
    pkt::text(out, "ls-refs=unborn\n");
    pkt::text(out, "fetch=shallow\n");
    pkt::text(out, "object-format=sha1\n");
    pkt::flush(out);
}
