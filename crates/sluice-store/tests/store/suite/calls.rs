//! Stories about what agents were asked and what it cost.

use std::collections::BTreeMap;

use sluice_gates::Signature;
use sluice_store::{AttemptChange, NewCall, NewReply, RunCommit, RunId, Store};

use crate::world::{at, committed, event, open, passed, request, rule, step};

fn call(run: RunId, n: u16, model: Option<&str>, outcome: &'static str) -> NewCall {
    NewCall {
        run,
        n,
        ask: 0,
        gate: "g5".into(),
        role: "backend".into(),
        agent: "local".into(),
        model: model.map(str::to_owned),
        served: None,
        outcome,
        fault: None,
        input_tokens: Some(100),
        output_tokens: Some(7),
        cached_tokens: None,
        cost: Some((2_500, "USD".into())),
        tries: 1,
        millis: 40,
        at: at(5),
    }
}

pub(crate) async fn calls_are_listed_and_summed(store: Store) {
    let (run, machine) = open(&store, "p", rule()).await;
    request(&store, run, 0, 0).await;
    let failed = NewCall {
        fault: Some("busy\0".into()),
        input_tokens: None,
        output_tokens: None,
        cost: None,
        tries: 4,
        millis: 90,
        served: Some("m-1".into()),
        // Whatever a server claims.
        cached_tokens: Some(u64::MAX),
        ..call(run, 0, Some("m"), "failed")
    };
    let told = [event("p", "called")];
    store.call_put(vec![failed], &told).await.unwrap();
    let cents = NewCall {
        cost: Some((9, "EUR".into())),
        ..call(run, 0, Some("m"), "cut")
    };
    let outside = NewCall {
        cost: None,
        ..call(run, 0, None, "replied")
    };
    store
        .call_put(
            vec![cents, call(run, 0, Some("m"), "replied"), outside],
            &[],
        )
        .await
        .unwrap();
    store.call_put(Vec::new(), &told).await.unwrap();

    let list = store.call_list(run).await.unwrap();
    let outcomes: Vec<&str> = list.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!(outcomes, ["failed", "cut", "replied", "replied"]);
    assert_eq!(list[0].fault.as_deref(), Some("busy\u{FFFD}"));
    assert_eq!((list[0].tries, list[0].cost.clone()), (4, None));
    assert_eq!(list[2].cost, Some((2_500, "USD".to_owned())));
    assert_eq!((list[2].input_tokens, list[2].at), (Some(100), at(5)));
    assert_eq!(store.call_cost(run, "USD").await.unwrap(), 2_500);
    assert_eq!(store.call_cost(run, "EUR").await.unwrap(), 9);
    assert_eq!(store.call_cost(run, "XAU").await.unwrap(), 0);
    let events = store.event_list(sluice_store::EventSeq(0), None, 10).await;
    assert_eq!(events.unwrap().len(), 1);

    // Nothing is decided about the attempt yet.
    let sums = store.call_statistics().await.unwrap();
    assert!(sums.iter().all(|one| (one.attempts, one.passed) == (0, 0)));
    let machine = step(&store, run, &machine, committed()).await;
    let next = machine.apply(machine.step(), passed()).unwrap();
    let commit = RunCommit {
        attempt: Some(AttemptChange {
            checked_at: Some(at(6)),
            ..AttemptChange::default()
        }),
        ..RunCommit::new(run, machine.step(), next, at(6))
    };
    store.run_commit(commit).await.unwrap();

    let sums = store.call_statistics().await.unwrap();
    assert_eq!(sums.len(), 2);
    let of = |model: Option<&str>| sums.iter().find(|one| one.model.as_deref() == model);
    let model = of(Some("m")).unwrap();
    let counts = [("cut", 1), ("failed", 1), ("replied", 1)];
    assert_eq!(
        model.calls,
        BTreeMap::from(counts.map(|(word, count)| (word.to_owned(), count)))
    );
    assert_eq!(
        (model.tries, model.input_tokens, model.output_tokens),
        (6, 200, 14)
    );
    assert_eq!(model.cached_tokens, 1 << 40);
    assert_eq!((model.millis, model.longest_millis), (170, 90));
    assert_eq!(model.unpriced, 1);
    let costs = [("EUR", 9), ("USD", 2_500)];
    assert_eq!(
        model.cost_nanos,
        BTreeMap::from(costs.map(|(currency, nanos)| (currency.to_owned(), nanos)))
    );
    assert_eq!(
        (model.role.as_str(), model.gate.as_str()),
        ("backend", "g5")
    );
    assert_eq!(of(None).unwrap().unpriced, 1);
    assert_eq!(of(None).unwrap().passed, 1);
}

pub(crate) async fn a_reply_may_be_of_another_agent(store: Store) {
    let (run, machine) = open(&store, "p", rule()).await;
    request(&store, run, 0, 0).await;
    let reply = NewReply {
        run,
        n: 0,
        ask: 0,
        reply: "here".into(),
        agent: Some("second".into()),
        model: Some("m2".into()),
        replied_by: None,
        at: at(4),
    };
    store.attempt_reply_put(reply, &[]).await.unwrap();
    let attempt = store.attempt_fetch(run, 0).await.unwrap().unwrap();
    assert_eq!(attempt.agent, "second");
    // A red attempt counts, and is not passed.
    store
        .call_put(vec![call(run, 0, Some("m2"), "replied")], &[])
        .await
        .unwrap();
    let next = machine.apply(machine.step(), committed()).unwrap();
    let commit = RunCommit {
        attempt: Some(AttemptChange {
            failure: Some(Signature("red".into())),
            checked_at: Some(at(6)),
            ..AttemptChange::default()
        }),
        ..RunCommit::new(run, machine.step(), next, at(6))
    };
    store.run_commit(commit).await.unwrap();
    let sums = store.call_statistics().await.unwrap();
    assert_eq!((sums[0].attempts, sums[0].passed), (1, 0));
}
