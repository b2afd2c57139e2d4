//! Stories about events.

use serde_json::json;
use sluice_store::{EventSeq, RunCommit, RunCommitOutcome, Store};

use super::race;
use crate::world::{at, committed, event, open};

pub(crate) async fn events_come_in_order_without_a_gap(store: Store) {
    // A reader that follows while fifty write must see 1, 2, 3 and so on: whoever shows 11 before 10 makes a
    // stream that resumes after 11 lose 10.
    let reader = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut watch = store.events_watch();
            let mut seen = Vec::new();
            while seen.len() < 100 {
                let after = EventSeq(seen.last().copied().unwrap_or(0));
                let found = store.event_list(after, None, 7).await.unwrap();
                if found.is_empty() {
                    watch.changed().await.unwrap();
                }
                seen.extend(found.into_iter().map(|event| event.seq.0));
            }
            seen
        })
    };
    let seqs = race(&store, 100, |store, n| async move {
        let project = format!("p{}", n % 2);
        let new = event(&project, &format!("kind.{n}"));
        store.event_append(new).await.unwrap().0
    })
    .await;
    let all: Vec<i64> = (1..=100).collect();
    assert_eq!(reader.await.unwrap(), all);
    let mut seqs = seqs;
    seqs.sort_unstable();
    assert_eq!(seqs, all);

    let mine = store
        .event_list(EventSeq(0), Some("p1"), 1000)
        .await
        .unwrap();
    assert_eq!(mine.len(), 50);
    assert!(
        mine.iter()
            .all(|event| event.project.as_deref() == Some("p1"))
    );
    let last = store.event_list(EventSeq(99), None, 10).await.unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].body, json!({"kind": last[0].kind}));
    assert_eq!(last[0].at, at(0));
}

pub(crate) async fn watchers_wake_after_the_commit(store: Store) {
    let (id, run) = open(&store, "p", crate::world::rule()).await;
    let mut watch = store.events_watch();
    watch.mark_unchanged();
    let next = run.apply(run.step(), committed()).unwrap();
    let commit = RunCommit {
        events: vec![event("p", "a"), event("p", "b")],
        ..RunCommit::new(id, run.step(), next, at(3))
    };
    let stale = RunCommit {
        expected: run.step(),
        ..commit.clone()
    };
    let outcome = store.run_commit(commit).await.unwrap();
    let last_seq = Some(EventSeq(2));
    assert_eq!(outcome, RunCommitOutcome::Committed { last_seq });
    watch.changed().await.unwrap();
    assert_eq!(*watch.borrow_and_update(), EventSeq(2));
    assert_eq!(
        store.event_list(EventSeq(0), None, 10).await.unwrap().len(),
        2
    );

    // What did not happen wakes nobody and uses no number.
    let outcome = store.run_commit(stale).await.unwrap();
    assert!(matches!(outcome, RunCommitOutcome::Stale { .. }));
    assert!(!watch.has_changed().unwrap());
    assert_eq!(
        store.event_append(event("p", "c")).await.unwrap(),
        EventSeq(3)
    );
}
