//! What is told of events.

use super::*;
use sluice_store::EventSeq;

fn event(kind: &str, body: Value) -> EventRecord {
    EventRecord {
        seq: EventSeq(1),
        project: Some("adder".to_owned()),
        kind: kind.to_owned(),
        body,
        at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_message_has_who_what_and_where_and_no_text_of_anybody() {
    let decided = event(
        "gate.decided",
        json!({
            "decision": "reject", "by": "Ada", "role": "approver", "comment": "the key is hunter2",
            "subject_digest": "d", "fields": { "design": "secret" }, "to": "g3", "gate": "g5", "run": "r",
        }),
    );
    let told = told(&decided).unwrap();
    let expected = json!({
        "project": "adder", "gate": "g5", "run": "r", "subject_digest": "d", "decision": "reject", "to": "g3",
        "by": "Ada", "role": "approver", "link": "/api/v1/projects/adder/gates/g5",
    });
    assert_eq!((told.kind, &told.data), ("gate.decided", &expected));
    let payload = payload(told.kind, decided.at, &json!({ "n": 1 }));
    let expected =
        r#"{"type":"gate.decided","timestamp":"1970-01-01T00:00:00.000000Z","data":{"n":1}}"#;
    assert_eq!(payload, expected);
}

#[test]
fn every_type_comes_of_an_event_and_the_rest_of_none() {
    let moved = |before: &str, state: &str| {
        let body = json!({ "before": before, "state": state, "gate": "g1", "run": "r", "escalation": "e" });
        event("run.moved", body)
    };
    let events = [
        moved("checking", "awaiting_approval"),
        moved("checking", "held"),
        event("gate.decided", json!({ "gate": "g1" })),
        event("gate.ruled", json!({ "gate": "g1" })),
        event("gate.sealed", json!({ "gate": "g1" })),
        moved("checking", "escalated"),
        event(
            "escalation.answered",
            json!({ "gate": "g1", "escalation": "e" }),
        ),
        event(
            "journal.opened",
            json!({ "kind": "question", "run": "r", "entry": "n", "text": "Which database?" }),
        ),
    ];
    let told_of: Vec<Told> = events.iter().filter_map(told).collect();
    let kinds: Vec<&str> = told_of.iter().map(|told| told.kind).collect();
    assert_eq!(kinds, WEBHOOK_EVENTS);
    let links: Vec<&str> = told_of
        .iter()
        .map(|told| told.data["link"].as_str().unwrap())
        .collect();
    assert_eq!(
        links[5..],
        [
            "/api/v1/escalations/e",
            "/api/v1/escalations/e",
            "/api/v1/projects/adder/journal"
        ]
    );
    let mut nobodys = event("gate.decided", json!({}));
    nobodys.project = None;
    for nothing in [
        moved("awaiting_approval", "awaiting_approval"),
        moved("working", "checking"),
        event("attempt.replied", json!({ "gate": "g1" })),
        event("journal.opened", json!({ "kind": "note", "run": "r" })),
        event("journal.opened", json!({ "kind": "question", "run": null })),
        nobodys,
    ] {
        assert_eq!(told(&nothing), None, "{nothing:?}");
    }
}
