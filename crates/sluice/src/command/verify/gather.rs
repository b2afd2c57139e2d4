//! Reads proofs out of a repository that a stranger may have rewritten; what cannot be read becomes a problem.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use sluice_proof::Subject;
use sluice_proof::verify::{ChainEntry, CommitInfo, Commits, GateChain, Report, Repository};
use sluice_workspace::{EntryKind, Oid, Repo, WorkspaceError};

use crate::exit::chain as with_causes;

/// Where the chains of the gates are.
const GATES: &str = "refs/gates/";
/// Where the tags of the gates are.
const TAGS: &str = "refs/tags/gates/";
/// The most decisions of one gate that are read.
const MOST_DECISIONS: usize = 10_000;
/// The most files of one decision.
const MOST_FILES: usize = 10_000;
/// The most bytes of one decision, all files together.
const MOST_BYTES: u64 = 256 << 20;

/// What a repository has of proofs.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    head: Option<Subject>,
    gates: Vec<GateChain>,
    tags: BTreeMap<String, String>,
    /// Gate (or nothing, for the repository) and problem.
    problems: Vec<(Option<String>, String)>,
    notes: Vec<String>,
}

impl Gathered {
    /// Reads everything that there is.
    pub(super) fn from(repo: &Repo) -> Gathered {
        let mut gathered = Gathered::default();
        gathered.read_head(repo);
        gathered.read_gates(repo);
        gathered.read_tags(repo);
        gathered
    }

    /// The same as verification takes it.
    pub(super) fn repository<'a>(&self, commits: &'a dyn Commits) -> Repository<'a> {
        Repository {
            head: self.head.clone(),
            gates: self.gates.clone(),
            tags: self.tags.clone(),
            commits,
            audit: None,
            now: None,
        }
    }

    /// Looks commits up, each once.
    pub(super) fn commits<'a>(&self, repo: &'a Repo) -> impl Commits + use<'a> {
        let known: RefCell<HashMap<String, Option<CommitInfo>>> = RefCell::default();
        move |oid: &str| {
            if let Some(info) = known.borrow().get(oid) {
                return info.clone();
            }
            let info = look_up(repo, oid);
            known.borrow_mut().insert(oid.to_owned(), info.clone());
            info
        }
    }

    /// Puts what could not be read into the report.
    pub(super) fn tell(self, report: &mut Report) {
        for (gate, problem) in self.problems {
            report.verified = false;
            let gates = report.gates.iter_mut();
            match gates
                .into_iter()
                .find(|one| Some(&one.gate) == gate.as_ref())
            {
                Some(gate) => gate.problems.insert(0, problem),
                None => report.problems.push(problem),
            }
        }
        report.notes.extend(self.notes);
    }

    fn problem(&mut self, gate: Option<&str>, problem: impl Into<String>) {
        let gate = gate.map(str::to_owned);
        self.problems.push((gate, problem.into()));
    }

    fn read_head(&mut self, repo: &Repo) {
        let head = repo
            .head_commit()
            .and_then(|oid| oid.map(|oid| repo.commit_read(&oid)).transpose());
        match head {
            Ok(head) => {
                self.head = head.map(|commit| Subject {
                    commit: commit.oid.to_string(),
                    tree: commit.tree.to_string(),
                });
            }
            Err(error) => self.problem(
                None,
                format!("HEAD cannot be read: {}", with_causes(&error)),
            ),
        }
    }

    fn read_gates(&mut self, repo: &Repo) {
        let refs = match repo.ref_list(GATES) {
            Ok(refs) => refs,
            Err(error) => {
                self.problem(
                    None,
                    format!("the refs cannot be read: {}", with_causes(&error)),
                );
                return;
            }
        };
        if refs.is_empty() {
            self.notes.push(
                "there are no refs/gates/*; in a clone, fetch them: git fetch origin 'refs/gates/*:refs/gates/*' \
                 --tags"
                    .to_owned(),
            );
        }
        for (name, tip) in refs {
            let gate = name[GATES.len()..].to_owned();
            let mut chain = GateChain {
                gate: gate.clone(),
                entries: Vec::new(),
            };
            if let Err(problem) = read_chain(repo, tip, &mut chain.entries) {
                self.problem(Some(&gate), problem);
            }
            chain.entries.reverse();
            self.gates.push(chain);
        }
    }

    fn read_tags(&mut self, repo: &Repo) {
        // That the refs cannot be listed is said already.
        for (name, oid) in repo.ref_list(TAGS).unwrap_or_default() {
            let gate = name[TAGS.len()..].to_owned();
            match repo.commit_read(&oid) {
                Ok(commit) => {
                    self.tags.insert(gate, commit.oid.to_string());
                }
                Err(error) => {
                    let problem = format!(
                        "tag gates/{gate} leads to no commit: {}",
                        with_causes(&error)
                    );
                    self.problem(Some(&gate), problem);
                }
            }
        }
    }
}

/// Reads a chain from its tip to its root; what was read before a problem is kept.
fn read_chain(repo: &Repo, tip: Oid, entries: &mut Vec<ChainEntry>) -> Result<(), String> {
    let mut next = Some(tip);
    while let Some(oid) = next {
        if entries.len() == MOST_DECISIONS {
            return Err(format!("it has more than {MOST_DECISIONS} decisions"));
        }
        let unread =
            |error: WorkspaceError| format!("{oid} cannot be read: {}", with_causes(&error));
        let commit = repo.commit_read(&oid).map_err(unread)?;
        let files = read_files(repo, &commit.tree).map_err(|why| format!("{oid}: {why}"))?;
        let (signature, signed_bytes) = match commit.signature {
            Some(signature) => (Some(signature.signature), signature.signed),
            None => (None, Vec::new()),
        };
        next = commit.parents.first().copied();
        entries.push(ChainEntry {
            commit: commit.oid.to_string(),
            parents: commit.parents.iter().map(Oid::to_string).collect(),
            signed_bytes,
            signature,
            files,
        });
    }
    Ok(())
}

fn read_files(repo: &Repo, tree: &Oid) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let unread =
        |error: WorkspaceError| format!("its files cannot be read: {}", with_causes(&error));
    let listed = repo.tree_list(tree).map_err(unread)?;
    if listed.len() > MOST_FILES {
        return Err(format!("it has more than {MOST_FILES} files"));
    }
    // Sizes first: an object of a few bytes on disk may be gigabytes unpacked.
    let size: u64 = listed.iter().map(|entry| entry.size).sum();
    if size > MOST_BYTES {
        return Err(format!(
            "its files have {size} bytes; no decision is that large"
        ));
    }
    let mut files = BTreeMap::new();
    for entry in listed {
        if entry.kind != EntryKind::File {
            return Err(format!("{:?} is no regular file", entry.path));
        }
        files.insert(entry.path, repo.blob_read(&entry.oid).map_err(unread)?);
    }
    Ok(files)
}

fn look_up(repo: &Repo, oid: &str) -> Option<CommitInfo> {
    let wanted: Oid = oid.parse().ok()?;
    let commit = repo.commit_read(&wanted).ok()?;
    // An annotated tag is followed on reading, but it is not the commit.
    (commit.oid == wanted).then(|| CommitInfo {
        tree: commit.tree.to_string(),
        parents: commit.parents.iter().map(Oid::to_string).collect(),
        author: Some(commit.author.name),
    })
}
