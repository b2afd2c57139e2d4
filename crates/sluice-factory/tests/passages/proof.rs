//! What a stranger makes of the proofs: reads them out of git and verifies them.

use std::collections::BTreeMap;

use serde_json::Value;
use sluice_factory::Gate;
use sluice_proof::Subject;
use sluice_proof::audit::AuditRow;
use sluice_proof::verify::{
    ChainEntry, CommitInfo, Expected, GateChain, Report, Repository, Trust, verify,
};
use sluice_workspace::{Oid, Repo};

use crate::world::World;

/// Verifies all that the project's git data holds, trusting the daemon's key.
pub(crate) fn verified(world: &World) -> Report {
    verified_with(world, None)
}

/// The same with an audit log.
pub(crate) fn verified_with(world: &World, audit: Option<Vec<AuditRow>>) -> Report {
    let repo = world.repo();
    let commits = |oid: &str| {
        let commit = repo.commit_read(&oid.parse().ok()?).ok()?;
        Some(CommitInfo {
            tree: commit.tree.to_string(),
            parents: commit.parents.iter().map(Oid::to_string).collect(),
            author: Some(commit.author.name),
        })
    };
    let head = repo.head_commit().unwrap().unwrap();
    let tags = repo.ref_list("refs/tags/gates/").unwrap();
    let repository = Repository {
        head: Some(Subject {
            commit: head.to_string(),
            tree: repo.commit_read(&head).unwrap().tree.to_string(),
        }),
        gates: Gate::ALL
            .into_iter()
            .map(|gate| GateChain {
                gate: gate.to_string(),
                entries: chain(&repo, gate),
            })
            .filter(|chain| !chain.entries.is_empty())
            .collect(),
        tags: tags
            .into_iter()
            .map(|(name, oid)| {
                let gate = name.rsplit('/').next().unwrap();
                (gate.to_owned(), oid.to_string())
            })
            .collect(),
        commits: &commits,
        audit,
        now: Some("2026-11-22T00:00:00Z".to_owned()),
    };
    let expected = Expected::gates(Gate::ALL.map(Gate::as_str));
    verify(
        &repository,
        Trust::Told(&world.factory.signers()),
        &expected,
    )
}

/// The decisions of a gate, oldest first.
fn chain(repo: &Repo, gate: Gate) -> Vec<ChainEntry> {
    let Some(tip) = repo.ref_get(&format!("refs/gates/{gate}")).unwrap() else {
        return Vec::new();
    };
    let mut entries: Vec<ChainEntry> = repo
        .log(&tip, 100)
        .unwrap()
        .into_iter()
        .map(|commit| {
            let signature = commit.signature.unwrap();
            let files: BTreeMap<String, Vec<u8>> = repo
                .tree_list(&commit.tree)
                .unwrap()
                .into_iter()
                .map(|entry| (entry.path, repo.blob_read(&entry.oid).unwrap()))
                .collect();
            ChainEntry {
                commit: commit.oid.to_string(),
                parents: commit.parents.iter().map(Oid::to_string).collect(),
                signed_bytes: signature.signed,
                signature: Some(signature.signature),
                files,
            }
        })
        .collect();
    entries.reverse();
    entries
}

/// The predicate of a gate's newest decision.
pub(crate) fn decision(world: &World, gate: Gate) -> Value {
    let newest = chain(&world.repo(), gate).pop().unwrap();
    let statement: Value = serde_json::from_slice(&newest.files["decision.json"]).unwrap();
    statement["predicate"].clone()
}

/// Fails with what is wrong unless everything verifies.
#[track_caller]
pub(crate) fn expect_verified(world: &World) -> Report {
    let report = verified(world);
    assert!(report.verified, "{report}");
    report
}
