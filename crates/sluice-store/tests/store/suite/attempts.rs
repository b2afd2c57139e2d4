//! Stories about requests, replies and attempts.

use serde_json::json;
use sha2::{Digest, Sha256};
use sluice_gates::{Signature, Step};
use sluice_store::{
    AttemptChange, NewReply, NewRequest, ReplyPutOutcome, RunCommit, RunId, RunParkOutcome, Store,
};

use super::race;
use crate::world::{at, committed, event, now, open, request, rule};

fn reply(run: RunId, n: u16, ask: u8, text: &str) -> NewReply {
    NewReply {
        run,
        n,
        ask,
        reply: text.into(),
        agent: None,
        model: Some("small".into()),
        replied_by: None,
        at: at(9),
    }
}

pub(crate) async fn requests_and_replies_are_kept_as_they_came(store: Store) {
    let (run, _) = open(&store, "p", rule()).await;
    // Whatever a model writes: NUL, which PostgreSQL's text cannot hold, and megabytes.
    let text = format!("\0 \u{1F980} {}", "x".repeat(5 << 20));
    let new = NewRequest {
        run,
        n: 0,
        ask: 0,
        agent: "demo".into(),
        strategy: "normal".into(),
        request: "do it\0".into(),
        at: at(2),
    };
    let asked = store.attempt_request_put(new.clone(), &[]).await.unwrap();
    assert_eq!((asked.request.as_str(), asked.reply), ("do it\0", None));
    // The first request counts: a reply always answers what was stored.
    let again = NewRequest {
        request: "something else".into(),
        ..new.clone()
    };
    let events = [event("p", "asked")];
    let asked = store.attempt_request_put(again, &events).await.unwrap();
    assert_eq!(asked.request, "do it\0");

    assert_eq!(
        store
            .attempt_reply_put(reply(run, 0, 1, "early"), &[])
            .await
            .unwrap(),
        ReplyPutOutcome::NotAsked
    );
    assert_eq!(
        store
            .attempt_reply_put(reply(run, 0, 0, &text), &[])
            .await
            .unwrap(),
        ReplyPutOutcome::Stored
    );
    request(&store, run, 0, 1).await;
    let attempt = store.attempt_fetch(run, 0).await.unwrap().unwrap();
    assert_eq!(attempt.asks.len(), 2);
    let first = &attempt.asks[0];
    assert_eq!(first.reply.as_deref(), Some(text.as_str()));
    assert_eq!(
        first.reply_digest.as_deref(),
        Some(hex::encode(Sha256::digest(&text)).as_str())
    );
    assert_eq!(
        (first.model.as_deref(), first.replied_at),
        (Some("small"), Some(at(9)))
    );
    assert_eq!(attempt.asks.last().unwrap().reply, None);
    assert_eq!(attempt.asks.last().unwrap().request, "do 0, asked 1");
    assert!(store.attempt_fetch(run, 1).await.unwrap().is_none());
    // The repeated request told nobody anything.
    assert!(
        store
            .event_list(sluice_store::EventSeq(0), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn of_fifty_replies_the_first_counts(store: Store) {
    let (run, _) = open(&store, "p", rule()).await;
    request(&store, run, 0, 0).await;
    let ends = race(&store, 50, |store, n| async move {
        let new = reply(run, 0, 0, &format!("reply {n}"));
        let events = [event("p", "replied")];
        (n, store.attempt_reply_put(new, &events).await.unwrap())
    })
    .await;
    let stored: Vec<usize> = ends
        .iter()
        .filter(|(_, end)| *end == ReplyPutOutcome::Stored)
        .map(|(n, _)| *n)
        .collect();
    assert_eq!(stored.len(), 1);
    assert!(
        ends.iter()
            .all(|(_, end)| *end != ReplyPutOutcome::NotAsked)
    );
    let attempt = store.attempt_fetch(run, 0).await.unwrap().unwrap();
    assert_eq!(
        attempt.asks.last().unwrap().reply,
        Some(format!("reply {}", stored[0]))
    );
    let told = store
        .event_list(sluice_store::EventSeq(0), None, 100)
        .await
        .unwrap();
    assert_eq!(told.len(), 1);
}

pub(crate) async fn a_parked_run_never_misses_its_reply(store: Store) {
    for round in 0..20 {
        let (run, _) = open(&store, &format!("p{round}"), rule()).await;
        request(&store, run, 0, 0).await;
        let park = {
            let store = store.clone();
            tokio::spawn(async move { store.run_park(run, Step(0), 0, 0).await.unwrap() })
        };
        let put = {
            let store = store.clone();
            let new = reply(run, 0, 0, "from outside");
            tokio::spawn(async move { store.attempt_reply_put(new, &[]).await.unwrap() })
        };
        assert_eq!(put.await.unwrap(), ReplyPutOutcome::Stored);
        assert!(matches!(
            park.await.unwrap(),
            RunParkOutcome::Parked | RunParkOutcome::Replied
        ));
        let due = store.run_fetch(run).await.unwrap().unwrap().due_at;
        assert!(
            due.is_some(),
            "round {round}: the reply is there and nobody looks"
        );
    }
    let (run, next) = open(&store, "parked", rule()).await;
    request(&store, run, 0, 0).await;
    let parked = store.run_park(run, Step(0), 0, 0).await.unwrap();
    assert_eq!(parked, RunParkOutcome::Parked);
    assert_eq!(store.run_fetch(run).await.unwrap().unwrap().due_at, None);
    assert_eq!(store.run_wake_parked(at(7)).await.unwrap(), 1);
    assert_eq!(store.run_wake_parked(at(8)).await.unwrap(), 0);
    let due = store.run_fetch(run).await.unwrap().unwrap().due_at;
    assert_eq!(due, Some(at(7)));
    crate::world::step(&store, run, &next, committed()).await;
    let parked = store.run_park(run, Step(0), 0, 0).await.unwrap();
    assert_eq!(parked, RunParkOutcome::Stale { now: Step(1) });
    let due = store.run_fetch(run).await.unwrap().unwrap().due_at;
    assert_eq!(due, Some(at(3)), "the checks are due");
}

pub(crate) async fn an_attempt_remembers_what_came_of_it(store: Store) {
    let (id, run) = open(&store, "p", rule()).await;
    request(&store, id, 0, 0).await;
    request(&store, id, 0, 1).await;
    request(&store, id, 1, 0).await;
    let next = run.apply(run.step(), committed()).unwrap();
    let change = AttemptChange {
        n: 0,
        commit: Some("c1".into()),
        tree: Some("t1".into()),
        receipts: Some(json!([{"path": "a.ts", "took": true}])),
        held: Some(vec!["package-lock.json".into()]),
        ..AttemptChange::default()
    };
    let commit = RunCommit {
        attempt: Some(change),
        ..RunCommit::new(id, run.step(), next.clone(), at(3))
    };
    store.run_commit(commit).await.unwrap();
    let failed = next
        .apply(
            next.step(),
            sluice_gates::Event::Checked(sluice_gates::Verdict::Fail(Signature("s1".into()))),
        )
        .unwrap();
    let change = AttemptChange {
        n: 0,
        report: Some(json!({"verdict": "fail"})),
        failure: Some(Signature("s1".into())),
        note: Some("the build\0 failed".into()),
        checked_at: Some(at(8)),
        ..AttemptChange::default()
    };
    let commit = RunCommit {
        attempt: Some(change),
        ..RunCommit::new(id, next.step(), failed, at(8))
    };
    store.run_commit(commit).await.unwrap();

    let attempts = store.attempt_list(id).await.unwrap();
    let [first, second] = &attempts[..] else {
        panic!("two attempts were asked for: {attempts:?}");
    };
    assert_eq!((first.asks.len(), second.asks.len()), (2, 1));
    assert_eq!((second.n, second.commit.as_deref()), (1, None));
    assert_eq!(
        first.commit.as_deref(),
        Some("c1"),
        "the second change left it"
    );
    assert_eq!(first.tree.as_deref(), Some("t1"));
    assert_eq!(
        first.receipts,
        Some(json!([{"path": "a.ts", "took": true}]))
    );
    assert_eq!(first.report, Some(json!({"verdict": "fail"})));
    assert_eq!(first.failure, Some(Signature("s1".into())));
    assert_eq!(first.note.as_deref(), Some("the build\u{FFFD} failed"));
    assert_eq!(first.held, ["package-lock.json"]);
    assert_eq!(first.checked_at, Some(at(8)));
    assert_eq!(now(&store, id).await, Step(2));
}
