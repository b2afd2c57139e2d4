//! What is verified: refs, commits and files, as some adapter read them from git.

use crate::audit::AuditRow;
use crate::signers::Signers;
use crate::statement;
use crate::subject::Subject;
use std::collections::BTreeMap;

/// What is known of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// The author's name, if it is to be held against the approver's.
    pub author: Option<String>,
}

/// Looks commits up. A closure `|oid| -> Option<CommitInfo>` is one.
pub trait Commits {
    /// The commit of this id, if the repository has it.
    fn commit(&self, oid: &str) -> Option<CommitInfo>;
}

impl<F: Fn(&str) -> Option<CommitInfo>> Commits for F {
    fn commit(&self, oid: &str) -> Option<CommitInfo> {
        self(oid)
    }
}

/// One commit of `refs/gates/<gate>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEntry {
    /// Its id.
    pub commit: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// The commit object without its `gpgsig` header, as libgit2's `extract_signature` gives it.
    pub signed_bytes: Vec<u8>,
    /// The `gpgsig` header's value; none when the commit is not signed.
    pub signature: Option<String>,
    /// Every file of its tree, by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The commits of `refs/gates/<gate>`, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateChain {
    /// The gate.
    pub gate: String,
    /// From the root commit to the ref's tip, along first parents.
    pub entries: Vec<ChainEntry>,
}

/// What is verified.
pub struct Repository<'a> {
    /// HEAD's commit and tree; none in a repository without commits.
    pub head: Option<Subject>,
    /// The chains, in any order.
    pub gates: Vec<GateChain>,
    /// The tags `gates/<gate>`: gate to commit (annotated ones peeled).
    pub tags: BTreeMap<String, String>,
    /// All commits.
    pub commits: &'a dyn Commits,
    /// The audit log, or a part of it, when it is to be checked too; oldest row first.
    pub audit: Option<Vec<AuditRow>>,
    /// Now (RFC 3339, UTC), to tell which waivers are past their end; none leaves that out.
    pub now: Option<String>,
}

/// Whose signatures count.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// These, which the caller has from elsewhere.
    Told(&'a Signers),
    /// Whoever signed first, as the repository itself has it. Finds edits, not forgers.
    FirstSigner,
}

/// A gate that exists, and what its passing decision must have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The gate.
    pub gate: String,
    /// Predicate types that an approval must have as evidence; a waiver may stand for them.
    pub evidence: Vec<String>,
}

impl Expected {
    /// The gates in order, each demanding a test result.
    #[must_use]
    pub fn gates<'a>(gates: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let evidence = vec![statement::TEST_RESULT.to_owned()];
        gates
            .into_iter()
            .map(|gate| Self {
                gate: gate.to_owned(),
                evidence: evidence.clone(),
            })
            .collect()
    }
}
