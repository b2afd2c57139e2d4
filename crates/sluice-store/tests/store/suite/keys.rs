//! Stories about requests under a key.

use sluice_store::{KeptAnswer, KeyOutcome, KeyedRequest, Store};

use super::race;
use crate::world::at;

const DAY: i64 = 24 * 60 * 60;

fn request(principal: &str, key: &str, digest: &str) -> KeyedRequest {
    KeyedRequest {
        principal: principal.into(),
        route: "POST /projects".into(),
        key: key.into(),
        request: digest.into(),
        owner: "daemon".into(),
    }
}

fn created() -> KeptAnswer {
    KeptAnswer {
        status: 201,
        headers: vec![("location".into(), "/projects/x".into())],
        body: Some(b"{\"name\":\"x\0\"}".to_vec()),
    }
}

async fn claim(store: &Store, request: &KeyedRequest, second: i64) -> String {
    match store.key_claim(request, at(second)).await.unwrap() {
        KeyOutcome::Claimed(claim) => claim,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn of_fifty_requests_under_a_key_one_is_done(store: Store) {
    let outcomes = race(&store, 50, |store, _| async move {
        store.key_claim(&request("ada", "k", "d"), at(0)).await
    })
    .await;
    let won = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(KeyOutcome::Claimed(_))));
    assert_eq!(won.count(), 1);
    let lost = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(KeyOutcome::InFlight)));
    assert_eq!(lost.count(), 49);
}

pub(crate) async fn the_answer_under_a_key_is_kept_for_a_day(store: Store) {
    let first = request("ada", "k", "d");
    let other = request("ada", "k", "another");
    let work = claim(&store, &first, 0).await;
    assert_eq!(
        store.key_claim(&other, at(1)).await.unwrap(),
        KeyOutcome::Mismatch
    );
    // Another principal's key of the same text is another key.
    claim(&store, &request("bea", "k", "another"), 1).await;
    store.key_finish(&first, &work, created()).await.unwrap();
    for _ in 0..2 {
        let again = store.key_claim(&first, at(DAY - 1)).await.unwrap();
        assert_eq!(again, KeyOutcome::Done(created()));
    }
    assert_eq!(
        store.key_claim(&other, at(DAY - 1)).await.unwrap(),
        KeyOutcome::Mismatch
    );
    assert_eq!(store.key_sweep(at(DAY - 1)).await.unwrap(), 0);
    assert_eq!(store.key_sweep(at(DAY)).await.unwrap(), 1);
    claim(&store, &other, DAY).await;
}

pub(crate) async fn a_key_that_was_given_back_is_free(store: Store) {
    let first = request("ada", "k", "d");
    let work = claim(&store, &first, 0).await;
    store.key_release(&first, &work).await.unwrap();
    let work = claim(&store, &first, 1).await;
    // The daemon died; its next process gives back what it was at, and only that.
    let done = request("ada", "done", "d");
    let other = claim(&store, &done, 1).await;
    store.key_finish(&done, &other, created()).await.unwrap();
    assert_eq!(store.key_free("another daemon").await.unwrap(), 0);
    assert_eq!(store.key_free("daemon").await.unwrap(), 1);
    let again = claim(&store, &first, 2).await;
    assert_ne!(work, again);
    // A late answer of the one that died is not taken.
    store.key_finish(&first, &work, created()).await.unwrap();
    assert_eq!(
        store.key_claim(&first, at(3)).await.unwrap(),
        KeyOutcome::InFlight
    );
    assert_eq!(
        store.key_claim(&done, at(3)).await.unwrap(),
        KeyOutcome::Done(created())
    );
}

pub(crate) async fn a_key_that_nobody_gives_back_is_free_after_a_while(store: Store) {
    let first = request("ada", "k", "d");
    let lost = claim(&store, &first, 0).await;
    assert_eq!(
        store.key_claim(&first, at(299)).await.unwrap(),
        KeyOutcome::InFlight
    );
    let outcomes = race(&store, 10, |store, _| async move {
        store.key_claim(&request("ada", "k", "d"), at(301)).await
    })
    .await;
    let won: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Ok(KeyOutcome::Claimed(claim)) => Some(claim),
            _ => None,
        })
        .collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    assert_ne!(*won[0], lost);
}
