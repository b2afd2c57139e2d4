//! A repository with one gate passed and proven, as the daemon would leave it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sluice_path::RelPath;
use sluice_proof::entry::{self, EntryInput};
use sluice_proof::statement::{
    self, CheckRun, Decision, DecisionKind, Provenance, TestCounts, Verdict, Who, WhoKind,
    provenance, test_result,
};
use sluice_proof::{GIT_NAMESPACE, Saw, Signer, Signers, Subject, layout, sha256_hex, sshsig};
use sluice_workspace::{Change, Identity, NewCommit, Oid, Repo};

use crate::world::World;

const AT: &str = "2026-11-21T09:00:00Z";

/// The repository, and who signed in it.
pub(crate) struct Proven {
    pub(crate) path: PathBuf,
    pub(crate) signers: Signers,
}

impl Proven {
    pub(crate) fn new(world: &World) -> Proven {
        Proven::with(world, |_| {})
    }

    /// With a decision that is another one than the usual approval.
    pub(crate) fn with(world: &World, change: impl FnOnce(&mut Decision)) -> Proven {
        let path = world.path("proven.git");
        let repo = Repo::create(&path).unwrap();
        let signer = Signer::generate("sluice test daemon");
        let signers = Signers::one("daemon@sluice", signer.public());

        let file = Change::write(RelPath::parse("README.md").unwrap(), "a project\n");
        let tree = repo.tree_build(None, &[file]).unwrap();
        let commit = commit(&repo, tree, "builder", None);
        let subject = Subject::new(commit.to_string(), tree.to_string()).unwrap();
        let files = decision(&subject, &signer, &signers, change);
        let tree = repo.tree_build_raw(None, &files).unwrap();
        let proof = self::commit(&repo, tree, "sluice", Some(&signer));
        for (name, oid) in [
            ("refs/heads/main", commit),
            ("refs/tags/gates/g0", commit),
            ("refs/gates/g0", proof),
        ] {
            repo.ref_move(name, None, oid, "test").unwrap();
        }
        Proven { path, signers }
    }
}

fn commit(repo: &Repo, tree: Oid, who: &str, signer: Option<&Signer>) -> Oid {
    let who = Identity {
        name: who.to_owned(),
        email: format!("{who}@localhost"),
    };
    let new = NewCommit {
        tree,
        parents: Vec::new(),
        author: who.clone(),
        committer: who,
        time: 1_795_251_600,
        message: "work".to_owned(),
        trailers: Vec::new(),
    };
    let Some(signer) = signer else {
        return repo.commit(&new, None).unwrap();
    };
    let sign = |bytes: &[u8]| Ok(sshsig(GIT_NAMESPACE, bytes, signer)?);
    repo.commit(&new, Some(&sign)).unwrap()
}

/// The files of an approval that saw a test result and a provenance.
fn decision(
    subject: &Subject,
    signer: &Signer,
    signers: &Signers,
    change: impl FnOnce(&mut Decision),
) -> Vec<(String, Vec<u8>)> {
    let check = CheckRun {
        name: "build".into(),
        verdict: Verdict::Pass,
        required: true,
        exit_code: Some(0),
        end: "exited".into(),
        cached: false,
        cached_from: None,
        wall_ms: 1,
        command: vec!["npm".into()],
        engine: "native".into(),
        image: None,
        unenforced: Vec::new(),
        network: false,
        tests: TestCounts {
            passed: 1,
            failed: 0,
            skipped: 0,
        },
        log: None,
        reports: Vec::new(),
    };
    let results = test_result(subject, ("g0", "run", 0), Vec::new(), vec![check], AT);
    let made = Provenance {
        gate: "g0".into(),
        reply_sha256: None,
        agent: Some("builder".into()),
        model: None,
        dependencies: Vec::new(),
        builder_id: "urn:sluice:daemon/test".into(),
        version: "0.1.0".into(),
        invocation_id: "run/0".into(),
        started_on: AT.into(),
        finished_on: AT.into(),
    };
    let evidence = vec![
        (
            entry::TEST_RESULT.to_owned(),
            results.sign(signer).unwrap().to_bytes(),
        ),
        (
            entry::PROVENANCE.to_owned(),
            provenance(subject, made).sign(signer).unwrap().to_bytes(),
        ),
    ];
    let kinds = [statement::TEST_RESULT, statement::PROVENANCE];
    let saw = evidence.iter().zip(kinds).map(|((path, bytes), kind)| Saw {
        predicate_type: kind.to_owned(),
        sha256: sha256_hex(bytes),
        path: path.clone(),
    });
    let mut decision = Decision {
        project: "todo".into(),
        gate: "g0".into(),
        run: "run".into(),
        step: 4,
        attempt: 0,
        decision: DecisionKind::Approved,
        who: Who {
            name: "ada".into(),
            kind: WhoKind::Person,
            role: "approver".into(),
        },
        comment: "looked at it".into(),
        subject_digest: String::new(),
        saw: saw.collect(),
        authors: Vec::new(),
        fields: BTreeMap::new(),
        waivers: Vec::new(),
        escalations: Vec::new(),
        attempts: Vec::new(),
        documents: Vec::new(),
        previous: None,
        at: AT.into(),
        sluice_version: "0.1.0".into(),
        sent_back: None,
        audit: None,
        files: Vec::new(),
    };
    change(&mut decision);
    decision.subject_digest = decision.computed_digest(subject);
    let input = EntryInput {
        subject: subject.clone(),
        decision,
        evidence,
        reports: Vec::new(),
        logs: Vec::new(),
        passed: Vec::new(),
        signers,
        expires: layout::FAR_EXPIRY,
    };
    entry::entry(input, signer).unwrap()
}
