//! Decisions as one conditional statement, and the log of them.

use std::collections::BTreeSet;

use serde_json::json;
use sluice_gates::{Attempt, Effect, Event, Gate, Rule, Run, Step};
use sluice_proof::audit::{BEFORE_THE_FIRST, check};
use sluice_store::{
    AuditFilter, Bound, EventSeq, Presented, RunCommit, RunCommitOutcome, RunOpenOutcome, Store,
    Subject,
};

use super::race;
use crate::world::{
    approve, at, await_approval, event, new_run, open, passed, person, project, request, rule, step,
};

const TWO: Rule = Rule {
    heal_attempts: 3,
    approvals: 2,
};

/// As [`approve`], bound to a subject and to others than its authors.
fn bound(commit: RunCommit, digest: &str, name: &str) -> RunCommit {
    RunCommit {
        bound: Bound {
            subject_digest: Some(digest.into()),
            not_by: Some(name.into()),
        },
        ..commit
    }
}

/// A run that awaits approval of subject `d1`, which grace and Ada wrote.
async fn presented(store: &Store, rule: Rule) -> (sluice_store::RunId, Run) {
    let (id, run) = open(store, "p", rule).await;
    request(store, id, 0, 0).await;
    let run = step(store, id, &run, crate::world::committed()).await;
    let next = run.apply(run.step(), passed()).unwrap();
    let commit = RunCommit {
        subject: Some(Subject {
            commit: "c1".into(),
            tree: "t1".into(),
            digest: "d1".into(),
            authors: vec!["grace".into(), "Ada ".into()],
        }),
        ..RunCommit::new(id, run.step(), next.clone(), at(3))
    };
    store.run_commit(commit).await.unwrap();
    (id, next)
}

pub(crate) async fn of_fifty_approvers_two_win_where_two_must(store: Store) {
    let (id, _) = presented(&store, TWO).await;
    let ends = race(&store, 50, |store, n| async move {
        // 25 people, each twice.
        let name = format!("person {}", n % 25);
        loop {
            let run = store.run_fetch(id).await.unwrap().unwrap().run;
            if run.state() != "awaiting_approval" {
                return (name, RunCommitOutcome::Stale { now: run.step() });
            }
            let commit = bound(approve(id, &run, &name), "d1", &name);
            match store.run_commit(commit).await.unwrap() {
                RunCommitOutcome::Stale { .. } => {}
                end => return (name, end),
            }
        }
    })
    .await;
    let won: BTreeSet<String> = ends
        .iter()
        .filter(|(_, end)| matches!(end, RunCommitOutcome::Committed { .. }))
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(won.len(), 2, "two different people");
    let decided: BTreeSet<String> = store
        .decision_list(id)
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.actor.name)
        .collect();
    assert_eq!(decided, won);
    assert_eq!(store.decision_list(id).await.unwrap().len(), 2);
    let run = store.run_fetch(id).await.unwrap().unwrap().run;
    assert_eq!((run.state(), run.step()), ("sealing", Step(4)));
}

pub(crate) async fn a_decision_is_bound_to_its_subject_and_to_others_than_its_authors(
    store: Store,
) {
    let (id, run) = presented(&store, rule()).await;
    for (name, digest, end) in [
        ("grace", "d1", RunCommitOutcome::OwnWork),
        (" Grace", "d1", RunCommitOutcome::OwnWork),
        ("ada", "d1", RunCommitOutcome::OwnWork),
        ("alan", "d0", RunCommitOutcome::OtherSubject),
        ("grace", "d0", RunCommitOutcome::OtherSubject),
    ] {
        let commit = bound(approve(id, &run, name), digest, name);
        assert_eq!(store.run_commit(commit).await.unwrap(), end, "{name}");
    }
    let stored = store.run_fetch(id).await.unwrap().unwrap();
    assert_eq!(stored.run, run, "nothing was changed");
    assert!(store.decision_list(id).await.unwrap().is_empty());
    let late = RunCommit {
        expected: Step(1),
        next: Run::start(Gate::G5, rule())
            .apply(Step(0), crate::world::committed())
            .unwrap()
            .apply(Step(1), passed())
            .unwrap(),
        ..bound(approve(id, &run, "grace"), "d0", "grace")
    };
    let end = store.run_commit(late).await.unwrap();
    assert_eq!(end, RunCommitOutcome::Stale { now: Step(2) });
    let commit = bound(approve(id, &run, "alan"), "d1", "alan");
    let end = store.run_commit(commit).await.unwrap();
    assert!(matches!(end, RunCommitOutcome::Committed { .. }), "{end:?}");
}

pub(crate) async fn the_audit_log_is_one_chain(store: Store) {
    assert!(
        store
            .audit_list(&AuditFilter::default(), 0, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let (id, run) = await_approval(&store, "p", rule()).await;
    assert_eq!(store.audit_anchor(id).await.unwrap(), None);
    race(&store, 40, |store, n| async move {
        let mut new = event(if n % 2 == 0 { "p" } else { "q" }, "tried").by(&person("ada\0"));
        new.body = json!({ "n": n, "z": [1.5, "\n\u{1F600}"], "a": null });
        store.event_append(new).await.unwrap();
        // What is no decision is an event only.
        store.event_append(event("p", "seen")).await.unwrap();
    })
    .await;
    let mut told = event("p", "gate.decided").by(&person("grace"));
    told.body = json!({ "run": id.to_string() });
    let approved = RunCommit {
        events: vec![told, event("p", "run.moved")],
        ..approve(id, &run, "grace")
    };
    let again = approved.clone();
    store.run_commit(approved).await.unwrap();
    let lost = store.run_commit(again).await.unwrap();
    assert!(
        matches!(lost, RunCommitOutcome::Stale { .. }),
        "and leaves no row"
    );

    let all = AuditFilter::default();
    let page = store.audit_list(&all, 0, 30).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("30"));
    let mut rows = page.items;
    rows.extend(store.audit_list(&all, 30, 30).await.unwrap().items);
    assert_eq!(rows.len(), 41);
    assert_eq!(rows[0].previous, BEFORE_THE_FIRST);
    let anchor = store.audit_anchor(id).await.unwrap().unwrap();
    assert_eq!(anchor.seq, 41);
    let report = check(&rows, &[("g5".to_owned(), anchor)]);
    assert_eq!(
        (report.problems.len(), report.anchors),
        (0, 1),
        "{report:?}"
    );

    let of = |project: Option<&str>, kind: Option<&str>, who: Option<&str>| AuditFilter {
        project: project.map(str::to_owned),
        kind: kind.map(str::to_owned),
        who: who.map(str::to_owned),
    };
    for (filter, count) in [
        (of(Some("q"), None, None), 20),
        (of(None, Some("gate.decided"), None), 1),
        (of(None, None, Some("grace")), 1),
        (of(Some("q"), None, Some("grace")), 0),
    ] {
        let found = store.audit_list(&filter, 0, 100).await.unwrap().items;
        assert_eq!(found.len(), count, "{filter:?}");
    }
    assert_eq!(
        store
            .event_list(EventSeq(0), None, 1000)
            .await
            .unwrap()
            .len(),
        82
    );
}

pub(crate) async fn what_is_there_is_attempt_0(store: Store) {
    project(&store, "p").await;
    let mut new = new_run("p", Run::revalidate(Gate::G5, rule()));
    new.presented = Some(Presented {
        commit: "c1".into(),
        tree: "t1".into(),
        agent: "ada".into(),
        note: "edited".into(),
    });
    let id = new.id;
    let opened = store.run_open(new, &[]).await.unwrap();
    assert_eq!(opened, RunOpenOutcome::Opened { ordinal: 1 });
    let attempts = store.attempt_list(id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].commit.as_deref(), Some("c1"));
    assert_eq!(attempts[0].strategy, "revalidate");
    assert!(attempts[0].asks.is_empty());
    let due = store.run_list_due(at(9), 10).await.unwrap();
    let effect = due[0].run.effect();
    assert_eq!(
        effect,
        Some(Effect::Check {
            attempt: Attempt(0)
        })
    );
    let run = step(&store, id, &due[0].run, passed()).await;
    assert!(run.apply(run.step(), Event::Approved).is_ok());
}

pub(crate) async fn a_setting_that_changes_is_told_of(store: Store) {
    let told = [event("p", "gates.changed").by(&person("ada"))];
    for (value, rows) in [("one", 1), ("one", 1), ("two", 2), ("one", 3)] {
        store.setting_put("k", value, &told).await.unwrap();
        let found = store.setting_get("k").await.unwrap();
        assert_eq!(found.as_deref(), Some(value));
        let noted = store
            .audit_list(&AuditFilter::default(), 0, 10)
            .await
            .unwrap();
        assert_eq!(noted.items.len(), rows);
    }
}
