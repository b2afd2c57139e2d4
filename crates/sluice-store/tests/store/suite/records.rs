//! Stories about everything that is not a run.

use serde_json::json;
use sluice_gates::{Event, Gate, Rule, Run, Signature, Verdict};
use sluice_store::{
    ActorKind, CheckEnd, CheckId, CheckState, DecisionKind, EscalationAnswer, EscalationId,
    EscalationState, EventSeq, FindingFilter, FindingsSeen, NewCheck, NewEscalation, NewFinding,
    NewProof, NewToken, ProjectCreateOutcome, ProjectDeleteOutcome, ProjectKind, Role, RunCommit,
    RunCommitOutcome, RunId, RunOpenOutcome, Store, TokenFindOutcome,
};

use super::race;
use crate::world::{
    at, committed, decision, event, new_project, new_run, open, project, request, rule, step,
};

pub(crate) async fn projects_are_made_listed_and_never_reused(store: Store) {
    let new = sluice_store::NewProject {
        agent: Some("demo".into()),
        kind: ProjectKind::Web,
        ..new_project("b")
    };
    let made = store
        .project_create(new.clone(), &[event("b", "made")])
        .await
        .unwrap();
    assert_eq!(made, ProjectCreateOutcome::Created);
    let again = store
        .project_create(new, &[event("b", "made")])
        .await
        .unwrap();
    assert_eq!(again, ProjectCreateOutcome::Exists);
    assert_eq!(
        store.event_list(EventSeq(0), None, 10).await.unwrap().len(),
        1
    );
    let found = store.project_fetch("b").await.unwrap().unwrap();
    assert_eq!(
        (found.kind, found.agent.as_deref()),
        (ProjectKind::Web, Some("demo"))
    );
    assert_eq!((found.created_at, found.deleted_at), (at(0), None));
    assert!(store.project_fetch("nobody").await.unwrap().is_none());

    for name in ["c", "a", "d"] {
        project(&store, name).await;
    }
    let page = store.project_list(None, 2).await.unwrap();
    let names = |page: &sluice_store::Page<sluice_store::ProjectRecord>| {
        page.items
            .iter()
            .map(|one| one.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&page), ["a", "b"]);
    let page = store.project_list(page.next.as_deref(), 2).await.unwrap();
    assert_eq!(
        (names(&page), page.next),
        (vec!["c".into(), "d".into()], None)
    );

    let gone = store.project_delete("c", at(7), &[]).await.unwrap();
    assert_eq!(gone, ProjectDeleteOutcome::Deleted);
    let gone = store.project_delete("c", at(8), &[]).await.unwrap();
    assert_eq!(gone, ProjectDeleteOutcome::NotFound);
    let again = store.project_create(new_project("c"), &[]).await.unwrap();
    assert_eq!(
        again,
        ProjectCreateOutcome::Exists,
        "its proofs carry the name"
    );
    assert_eq!(
        names(&store.project_list(None, 10).await.unwrap()),
        ["a", "b", "d"]
    );
    assert_eq!(
        store.project_fetch("c").await.unwrap().unwrap().deleted_at,
        Some(at(7))
    );
    let run = new_run("c", Run::start(Gate::G0, rule()));
    assert_eq!(
        store.run_open(run, &[]).await.unwrap(),
        RunOpenOutcome::NoProject
    );
}

fn seen(attempt: u16, checks: &[&str], findings: &[(&str, &str)]) -> FindingsSeen {
    FindingsSeen {
        attempt,
        checks: checks.iter().map(|&check| check.into()).collect(),
        findings: findings
            .iter()
            .map(|&(check, fingerprint)| NewFinding {
                check: check.into(),
                fingerprint: fingerprint.into(),
                body: json!({"message": fingerprint}),
            })
            .collect(),
    }
}

/// Takes the next attempt's checks, with what they found.
async fn check(store: &Store, id: RunId, run: &Run, second: i64, seen: FindingsSeen) -> Run {
    request(store, id, seen.attempt, 0).await;
    let run = step(store, id, run, committed()).await;
    let failed = Event::Checked(Verdict::Fail(Signature(second.to_string())));
    let next = run.apply(run.step(), failed).unwrap();
    let commit = RunCommit {
        findings: Some(seen),
        ..RunCommit::new(id, run.step(), next.clone(), at(second))
    };
    store.run_commit(commit).await.unwrap();
    next
}

pub(crate) async fn findings_are_opened_once_and_resolved_by_what_answers(store: Store) {
    let (id, run) = open(&store, "p", rule()).await;
    let all = ["build", "lint"];
    let first = seen(
        0,
        &all,
        &[
            ("build", "f1"),
            ("build", "f2"),
            ("build", "f2"),
            ("lint", "f1"),
        ],
    );
    let run = check(&store, id, &run, 10, first).await;
    // Lint did not answer, so its finding stands; f2 stands because it is reported again.
    let run = check(
        &store,
        id,
        &run,
        20,
        seen(1, &["build"], &[("build", "f2")]),
    )
    .await;
    // f1 is back: that is a new entry of the history.
    check(&store, id, &run, 30, seen(2, &all, &[("build", "f1")])).await;

    let list = |filter| {
        let store = store.clone();
        async move {
            let page = store.finding_list("p", filter, None, 100).await.unwrap();
            let mut found: Vec<_> = page
                .items
                .into_iter()
                .map(|one| {
                    let resolved = one.resolved_at.map(|at| at.as_second() - 1_800_000_000);
                    let seen = one.seen_at.as_second() - 1_800_000_000;
                    (
                        one.check,
                        one.fingerprint,
                        seen,
                        resolved,
                        one.resolved_by_attempt,
                    )
                })
                .collect();
            found.sort();
            found
        }
    };
    let line = |check: &str, fingerprint: &str, seen, resolved, by| {
        (check.to_owned(), fingerprint.to_owned(), seen, resolved, by)
    };
    assert_eq!(
        list(FindingFilter::default()).await,
        [
            line("build", "f1", 10, Some(20), Some(1)),
            line("build", "f1", 30, None, None),
            line("build", "f2", 10, Some(30), Some(2)),
            line("lint", "f1", 10, Some(30), Some(2)),
        ]
    );
    let standing = FindingFilter {
        resolved: Some(false),
        ..FindingFilter::default()
    };
    assert_eq!(list(standing).await, [line("build", "f1", 30, None, None)]);
    let mended = FindingFilter {
        resolved: Some(true),
        gate: Some(Gate::G5),
    };
    assert_eq!(list(mended).await.len(), 3);
    let elsewhere = FindingFilter {
        gate: Some(Gate::G6),
        ..FindingFilter::default()
    };
    assert_eq!(list(elsewhere).await, []);
}

pub(crate) async fn many_findings_fit(store: Store) {
    let (id, run) = open(&store, "p", rule()).await;
    let prints: Vec<String> = (0..3000).map(|n| format!("f{n}")).collect();
    let lines: Vec<_> = prints
        .iter()
        .map(|print| ("lint", print.as_str()))
        .collect();
    let run = check(&store, id, &run, 10, seen(0, &["lint"], &lines)).await;
    let page = store
        .finding_list("p", FindingFilter::default(), None, 1000)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1000);
    assert!(page.next.is_some());
    check(&store, id, &run, 20, seen(1, &["lint"], &lines[..1])).await;
    let standing = FindingFilter {
        resolved: Some(false),
        ..FindingFilter::default()
    };
    let page = store.finding_list("p", standing, None, 1000).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].body, json!({"message": "f0"}));
}

pub(crate) async fn proofs_are_kept_once(store: Store) {
    project(&store, "p").await;
    let run = Run::skip(Gate::G4, rule());
    let new = new_run("p", run.clone());
    store.run_open(new.clone(), &[]).await.unwrap();
    let proof = |digest: &str, path: &str| NewProof {
        digest: digest.into(),
        predicate_type: "https://in-toto.io/attestation/test-result/v0.1".into(),
        gate_commit: "c9".into(),
        path: path.into(),
    };
    let next = run.apply(run.step(), Event::Sealed).unwrap();
    let commit = RunCommit {
        proofs: vec![
            proof("bb", "a.json"),
            proof("aa", "b.json"),
            proof("bb", "a.json"),
        ],
        ..RunCommit::new(new.id, run.step(), next, at(3))
    };
    store.run_commit(commit).await.unwrap();
    let list = store.proof_list("p", Gate::G4).await.unwrap();
    let digests: Vec<&str> = list.iter().map(|one| one.digest.as_str()).collect();
    assert_eq!(digests, ["bb", "aa"]);
    let found = store.proof_fetch("aa").await.unwrap().unwrap();
    assert_eq!((found.run, found.gate, found.at), (new.id, Gate::G4, at(3)));
    assert_eq!(
        (found.gate_commit.as_str(), found.path.as_str()),
        ("c9", "b.json")
    );
    assert!(store.proof_fetch("cc").await.unwrap().is_none());
    assert!(store.proof_list("p", Gate::G5).await.unwrap().is_empty());
}

/// A run of a new project that has just been escalated.
async fn escalate(store: &Store, name: &str) -> (RunId, Run, EscalationId) {
    let strict = Rule {
        heal_attempts: 0,
        approvals: 1,
    };
    let (id, run) = open(store, name, strict).await;
    request(store, id, 0, 0).await;
    let run = step(store, id, &run, committed()).await;
    let failed = Event::Checked(Verdict::Fail(Signature("s".into())));
    let next = run.apply(run.step(), failed).unwrap();
    let question = EscalationId::new();
    let commit = RunCommit {
        escalation_open: Some(NewEscalation {
            id: question,
            attempt: 0,
            question: json!({"failed": ["build"]}),
        }),
        ..RunCommit::new(id, run.step(), next.clone(), at(6))
    };
    store.run_commit(commit).await.unwrap();
    (id, next, question)
}

pub(crate) async fn escalations_are_answered_once_or_withdrawn(store: Store) {
    let (id, run, question) = escalate(&store, "p").await;
    let found = store.escalation_fetch(question).await.unwrap().unwrap();
    assert_eq!(
        (found.run, found.gate, found.step),
        (id, Gate::G5, run.step())
    );
    assert_eq!((found.state, found.attempt), (EscalationState::Open, 0));
    assert_eq!(found.question, json!({"failed": ["build"]}));

    let next = run
        .apply(run.step(), Event::Answered(sluice_gates::Answer::Retry))
        .unwrap();
    let answer = EscalationAnswer {
        id: question,
        answer: json!({"action": "retry", "guidance": "look at a.ts"}),
        answered_by: "ada".into(),
    };
    let commit = RunCommit {
        escalation_answer: Some(answer.clone()),
        decision: Some(decision(DecisionKind::Answer, "ada", "d1")),
        ..RunCommit::new(id, run.step(), next.clone(), at(9))
    };
    let ends = race(&store, 50, |store, _| {
        let commit = commit.clone();
        async move { store.run_commit(commit).await.unwrap() }
    })
    .await;
    let won = ends
        .iter()
        .filter(|end| matches!(end, RunCommitOutcome::Committed { .. }))
        .count();
    assert_eq!(won, 1);
    let found = store.escalation_fetch(question).await.unwrap().unwrap();
    assert_eq!(found.state, EscalationState::Answered);
    assert_eq!(found.answer, Some(answer.answer.clone()));
    assert_eq!(
        (found.answered_by.as_deref(), found.answered_at),
        (Some("ada"), Some(at(9)))
    );

    // An answer to a question that is not open changes nothing.
    let cancelled = next.apply(next.step(), Event::Cancelled).unwrap();
    let commit = RunCommit {
        escalation_answer: Some(answer),
        ..RunCommit::new(id, next.step(), cancelled, at(10))
    };
    assert_eq!(
        store.run_commit(commit).await.unwrap(),
        RunCommitOutcome::Repeated
    );

    // The same person may answer, and rule, as often as they are asked about the same subject.
    let (other, run, dropped) = escalate(&store, "q").await;
    step(&store, other, &run, Event::Cancelled).await;
    let found = store.escalation_fetch(dropped).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.answer),
        (EscalationState::Withdrawn, None)
    );
    let open = store
        .escalation_list(Some(EscalationState::Open), None, 10)
        .await
        .unwrap();
    assert!(open.items.is_empty());
    assert_eq!(
        store
            .escalation_list(None, None, 10)
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    assert_eq!(store.escalation_list_of(other).await.unwrap().len(), 1);
}

pub(crate) async fn pages_are_stable_under_inserts(store: Store) {
    let mut asked = Vec::new();
    for n in 0..5 {
        asked.push(escalate(&store, &format!("p{n}")).await.2);
    }
    let mut read = Vec::new();
    let mut cursor = None;
    let mut n = 5;
    loop {
        let page = store
            .escalation_list(None, cursor.as_deref(), 2)
            .await
            .unwrap();
        read.extend(page.items.iter().map(|one| one.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        if n < 8 {
            asked.push(escalate(&store, &format!("p{n}")).await.2);
            n += 1;
        }
    }
    assert_eq!(
        read, asked,
        "oldest first: each once, the new ones at the end"
    );

    // Newest first: what comes in meanwhile does not move what is read.
    let (id, run) = open(&store, "findings", rule()).await;
    let lines: Vec<(&str, &str)> = vec![("build", "1"), ("build", "2"), ("build", "3")];
    let run = check(&store, id, &run, 10, seen(0, &["build"], &lines)).await;
    let any = FindingFilter::default();
    let page = store.finding_list("findings", any, None, 2).await.unwrap();
    check(&store, id, &run, 20, seen(1, &["build"], &[("build", "4")])).await;
    let rest = store
        .finding_list("findings", any, page.next.as_deref(), 2)
        .await
        .unwrap();
    let prints: Vec<String> = page
        .items
        .into_iter()
        .chain(rest.items)
        .map(|one| one.fingerprint)
        .collect();
    assert_eq!(prints, ["3", "2", "1"]);
    assert_eq!(rest.next, None);
}

fn new_token(name: &str) -> NewToken {
    NewToken {
        name: name.into(),
        role: Role::Approver,
        kind: ActorKind::Person,
        projects: None,
        expires_at: Some(at(100)),
        at: at(0),
    }
}

pub(crate) async fn tokens_are_found_by_their_secret_only(store: Store) {
    let (token, secret) = store
        .token_create(new_token("ada"), &[event("p", "token")])
        .await
        .unwrap();
    assert!(
        secret.starts_with("sluice_") && secret.len() == 7 + 64,
        "{secret}"
    );
    let (other, other_secret) = store.token_create(new_token("ada"), &[]).await.unwrap();
    assert_ne!(secret, other_secret);

    let find = |secret: &str, second| {
        let (store, secret) = (store.clone(), secret.to_owned());
        async move { store.token_find(&secret, at(second)).await.unwrap() }
    };
    assert_eq!(
        find(&secret, 99).await,
        TokenFindOutcome::Valid(token.clone())
    );
    assert_eq!(
        find(&secret, 100).await,
        TokenFindOutcome::Expired(token.clone())
    );
    for wrong in [
        "",
        "sluice_",
        &secret[..70],
        &secret.to_uppercase(),
        &token.id.to_string(),
    ] {
        assert_eq!(find(wrong, 1).await, TokenFindOutcome::Unknown, "{wrong}");
    }
    let revoked = store
        .token_revoke(token.id, at(50), &[event("p", "revoked")])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(revoked.revoked_at, Some(at(50)));
    let again = store
        .token_revoke(token.id, at(60), &[event("p", "revoked")])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.revoked_at, Some(at(50)));
    assert_eq!(find(&secret, 1).await, TokenFindOutcome::Revoked(revoked));
    assert!(matches!(
        find(&other_secret, 1).await,
        TokenFindOutcome::Valid(_)
    ));
    assert_eq!(
        store
            .token_revoke(sluice_store::TokenId::new(), at(1), &[])
            .await
            .unwrap(),
        None
    );
    let list = store.token_list(None, 10).await.unwrap();
    assert_eq!(
        list.items.iter().map(|one| one.id).collect::<Vec<_>>(),
        [token.id, other.id]
    );
    assert_eq!(
        store.event_list(EventSeq(0), None, 10).await.unwrap().len(),
        2
    );
}

pub(crate) async fn a_fixed_token_follows_the_configuration(store: Store) {
    let admin = NewToken {
        role: Role::Admin,
        expires_at: None,
        ..new_token("admin")
    };
    let first = store
        .token_put_fixed("secret one", admin.clone(), &[])
        .await
        .unwrap();
    let again = store
        .token_put_fixed("secret one", admin.clone(), &[])
        .await
        .unwrap();
    assert_eq!(first, again);
    let find = |secret: &str| {
        let (store, secret) = (store.clone(), secret.to_owned());
        async move { store.token_find(&secret, at(1)).await.unwrap() }
    };
    assert_eq!(
        find("secret one").await,
        TokenFindOutcome::Valid(first.clone())
    );
    // A secret that is replaced in the configuration is no longer good, until it is put back.
    store
        .token_put_fixed("secret two", admin.clone(), &[])
        .await
        .unwrap();
    assert!(matches!(
        find("secret one").await,
        TokenFindOutcome::Revoked(_)
    ));
    assert!(matches!(
        find("secret two").await,
        TokenFindOutcome::Valid(_)
    ));
    let back = store
        .token_put_fixed("secret one", admin, &[])
        .await
        .unwrap();
    assert_eq!(back, first);
    assert!(matches!(
        find("secret two").await,
        TokenFindOutcome::Revoked(_)
    ));
}

pub(crate) async fn checks_end_once(store: Store) {
    project(&store, "p").await;
    let new = |only: &[&str]| NewCheck {
        id: CheckId::new(),
        project: "p".into(),
        reference: "main".into(),
        commit: "c1".into(),
        tree: "t1".into(),
        only: only.iter().map(|&check| check.into()).collect(),
        requested_by: "ada".into(),
        at: at(1),
    };
    let first = store
        .check_create(new(&["build"]), &[event("p", "queued")])
        .await
        .unwrap();
    let second = store.check_create(new(&[]), &[]).await.unwrap();
    assert_eq!(
        (first.state, first.only.as_slice()),
        (CheckState::Queued, &["build".to_owned()][..])
    );
    assert_eq!(
        store.check_fetch(first.id).await.unwrap(),
        Some(first.clone())
    );
    assert!(store.check_start(first.id).await.unwrap());
    assert!(
        store.check_start(first.id).await.unwrap(),
        "a restart starts it again"
    );
    let due = store.check_list_due(10).await.unwrap();
    assert_eq!(
        due.iter().map(|one| one.id).collect::<Vec<_>>(),
        [first.id, second.id]
    );
    assert_eq!(due[0].state, CheckState::Running);

    let done = CheckEnd::Done(json!({"verdict": "pass"}));
    assert!(
        store
            .check_commit_report(first.id, done, at(5), &[])
            .await
            .unwrap()
    );
    let late = CheckEnd::Failed("late".into());
    assert!(
        !store
            .check_commit_report(first.id, late.clone(), at(6), &[event("p", "x")])
            .await
            .unwrap()
    );
    assert!(!store.check_start(first.id).await.unwrap());
    let found = store.check_fetch(first.id).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.ended_at),
        (CheckState::Done, Some(at(5)))
    );
    assert_eq!(
        (found.report, found.fault),
        (Some(json!({"verdict": "pass"})), None)
    );
    assert!(
        store
            .check_commit_report(second.id, late, at(6), &[])
            .await
            .unwrap()
    );
    let found = store.check_fetch(second.id).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.fault.as_deref()),
        (CheckState::Failed, Some("late"))
    );
    assert!(store.check_list_due(10).await.unwrap().is_empty());
    assert_eq!(
        store.event_list(EventSeq(0), None, 10).await.unwrap().len(),
        1
    );
    let nowhere = NewCheck {
        project: "nobody".into(),
        ..new(&[])
    };
    store.check_create(nowhere, &[]).await.unwrap_err();
}

pub(crate) async fn a_setting_is_put_once(store: Store) {
    assert_eq!(store.setting_get("daemon").await.unwrap(), None);
    let stands = race(&store, 20, |store, n| async move {
        store
            .setting_put_once("daemon", &n.to_string())
            .await
            .unwrap()
    })
    .await;
    let first = store.setting_get("daemon").await.unwrap().unwrap();
    assert!(stands.iter().all(|one| *one == first), "{stands:?}");
}
