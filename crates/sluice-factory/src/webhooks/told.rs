//! Which events webhooks are told of, and in which words: who, what and where, no text of a person or an agent.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sluice_store::EventRecord;

/// Every type of message that a webhook can ask for.
pub const WEBHOOK_EVENTS: [&str; 8] = [
    "gate.awaiting_approval",
    "gate.held",
    "gate.decided",
    "gate.ruled",
    "gate.sealed",
    "escalation.opened",
    "escalation.answered",
    "question.asked",
];

/// A message that an event makes.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) kind: &'static str,
    pub(super) project: String,
    pub(super) data: Value,
}

/// What is told of an event; most are nobody's concern outside.
pub(super) fn told(event: &EventRecord) -> Option<Told> {
    let project = event.project.clone()?;
    let body = &event.body;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let kind = match (event.kind.as_str(), text("state"), text("kind")) {
        // An approval of several leaves the gate where it waits.
        ("run.moved", Some(state), _) if text("before") == Some(state) => return None,
        ("run.moved", Some("awaiting_approval"), _) => "gate.awaiting_approval",
        ("run.moved", Some("held"), _) => "gate.held",
        ("run.moved", Some("escalated"), _) => "escalation.opened",
        ("gate.decided", ..) => "gate.decided",
        ("gate.ruled", ..) => "gate.ruled",
        ("gate.sealed", ..) => "gate.sealed",
        ("escalation.answered", ..) => "escalation.answered",
        // What an agent asks holds its work up; what people ask does not.
        ("journal.opened", _, Some("question")) if text("run").is_some() => "question.asked",
        _ => return None,
    };
    // By name, so that what is added to an event later stays inside.
    let kept = [
        "gate",
        "run",
        "attempt",
        "subject_digest",
        "decision",
        "action",
        "allow",
        "to",
        "by",
        "role",
        "commit",
        "proof",
        "escalation",
        "entry",
    ];
    let mut data = Map::from_iter([("project".to_owned(), json!(project))]);
    for key in kept {
        if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
            data.insert(key.to_owned(), value.clone());
        }
    }
    let base = format!("/api/v1/projects/{project}");
    let link = match (kind, text("escalation"), text("gate")) {
        ("escalation.opened" | "escalation.answered", Some(id), _) => {
            format!("/api/v1/escalations/{id}")
        }
        ("question.asked", ..) => format!("{base}/journal"),
        (_, _, Some(gate)) => format!("{base}/gates/{gate}"),
        _ => base,
    };
    data.insert("link".to_owned(), json!(link));
    Some(Told {
        kind,
        project,
        data: Value::Object(data),
    })
}

/// The body of a message.
pub(super) fn payload(kind: &str, at: Timestamp, data: &Value) -> String {
    let at = at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    json!({ "type": kind, "timestamp": at, "data": data }).to_string()
}

#[cfg(test)]
mod tests;
