//! Our own verification: the honest repository passes, every change that a stranger could make is named.

use crate::world::{Read, World, person, problems};
use proptest::prelude::*;
use sluice_proof::statement::{Decision, DecisionKind, Document, WhoKind};
use sluice_proof::verify::{ChainEntry, GateChain, Trust};
use sluice_proof::{Signer, Signers, Subject, entry, sshsig};

/// The honest one, read once a test.
fn honest() -> (World, Read) {
    let world = World::passed();
    let read = world.read();
    (world, read)
}

#[test]
fn an_honest_repository_verifies_and_says_what_covers_head() {
    let (world, read) = honest();
    let report = read.verify(Trust::Told(&world.signers));
    assert!(report.verified, "{report}");
    let head = report.head.clone().unwrap();
    assert_eq!(head.covered_by, ["g4"]);
    assert!(head.missing.is_empty());
    assert_eq!(
        report.gates[1].decisions, 2,
        "the refused run stays in the chain"
    );
    assert_eq!(report.gates[2].decision, Some(DecisionKind::NotApplicable));
    assert_eq!(report.gates[3].waivers.len(), 1);
    assert_eq!(report.gates[4].by.as_deref(), Some("ada"));
    let shown = report.to_string();
    assert!(
        shown.contains("G4      approved") && shown.ends_with("verified\n"),
        "{shown}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verified"], true);
    assert_eq!(json["gates"][4]["decision"], "approved");
    assert_eq!(json["gates"][4]["evidence"][0]["result"], "PASSED");
}

#[test]
fn the_first_signer_is_named_as_nobody_s_word() {
    let (_, read) = honest();
    let report = read.verify(Trust::FirstSigner);
    assert!(report.verified, "{report}");
    assert!(
        report.to_string().contains("nobody vouches for it"),
        "{report}"
    );
}

#[test]
fn a_project_under_way_verifies_and_names_what_is_to_come() {
    let mut world = World::empty();
    world.pass("g0", DecisionKind::Approved);
    let report = world.read().verify(Trust::Told(&world.signers));
    assert!(report.verified, "{report}");
    assert_eq!(report.head.unwrap().missing, ["g1", "g2", "g3", "g4"]);
}

#[test]
fn a_gate_that_is_passed_anew_reopens_the_ones_after_it() {
    let mut world = World::passed();
    // What went before g1 is what went before it the first time.
    let before = world.read();
    let g0 = before.chains[0].entries.last().unwrap();
    let g0: Vec<_> = g0.files.clone().into_iter().collect();
    let subject = world.commit("g1 edited by hand");
    let mut case = world.case(&subject, DecisionKind::Approved);
    case.previous = entry::previous("g0", &g0);
    case.passed.truncate(1);
    let files = world.entry("g1", case);
    world.append("g1", &files);
    let stale = world.read().verify(Trust::Told(&world.signers));
    assert!(
        problems(&stale).contains("HEAD is not what g1 passed"),
        "{stale}"
    );

    world.advance(&subject);
    let mut read = world.read();
    read.tags.insert("g1".into(), subject.commit);
    let report = read.verify(Trust::Told(&world.signers));
    assert!(report.verified, "{report}");
    let head = report.head.unwrap();
    assert_eq!(
        (head.covered_by, head.missing),
        (
            vec!["g1".to_owned()],
            vec!["g2".into(), "g3".into(), "g4".into()]
        )
    );
    assert!(report.gates[4].reopened);
}

#[test]
fn no_byte_of_any_file_can_change() {
    let (world, read) = honest();
    for gate in ["g1", "g4"] {
        for path in read.clone().last(gate).files.keys() {
            let size = read.clone().last(gate).files[path].len();
            for at in (0..size).step_by((size / 9).max(1)).chain([size - 1]) {
                let mut bent = read.clone();
                bent.last(gate).files.get_mut(path).unwrap()[at] ^= 1;
                let report = bent.verify(Trust::Told(&world.signers));
                assert!(!report.verified, "{gate} {path} byte {at}");
            }
            for change in [&b" "[..], b"\n", b"x"] {
                let mut bent = read.clone();
                bent.last(gate)
                    .files
                    .get_mut(path)
                    .unwrap()
                    .extend_from_slice(change);
                assert!(
                    !bent.verify(Trust::Told(&world.signers)).verified,
                    "{gate} {path} + {change:?}"
                );
            }
            let mut bent = read.clone();
            bent.last(gate).files.remove(path);
            assert!(
                !bent.verify(Trust::Told(&world.signers)).verified,
                "{gate} {path} removed"
            );
        }
    }
}

#[test]
fn every_edit_of_a_stranger_is_named() {
    let (world, read) = honest();
    let stranger = Signer::generate("stranger");
    let other = Subject::new("1".repeat(40), "2".repeat(40)).unwrap();
    type Edit<'a> = Box<dyn Fn(&mut Read) + 'a>;
    let edits: Vec<(&str, Edit<'_>)> = vec![
        (
            "not part of the decision",
            Box::new(|r| drop(r.last("g4").files.insert("extra".into(), b"x".to_vec()))),
        ),
        (
            "the commit is not signed",
            Box::new(|r| r.last("g4").signature = None),
        ),
        (
            "not a trusted signer",
            Box::new(|r| {
                let entry = r.last("g4");
                entry.signature = Some(sshsig("git", &entry.signed_bytes, &stranger).unwrap());
            }),
        ),
        (
            "does not match its bytes",
            Box::new(|r| *r.last("g4").signed_bytes.last_mut().unwrap() = b'!'),
        ),
        (
            "it is for \"git\"",
            Box::new(|r| {
                let signature = r.last("g4").signature.clone().unwrap();
                r.last("g4")
                    .files
                    .insert(entry::DECISION_SIG.into(), signature.into_bytes());
            }),
        ),
        (
            "parents are not the signed ones",
            Box::new(|r| r.last("g1").parents.clear()),
        ),
        (
            "the chain was rewritten",
            Box::new(|r| r.chain("g1").entries.swap(0, 1)),
        ),
        (
            "the chain was rewritten",
            Box::new(|r| drop(r.chain("g1").entries.remove(0))),
        ),
        (
            "is for gate \"g4\"",
            Box::new(|r| {
                let entry = r.last("g4").clone();
                *r.last("g3") = entry;
            }),
        ),
        (
            "before it was not",
            Box::new(|r| r.chains.retain(|chain| chain.gate != "g2")),
        ),
        (
            "is not in the chain",
            Box::new(|r| r.chain("g1").entries.truncate(1)),
        ),
        (
            "has tree",
            Box::new(|r| {
                let commit = r.head.clone().unwrap().commit;
                r.commits.get_mut(&commit).unwrap().tree = "2".repeat(40);
            }),
        ),
        (
            "is not in the repository",
            Box::new(|r| {
                let commit = r.head.clone().unwrap().commit;
                r.commits.remove(&commit);
            }),
        ),
        (
            "not built on the one that",
            Box::new(|r| {
                let commit = r.head.clone().unwrap().commit;
                r.commits.get_mut(&commit).unwrap().parents.clear();
            }),
        ),
        (
            "HEAD is not what g4 passed",
            Box::new(|r| r.head = Some(other.clone())),
        ),
        ("HEAD has no commit", Box::new(|r| r.head = None)),
        (
            "tag gates/g1 is on",
            Box::new(|r| drop(r.tags.insert("g1".into(), "3".repeat(40)))),
        ),
        (
            "no decision lets the gate pass",
            Box::new(|r| {
                r.chains.retain(|chain| chain.gate != "g4");
            }),
        ),
        (
            "belongs to no gate",
            Box::new(|r| r.chain("g4").gate = "g9".into()),
        ),
        ("no gate has a proof", Box::new(|r| r.chains.clear())),
    ];
    for (said, edit) in edits {
        let mut bent = read.clone();
        edit(&mut bent);
        let report = bent.verify(Trust::Told(&world.signers));
        assert!(!report.verified, "{said}");
        assert!(
            problems(&report).contains(said),
            "expected {said:?} in:\n{}",
            problems(&report)
        );
    }
}

/// Decisions that the daemon's own key signed although it must not have.
#[test]
fn a_wrong_decision_is_refused_whoever_signed_it() {
    type Bend = fn(&mut crate::world::Case, &World);
    let bends: Vec<(&str, Bend)> = vec![
        ("who is not a person", |case, _| {
            case.who.kind = WhoKind::Agent
        }),
        ("who is not a person", |case, _| {
            case.who.kind = WhoKind::Daemon
        }),
        ("who is an author of it", |case, _| {
            case.authors = vec![person("Ada ")]
        }),
        ("who is an author of it", |case, _| {
            case.who = person("builder")
        }),
        ("without its evidence", |case, _| {
            case.with_test_result = false
        }),
        ("did not pass", |case, _| {
            case.verdict = sluice_proof::statement::Verdict::Unknown
        }),
        ("is not complete", |case, _| {
            case.documents = vec![Document {
                path: "docs/prd.md".into(),
                sha256: "0".repeat(64),
                complete: false,
            }];
        }),
        ("does not say what", |case, _| {
            case.kind = DecisionKind::Waived;
            case.waivers.clear();
        }),
        ("names no decision", |case, _| case.previous = None),
        ("was skipped", |case, _| {
            case.previous.as_mut().unwrap().gate = "g2".into()
        }),
        ("is not in the chain", |case, _| {
            case.previous.as_mut().unwrap().sha256 = "0".repeat(64)
        }),
        ("has other gates than were passed", |case, _| {
            drop(case.passed.remove(1))
        }),
        ("does not lead from the tree", |case, _| {
            case.passed[1].1 = "2".repeat(40)
        }),
    ];
    let mut world = four_gates();
    let subject = world.commit("g4 work");
    let honest = world.case(&subject, DecisionKind::Approved);
    let honest = world.entry("g4", honest);
    world.append("g4", &honest);
    world.advance(&subject);
    let report = world.read().verify(Trust::Told(&world.signers));
    assert!(
        report.verified,
        "unbent it must pass, or the test shows nothing: {report}"
    );
    for (said, bend) in bends {
        world.retract("g4");
        let mut case = world.case(&subject, DecisionKind::Approved);
        bend(&mut case, &world);
        let files = world.entry("g4", case);
        world.append("g4", &files);
        let report = world.read().verify(Trust::Told(&world.signers));
        let found = problems(&report);
        assert!(
            !report.verified && found.contains(said),
            "expected {said:?} in:\n{found}"
        );
        assert_eq!(
            found.lines().filter(|line| line.starts_with("g4:")).count(),
            1,
            "nothing else is wrong with it:\n{found}"
        );
    }
}

fn four_gates() -> World {
    let mut world = World::empty();
    world.pass("g0", DecisionKind::Approved);
    world.pass("g1", DecisionKind::Approved);
    world.pass("g2", DecisionKind::NotApplicable);
    world.pass("g3", DecisionKind::Approved);
    world
}

#[test]
fn a_stranger_s_key_in_the_repository_makes_nobody_trusted() {
    let mut world = four_gates();
    let stranger = Signer::generate("stranger");
    let mut both = Signers::one("daemon@sluice", world.signer.public());
    both.add("friend", stranger.public());
    let subject = world.commit("g4 work");

    // Listed by the daemon's own hand, still not trusted by whoever was told of one key only.
    let files = world.entry_by(
        "g4",
        world.case(&subject, DecisionKind::Approved),
        &world.signer,
        &both,
    );
    world.append("g4", &files);
    world.advance(&subject);
    let read = world.read();
    for trust in [Trust::Told(&world.signers), Trust::FirstSigner] {
        let report = read.verify(trust);
        assert!(
            problems(&report).contains("which is not a trusted signer"),
            "{report}"
        );
    }
    assert!(
        read.verify(Trust::Told(&both)).verified,
        "told of both, both count"
    );

    // Signed by the stranger, in a commit of the daemon's.
    let files = world.entry_by(
        "g4",
        world.case(&subject, DecisionKind::Approved),
        &stranger,
        &both,
    );
    world.append("g4", &files);
    let report = world.read().verify(Trust::Told(&world.signers));
    assert!(
        problems(&report).contains("not a trusted signer"),
        "{report}"
    );
}

#[test]
fn proofs_of_another_project_do_not_count() {
    let (world, mut read) = honest();
    let mut elsewhere = World::empty();
    elsewhere.signer = Signer::from_openssh(&world.signer.to_openssh()).unwrap();
    elsewhere.pass("g0", DecisionKind::Approved);
    read.chains[0] = elsewhere.read().chains[0].clone();
    let report = read.verify(Trust::Told(&world.signers));
    assert!(
        problems(&report).contains("g1: the decision of g0 that it follows is not in the chain"),
        "{report}"
    );
}

#[test]
fn an_entry_refuses_what_does_not_belong_together() {
    let world = World::passed();
    let files = world.read().last("g4").files.clone();
    let plain = &files[entry::DECISION];
    let statement: serde_json::Value = serde_json::from_slice(plain).unwrap();
    let decision: Decision = serde_json::from_value(statement["predicate"].clone()).unwrap();
    let input = |decision: Decision| entry::EntryInput {
        subject: world.head(),
        decision,
        evidence: [entry::TEST_RESULT, entry::PROVENANCE]
            .map(|path| (path.to_owned(), files[path].clone()))
            .into(),
        reports: Vec::new(),
        logs: Vec::new(),
        passed: Vec::new(),
        signers: &world.signers,
        expires: sluice_proof::layout::FAR_EXPIRY,
    };
    assert!(entry::entry(input(decision.clone()), &world.signer).is_ok());

    let mut other = decision.clone();
    other.run = "another run".into();
    let error = entry::entry(input(other), &world.signer).unwrap_err();
    assert!(error.to_string().contains("subject digest"), "{error}");

    let mut missing = input(decision.clone());
    missing.evidence.pop();
    assert!(
        entry::entry(missing, &world.signer)
            .unwrap_err()
            .to_string()
            .contains("is missing or another")
    );

    for path in [
        "reports/../x",
        "/reports/x",
        "reports//x",
        "reports/a\nb",
        "logs/x",
        "reports/.git/x",
    ] {
        let mut unsafe_path = input(decision.clone());
        unsafe_path.reports = vec![(path.into(), Vec::new())];
        assert!(
            entry::entry(unsafe_path, &world.signer).is_err(),
            "{path:?}"
        );
    }
    let mut twice = input(decision);
    twice.logs = vec![("logs/a".into(), Vec::new()), ("logs/a".into(), Vec::new())];
    assert!(
        entry::entry(twice, &world.signer)
            .unwrap_err()
            .to_string()
            .contains("twice")
    );
}

proptest! {
    /// Whatever lies in the refs, the answer is a report, and never a good one.
    #[test]
    fn hostile_repositories_are_reported(
        names in proptest::collection::vec("g[0-5]", 0..4),
        oid in ".{0,45}",
        signed in proptest::collection::vec(any::<u8>(), 0..120),
        armour in proptest::option::of("[ -~\\n]{0,200}"),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        told in any::<bool>(),
    ) {
        let files = [entry::DECISION, entry::DECISION_SIG, entry::DECISION_DSSE, entry::SIGNERS, "../x"];
        let entry = ChainEntry {
            commit: oid.clone(),
            parents: vec![oid.clone()],
            signed_bytes: signed,
            signature: armour,
            files: files.iter().map(|path| ((*path).to_owned(), bytes.clone())).collect(),
        };
        let chains = names.iter().map(|gate| GateChain { gate: gate.clone(), entries: vec![entry.clone(); 2] });
        let read = Read {
            head: Some(Subject { commit: oid.clone(), tree: oid.clone() }),
            chains: chains.collect(),
            tags: names.iter().map(|gate| (gate.clone(), oid.clone())).collect(),
            commits: Default::default(),
            audit: None,
            now: None,
        };
        let nobody = Signers::default();
        let report = read.verify(if told { Trust::Told(&nobody) } else { Trust::FirstSigner });
        prop_assert!(!report.verified);
        let shown = report.to_string();
        let lines = ["signer ", "G", "        PROBLEM ", "HEAD ", "to go ", "note ", "PROBLEM ", "NOT verified"];
        prop_assert!(shown.lines().all(|line| lines.iter().any(|start| line.starts_with(start))), "{}", shown);
    }
}

#[test]
fn a_waiver_that_has_ended_is_a_warning_and_no_problem() {
    let world = World::passed();
    let mut read = world.read();
    for (now, warned) in [
        (None, 0),
        (Some("2026-12-31T23:59:59Z"), 0),
        (Some("2027-01-01T23:59:59Z"), 0),
        (Some("2027-01-02T00:00:00Z"), 1),
    ] {
        read.now = now.map(str::to_owned);
        let report = read.verify(Trust::Told(&world.signers));
        assert!(report.verified, "{report}");
        assert_eq!(report.warnings.len(), warned, "{now:?}: {report}");
    }
    let report = read.verify(Trust::Told(&world.signers));
    let said = "WARNING g3: the waiver of audit expired on 2027-01-01";
    assert!(report.to_string().contains(said), "{report}");
}
