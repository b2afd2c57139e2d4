//! Stories about webhooks: what is on its way stays on its way.

use jiff::Timestamp;
use sluice_store::{
    DeliveryId, DeliveryRecord, DeliveryState, DeliveryTry, EventSeq, NewDelivery, Store,
    StoreError, TryEnd,
};

use crate::world::{at, event};

fn message(event: Option<i64>, second: i64) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(),
        event: event.map(EventSeq),
        kind: "gate.decided".into(),
        payload: r#"{"type":"gate.decided"}"#.into(),
        at: at(second),
    }
}

async fn configured(store: &Store, names: &[(&str, &str)]) {
    let names: Vec<(String, String)> = names
        .iter()
        .map(|(id, target)| ((*id).to_owned(), (*target).to_owned()))
        .collect();
    store.webhook_sync(&names).await.unwrap();
}

async fn due(store: &Store, webhook: &str, now: Timestamp) -> Vec<DeliveryId> {
    let due = store.delivery_list_due(webhook, now, 10).await.unwrap();
    due.into_iter().map(|one| one.id).collect()
}

async fn fetch(store: &Store, id: DeliveryId) -> DeliveryRecord {
    store.delivery_fetch(id).await.unwrap().unwrap()
}

async fn note(store: &Store, id: DeliveryId, second: i64, status: Option<u16>, end: TryEnd) {
    let at = at(second);
    store
        .delivery_note(id, DeliveryTry { at, status, end })
        .await
        .unwrap();
}

pub(crate) async fn an_event_makes_one_message_to_each_webhook(store: Store) {
    store.event_append(event("p", "before")).await.unwrap();
    configured(&store, &[("a", "t1"), ("b", "t2")]).await;
    let record = store.webhook_fetch("a").await.unwrap().unwrap();
    // It is told what happens from now on.
    assert_eq!((record.cursor, record.waiting), (EventSeq(1), 0));

    let first = message(Some(2), 0);
    let put = [first.clone(), message(Some(3), 0)];
    store
        .delivery_put("a", Some(EventSeq(3)), &put)
        .await
        .unwrap();
    // A process that was killed before it knew looks at the same events again.
    let again = [
        message(Some(2), 5),
        message(Some(3), 5),
        message(Some(4), 5),
    ];
    store
        .delivery_put("a", Some(EventSeq(4)), &again)
        .await
        .unwrap();
    store
        .delivery_put("b", Some(EventSeq(2)), &[message(Some(2), 0)])
        .await
        .unwrap();
    let page = store.delivery_list("a", None, None, 10).await.unwrap();
    assert_eq!(page.items.len(), 3);
    assert_eq!(
        due(&store, "a", at(9)).await,
        [put[0].id, put[1].id, again[2].id]
    );
    assert_eq!(due(&store, "b", at(9)).await.len(), 1);
    // A late writer does not put the cursor back.
    store
        .delivery_put("a", Some(EventSeq(1)), &[])
        .await
        .unwrap();
    let record = store.webhook_fetch("a").await.unwrap().unwrap();
    assert_eq!((record.cursor, record.waiting), (EventSeq(4), 3));
    assert_eq!(record.next_due_at, Some(at(0)));

    let kept = fetch(&store, first.id).await;
    let expected = (Some(EventSeq(2)), DeliveryState::Waiting, 0, Some(at(0)));
    assert_eq!((kept.event, kept.state, kept.tries, kept.due_at), expected);
    assert_eq!(kept.payload, first.payload);
    let unknown = store.delivery_put("c", None, &[message(None, 0)]).await;
    assert!(
        matches!(unknown, Err(StoreError::Missing { .. })),
        "{unknown:?}"
    );
}

pub(crate) async fn a_message_waits_until_it_is_taken_or_given_up(store: Store) {
    configured(&store, &[("a", "t")]).await;
    let (first, second) = (message(Some(1), 0), message(None, 0));
    let (one, two) = (first.id, second.id);
    store
        .delivery_put("a", None, &[first, second])
        .await
        .unwrap();
    let error = || "it answered 500\0".to_owned();
    let later = TryEnd::NotTaken {
        error: error(),
        next: Some(at(60)),
    };
    note(&store, one, 1, Some(500), later).await;
    assert_eq!(due(&store, "a", at(59)).await, [two]);
    assert_eq!(due(&store, "a", at(60)).await, [two, one]);
    let waiting = fetch(&store, one).await;
    assert_eq!((waiting.tries, waiting.status), (1, Some(500)));
    assert_eq!(waiting.error.as_deref(), Some("it answered 500\u{FFFD}"));
    let failing = store.webhook_fetch("a").await.unwrap().unwrap();
    assert_eq!(
        (failing.last_error_at, failing.last_success_at),
        (Some(at(1)), None)
    );

    note(&store, one, 61, Some(204), TryEnd::Taken).await;
    let taken = fetch(&store, one).await;
    assert_eq!((taken.state, taken.tries), (DeliveryState::Delivered, 2));
    assert_eq!(
        (taken.due_at, taken.ended_at, taken.error),
        (None, Some(at(61)), None)
    );
    // What comes late changes nothing.
    let late = TryEnd::NotTaken {
        error: error(),
        next: Some(at(99)),
    };
    note(&store, one, 62, None, late).await;
    assert_eq!(fetch(&store, one).await.state, DeliveryState::Delivered);

    let last = TryEnd::NotTaken {
        error: error(),
        next: None,
    };
    note(&store, two, 63, None, last).await;
    let failed = store
        .delivery_list("a", Some(DeliveryState::Failed), None, 10)
        .await
        .unwrap();
    assert_eq!(failed.items.len(), 1);
    assert_eq!(store.delivery_next_due("a").await.unwrap(), None);
    let again = store.delivery_again(two, at(70)).await.unwrap().unwrap();
    assert_eq!((again.id, again.tries, again.ended_at), (two, 0, None));
    assert_eq!(due(&store, "a", at(70)).await, [two]);
    assert_eq!(
        store
            .delivery_again(DeliveryId::new(), at(70))
            .await
            .unwrap(),
        None
    );

    // What ended a month ago is not kept.
    let month = 31 * 24 * 3600;
    store
        .delivery_put("a", None, &[message(None, month)])
        .await
        .unwrap();
    assert_eq!(store.delivery_fetch(one).await.unwrap(), None);
    assert!(store.delivery_fetch(two).await.unwrap().is_some());
}

pub(crate) async fn a_webhook_that_is_gone_is_disabled_until_it_takes_something(store: Store) {
    configured(&store, &[("a", "t"), ("b", "t")]).await;
    let (first, second) = (message(Some(1), 0), message(Some(2), 0));
    let (one, two) = (first.id, second.id);
    store
        .delivery_put("a", None, &[first, second])
        .await
        .unwrap();
    store
        .delivery_put("b", None, &[message(Some(1), 0)])
        .await
        .unwrap();
    let gone = || TryEnd::Gone {
        error: "it answered 410".to_owned(),
    };
    note(&store, one, 1, Some(410), gone()).await;
    let record = store.webhook_fetch("a").await.unwrap().unwrap();
    assert_eq!((record.disabled_at, record.waiting), (Some(at(1)), 0));
    let given_up = fetch(&store, two).await;
    assert_eq!((given_up.state, given_up.tries), (DeliveryState::Failed, 0));
    assert_eq!(due(&store, "b", at(9)).await.len(), 1);

    store.delivery_again(two, at(5)).await.unwrap();
    note(&store, two, 6, Some(200), TryEnd::Taken).await;
    let record = store.webhook_fetch("a").await.unwrap().unwrap();
    assert_eq!(
        (record.disabled_at, record.last_success_at),
        (None, Some(at(6)))
    );

    // Another address is another receiver; one that is not configured any more is forgotten.
    store.delivery_again(one, at(7)).await.unwrap();
    note(&store, one, 8, Some(410), gone()).await;
    configured(&store, &[("a", "t"), ("b", "t")]).await;
    let disabled = store.webhook_fetch("a").await.unwrap().unwrap();
    assert_eq!(disabled.disabled_at, Some(at(8)));
    configured(&store, &[("a", "another")]).await;
    let all = store.webhook_list().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].id.as_str(), all[0].disabled_at), ("a", None));
    assert!(due(&store, "b", at(9)).await.is_empty());
}
