//! Stories about runs.

use serde_json::json;
use sluice_gates::{Answer, Event, Gate, Rule, Run, Step, Verdict};
use sluice_store::{
    AttemptChange, DecisionKind, EscalationId, EventSeq, NewEscalation, Pins, ProjectDeleteOutcome,
    RunCommit, RunCommitOutcome, RunDeferOutcome, RunOpenOutcome, Store, StoreError, Subject,
};

use super::race;
use crate::world::{
    approve, at, await_approval, committed, decision, event, new_run, now, open, passed, project,
    request, rule, step,
};

pub(crate) async fn a_run_is_remembered_whole(store: Store) {
    project(&store, "p").await;
    let new = new_run("p", Run::start(Gate::G5, rule()));
    let outcome = store
        .run_open(new.clone(), &[event("p", "opened")])
        .await
        .unwrap();
    assert_eq!(outcome, RunOpenOutcome::Opened { ordinal: 1 });
    let found = store.run_fetch(new.id).await.unwrap().unwrap();
    assert_eq!(found.run, new.run);
    assert_eq!(found.pins, new.pins);
    assert_eq!(found.gate_file, new.gate_file);
    assert_eq!(
        (found.base_commit.as_str(), found.base_tree.as_str()),
        ("c0", "t0")
    );
    assert_eq!(
        (found.opened_by.as_str(), found.agent.as_deref()),
        ("ada", Some("demo"))
    );
    assert_eq!((found.created_at, found.due_at), (at(1), Some(at(1))));

    request(&store, new.id, 0, 0).await;
    let next = new.run.apply(Step(0), committed()).unwrap();
    let commit = RunCommit {
        subject: Some(Subject {
            commit: "c1".into(),
            tree: "t1".into(),
            digest: "d1".into(),
            authors: Vec::new(),
        }),
        pins: Some(Pins::new()),
        ..RunCommit::new(new.id, Step(0), next.clone(), at(5))
    };
    store.run_commit(commit).await.unwrap();
    let found = store.run_fetch_open("p").await.unwrap().unwrap();
    assert_eq!(found.run, next);
    assert_eq!(found.subject_digest.as_deref(), Some("d1"));
    assert_eq!(
        (
            found.subject_commit.as_deref(),
            found.subject_tree.as_deref()
        ),
        (Some("c1"), Some("t1"))
    );
    assert!(found.pins.is_empty());
    assert_eq!((found.created_at, found.updated_at), (at(1), at(5)));

    // While a person is waited for, the machine has nothing to do.
    let next = step(&store, new.id, &next, passed()).await;
    assert!(store.run_list_due(at(1000), 10).await.unwrap().is_empty());
    let commit = approve(new.id, &next, "grace");
    store.run_commit(commit).await.unwrap();
    assert_eq!(store.run_list_due(at(1000), 10).await.unwrap().len(), 1);
    let sealing = store.run_fetch(new.id).await.unwrap().unwrap();
    assert_eq!(
        sealing.subject_digest.as_deref(),
        Some("d1"),
        "a change leaves what it does not name"
    );
    step(&store, new.id, &sealing.run, Event::Sealed).await;
    assert!(store.run_fetch_open("p").await.unwrap().is_none());
    assert_eq!(store.run_next_due().await.unwrap(), None);
    let current = store.run_current("p", Gate::G5).await.unwrap().unwrap();
    assert!(current.run.is_closed());
    assert!(store.run_current("p", Gate::G6).await.unwrap().is_none());
}

pub(crate) async fn a_project_has_one_open_run(store: Store) {
    let (first, run) = open(&store, "p", rule()).await;
    let other = new_run("p", Run::start(Gate::G6, rule()));
    let outcome = store
        .run_open(other.clone(), &[event("p", "x")])
        .await
        .unwrap();
    assert_eq!(outcome, RunOpenOutcome::AlreadyOpen(first));
    assert!(
        store
            .event_list(EventSeq(0), None, 10)
            .await
            .unwrap()
            .is_empty()
    );

    let run = step(&store, first, &run, Event::Cancelled).await;
    step(&store, first, &run, Event::Sealed).await;
    let again = new_run("p", Run::start(Gate::G5, rule()));
    let outcome = store.run_open(again.clone(), &[]).await.unwrap();
    assert_eq!(outcome, RunOpenOutcome::Opened { ordinal: 2 });
    // A repeat of the call finds its own run.
    let repeat = store.run_open(again.clone(), &[]).await.unwrap();
    assert_eq!(repeat, RunOpenOutcome::AlreadyOpen(again.id));

    project(&store, "q").await;
    let elsewhere = new_run("q", Run::skip(Gate::G4, rule()));
    let outcome = store.run_open(elsewhere, &[]).await.unwrap();
    assert_eq!(outcome, RunOpenOutcome::Opened { ordinal: 1 });
    let nowhere = new_run("nobody", Run::start(Gate::G0, rule()));
    let outcome = store.run_open(nowhere, &[]).await.unwrap();
    assert_eq!(outcome, RunOpenOutcome::NoProject);

    let current = store.run_list_current("p").await.unwrap();
    assert_eq!(current.len(), 1);
    assert_eq!((current[0].id, current[0].ordinal), (again.id, 2));
    let page = store.run_list("p", None, 10).await.unwrap();
    assert_eq!(
        page.items.iter().map(|run| run.id).collect::<Vec<_>>(),
        [again.id, first]
    );
}

pub(crate) async fn of_fifty_starts_one_opens(store: Store) {
    project(&store, "p").await;
    let ends = race(&store, 50, |store, _| async move {
        let new = new_run("p", Run::start(Gate::G0, rule()));
        let id = new.id;
        (
            id,
            store.run_open(new, &[event("p", "opened")]).await.unwrap(),
        )
    })
    .await;
    let opened: Vec<_> = ends
        .iter()
        .filter(|(_, end)| *end == RunOpenOutcome::Opened { ordinal: 1 })
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(opened.len(), 1);
    let others = ends.iter().filter(|(id, _)| *id != opened[0]);
    for (_, end) in others {
        assert_eq!(*end, RunOpenOutcome::AlreadyOpen(opened[0]));
    }
    assert_eq!(
        store
            .event_list(EventSeq(0), None, 100)
            .await
            .unwrap()
            .len(),
        1
    );
}

pub(crate) async fn of_fifty_changes_one_wins(store: Store) {
    let (id, run) = open(&store, "p", rule()).await;
    request(&store, id, 0, 0).await;
    let next = run.apply(run.step(), committed()).unwrap();
    let ends = race(&store, 50, |store, n| {
        let commit = RunCommit {
            events: vec![event("p", &format!("change.{n}"))],
            attempt: Some(AttemptChange {
                note: Some(format!("change {n}")),
                ..AttemptChange::default()
            }),
            ..RunCommit::new(id, Step(0), next.clone(), at(3))
        };
        async move { (n, store.run_commit(commit).await.unwrap()) }
    })
    .await;
    let won: Vec<usize> = ends
        .iter()
        .filter(|(_, end)| matches!(end, RunCommitOutcome::Committed { .. }))
        .map(|(n, _)| *n)
        .collect();
    assert_eq!(won.len(), 1);
    let lost = ends.iter().filter(|(n, _)| *n != won[0]);
    for (_, end) in lost {
        assert_eq!(*end, RunCommitOutcome::Stale { now: Step(1) });
    }
    let told = store.event_list(EventSeq(0), None, 100).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, format!("change.{}", won[0]));
    let attempt = store.attempt_fetch(id, 0).await.unwrap().unwrap();
    assert_eq!(attempt.note, Some(format!("change {}", won[0])));
}

pub(crate) async fn of_fifty_approvers_one_wins(store: Store) {
    let (id, run) = await_approval(&store, "p", rule()).await;
    let ends = race(&store, 50, |store, n| {
        let commit = approve(id, &run, &format!("person {n}"));
        async move { store.run_commit(commit).await.unwrap() }
    })
    .await;
    let won = ends
        .iter()
        .filter(|end| matches!(end, RunCommitOutcome::Committed { .. }))
        .count();
    assert_eq!(won, 1);
    let decisions = store.decision_list(id).await.unwrap();
    assert_eq!(decisions.len(), 1);
    let made = &decisions[0];
    assert_eq!(
        (made.gate, made.step, made.attempt),
        (Gate::G5, Step(2), Some(0))
    );
    assert_eq!(made.kind, DecisionKind::Approve);
    assert_eq!(made.subject_digest.as_deref(), Some("d1"));
    assert_eq!(made.comment.as_deref(), Some("looks good"));
    assert_eq!(made.fields, json!({"design": 2}));
}

pub(crate) async fn nobody_approves_twice(store: Store) {
    let two = Rule {
        approvals: 2,
        ..rule()
    };
    let (id, run) = await_approval(&store, "p", two).await;
    let first = approve(id, &run, "grace");
    let run = first.next.clone();
    let outcome = store.run_commit(first).await.unwrap();
    assert!(matches!(outcome, RunCommitOutcome::Committed { .. }));

    let again = approve(id, &run, "grace");
    assert_eq!(
        store.run_commit(again).await.unwrap(),
        RunCommitOutcome::Repeated
    );
    assert_eq!(now(&store, id).await, run.step(), "nothing was changed");
    assert_eq!(store.decision_list(id).await.unwrap().len(), 1);

    let second = approve(id, &run, "ada");
    let outcome = store.run_commit(second).await.unwrap();
    assert!(matches!(outcome, RunCommitOutcome::Committed { .. }));
    let names: Vec<String> = store
        .decision_list(id)
        .await
        .unwrap()
        .into_iter()
        .map(|made| made.actor.name)
        .collect();
    assert_eq!(names, ["grace", "ada"]);
    assert_eq!(
        store.run_fetch(id).await.unwrap().unwrap().run.state(),
        "sealing"
    );
}

pub(crate) async fn a_change_happens_whole_or_not_at_all(store: Store) {
    let (id, run) = open(&store, "p", rule()).await;
    request(&store, id, 0, 0).await;
    let before = store.run_fetch(id).await.unwrap().unwrap();
    let next = run.apply(run.step(), committed()).unwrap();
    let whole = RunCommit {
        decision: Some(decision(DecisionKind::Rule, "ada", "d1")),
        subject: Some(Subject {
            commit: "c".into(),
            tree: "t".into(),
            digest: "d".into(),
            authors: Vec::new(),
        }),
        events: vec![event("p", "changed")],
        ..RunCommit::new(id, Step(0), next, at(3))
    };
    // An attempt that is not there: found in the middle of the change.
    let broken = RunCommit {
        attempt: Some(AttemptChange {
            n: 7,
            ..AttemptChange::default()
        }),
        ..whole.clone()
    };
    let error = store.run_commit(broken).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert_eq!(store.run_fetch(id).await.unwrap().unwrap(), before);

    // A question whose id is taken: refused by the database itself, after all the rest was written.
    let (other, other_run) = open(
        &store,
        "q",
        Rule {
            heal_attempts: 0,
            approvals: 1,
        },
    )
    .await;
    request(&store, other, 0, 0).await;
    let other_run = step(&store, other, &other_run, committed()).await;
    let failed = Event::Checked(Verdict::Fail(sluice_gates::Signature("s".into())));
    let escalated = other_run.apply(other_run.step(), failed).unwrap();
    let question = NewEscalation {
        id: EscalationId::new(),
        attempt: 0,
        question: json!({"failed": "build"}),
    };
    let commit = RunCommit {
        escalation_open: Some(question.clone()),
        ..RunCommit::new(other, other_run.step(), escalated, at(3))
    };
    store.run_commit(commit).await.unwrap();
    let broken = RunCommit {
        escalation_open: Some(question),
        ..whole.clone()
    };
    let error = store.run_commit(broken).await.unwrap_err();
    assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
    assert_eq!(store.run_fetch(id).await.unwrap().unwrap(), before);
    assert!(store.decision_list(id).await.unwrap().is_empty());
    assert!(
        store
            .event_list(EventSeq(0), None, 10)
            .await
            .unwrap()
            .is_empty()
    );

    // And nothing was left locked.
    let outcome = store.run_commit(whole).await.unwrap();
    let last_seq = Some(EventSeq(1));
    assert_eq!(outcome, RunCommitOutcome::Committed { last_seq });
}

pub(crate) async fn contradictions_are_refused(store: Store) {
    let (id, run) = open(&store, "p", rule()).await;
    let next = run.apply(run.step(), committed()).unwrap();
    let far = next.apply(next.step(), passed()).unwrap();
    let error = store
        .run_commit(RunCommit::new(id, Step(0), far, at(3)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Contradiction { .. }),
        "{error:?}"
    );
    let other = Run::start(Gate::G6, rule())
        .apply(Step(0), committed())
        .unwrap();
    let error = store
        .run_commit(RunCommit::new(id, Step(0), other, at(3)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Contradiction { .. }),
        "{error:?}"
    );
    let nobody = sluice_store::RunId::new();
    let error = store
        .run_commit(RunCommit::new(nobody, Step(0), next, at(3)))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert_eq!(now(&store, id).await, Step(0));
}

pub(crate) async fn faults_put_a_run_off(store: Store) {
    let (first, run) = open(&store, "p", rule()).await;
    let (second, _) = open(&store, "q", rule()).await;
    let due = |now| {
        let store = store.clone();
        async move {
            let runs = store.run_list_due(now, 10).await.unwrap();
            runs.into_iter().map(|run| run.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(due(at(0)).await, []);
    assert_eq!(due(at(1)).await, [first, second]);
    for count in 1..=2 {
        let outcome = store
            .run_defer(
                first,
                Step(0),
                at(100),
                "docker is down",
                &[event("p", "fault")],
            )
            .await
            .unwrap();
        assert_eq!(outcome, RunDeferOutcome::Deferred { faults: count });
    }
    assert_eq!(due(at(99)).await, [second]);
    assert_eq!(due(at(100)).await, [second, first]);
    assert_eq!(store.run_next_due().await.unwrap(), Some(at(1)));
    let found = store.run_fetch(first).await.unwrap().unwrap();
    assert_eq!(
        (found.fault.as_deref(), found.fault_count),
        (Some("docker is down"), 2)
    );
    assert_eq!(found.run, run, "no attempt is spent");

    step(&store, first, &run, committed()).await;
    let found = store.run_fetch(first).await.unwrap().unwrap();
    assert_eq!((found.fault, found.fault_count), (None, 0));
    assert_eq!(found.due_at, Some(at(3)));
    let outcome = store
        .run_defer(first, Step(0), at(100), "late", &[])
        .await
        .unwrap();
    assert_eq!(outcome, RunDeferOutcome::Stale { now: Step(1) });
    let found = store.run_fetch(first).await.unwrap().unwrap();
    assert_eq!((found.fault, found.due_at), (None, Some(at(3))));

    // An answered question makes the run due again.
    let mut run = found.run;
    for signature in ["a", "b", "c", "d"] {
        let failed = Event::Checked(Verdict::Fail(sluice_gates::Signature(signature.into())));
        run = step(&store, first, &run, failed).await;
        if run.state() == "healing" {
            run = step(&store, first, &run, committed()).await;
        }
    }
    assert_eq!(run.state(), "escalated");
    assert_eq!(due(at(100)).await, [second]);
    step(&store, first, &run, Event::Answered(Answer::Retry)).await;
    assert_eq!(due(at(100)).await, [second, first]);
}

pub(crate) async fn opening_and_deleting_take_turns(store: Store) {
    for round in 0..10 {
        let name = format!("p{round}");
        project(&store, &name).await;
        let new = new_run(&name, Run::start(Gate::G0, rule()));
        let id = new.id;
        let opening = {
            let store = store.clone();
            tokio::spawn(async move { store.run_open(new, &[]).await.unwrap() })
        };
        let deleting = {
            let (store, name) = (store.clone(), name.clone());
            tokio::spawn(async move { store.project_delete(&name, at(5), &[]).await.unwrap() })
        };
        let ends = (opening.await.unwrap(), deleting.await.unwrap());
        let fits = matches!(
            ends,
            (RunOpenOutcome::NoProject, ProjectDeleteOutcome::Deleted)
        ) || ends
            == (
                RunOpenOutcome::Opened { ordinal: 1 },
                ProjectDeleteOutcome::Busy(id),
            );
        assert!(fits, "round {round}: {ends:?}");
    }
}
