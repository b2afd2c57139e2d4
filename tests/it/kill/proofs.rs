//! Verifies the proofs of a story, with the key that it began with.

use std::collections::BTreeMap;

use sluice_proof::statement::{PROVENANCE, TEST_RESULT};
use sluice_proof::verify::{
    ChainEntry, CommitInfo, Expected, GateChain, Repository, Trust, verify,
};
use sluice_proof::{Signer, Signers, Subject};
use sluice_workspace::Repo;

use super::story::Story;

/// The gates that are decided in the story.
const DECIDED: [&str; 4] = ["g0", "g1", "g2", "g3"];

/// What is wrong with the proofs.
pub(crate) fn problems(story: &Story) -> Vec<String> {
    let repo = Repo::open(&story.git()).expect("the repository");
    let key = std::fs::read_to_string(story.data().join("signing_key")).expect("the key");
    let signers = Signers::one(
        "sluice",
        Signer::from_openssh(&key).expect("a key").public(),
    );
    let head = repo.head_commit().expect("HEAD").expect("a commit");
    let head = repo.commit_read(&head).expect("a commit");
    let commits = |oid: &str| {
        let commit = repo.commit_read(&oid.parse().ok()?).ok()?;
        Some(CommitInfo {
            tree: commit.tree.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            author: Some(commit.author.name),
        })
    };
    let repository = Repository {
        head: Some(Subject {
            commit: head.oid.to_string(),
            tree: head.tree.to_string(),
        }),
        gates: DECIDED.iter().map(|gate| chain(&repo, gate)).collect(),
        tags: repo
            .ref_list("refs/tags/gates/")
            .expect("the tags")
            .into_iter()
            .map(|(name, oid)| (name.replace("refs/tags/gates/", ""), oid.to_string()))
            .collect(),
        commits: &commits,
        audit: None,
        now: None,
    };
    let expected: Vec<Expected> = DECIDED
        .iter()
        .map(|gate| Expected {
            gate: (*gate).to_owned(),
            evidence: vec![TEST_RESULT.to_owned(), PROVENANCE.to_owned()],
        })
        .collect();
    let report = verify(&repository, Trust::Told(&signers), &expected);
    if report.verified {
        Vec::new()
    } else {
        vec![format!("the proofs do not hold: {report}")]
    }
}

fn chain(repo: &Repo, gate: &str) -> GateChain {
    let mut entries = Vec::new();
    let mut next = repo.ref_get(&format!("refs/gates/{gate}")).expect("a ref");
    while let Some(oid) = next {
        let commit = repo.commit_read(&oid).expect("a decision");
        let listed = repo.tree_list(&commit.tree).expect("its files");
        let files: BTreeMap<String, Vec<u8>> = listed
            .into_iter()
            .map(|entry| (entry.path, repo.blob_read(&entry.oid).expect("a file")))
            .collect();
        let (signature, signed_bytes) = match commit.signature {
            Some(signature) => (Some(signature.signature), signature.signed),
            None => (None, Vec::new()),
        };
        next = commit.parents.first().copied();
        entries.push(ChainEntry {
            commit: commit.oid.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            signed_bytes,
            signature,
            files,
        });
    }
    entries.reverse();
    GateChain {
        gate: gate.to_owned(),
        entries,
    }
}
