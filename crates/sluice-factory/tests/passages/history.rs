//! What a run leaves for whoever looks later: events, the error history, faults.

use sluice_factory::Gate;
use sluice_factory::view::EventView;

use crate::world::{GATE, GOOD, PROJECT, World, open};

const NO_GOALS: &str = "```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nPeople add numbers.\n```\n";

/// A word for each event, with what it moved to.
fn told(events: &[EventView]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event.kind.as_str() {
            "run.moved" => format!("-> {}", event.body["state"].as_str().unwrap()),
            kind => kind.to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn the_events_tell_the_story_in_order_and_without_a_gap() {
    let world = World::new().await;
    world.script.says(NO_GOALS);
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    world.approve(Gate::G0).await;
    let events = world.factory.event_list(0, None, 1000).await.unwrap();
    assert_eq!(
        told(&events),
        [
            "project.created",
            "gate.started",
            "attempt.asked",
            "attempt.replied",
            "attempt.taken",
            "-> checking",
            "attempt.checked",
            "-> healing",
            "attempt.asked",
            "attempt.replied",
            "attempt.taken",
            "-> checking",
            "attempt.checked",
            "-> awaiting_approval",
            "gate.decided",
            "-> sealing",
            "gate.sealed",
            "-> approved",
        ]
    );
    let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
    let first = numbers[0];
    let expected: Vec<i64> = (first..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
    // Whoever stopped reading goes on where they stopped.
    let after = world
        .factory
        .event_list(numbers[8], Some(PROJECT), 3)
        .await
        .unwrap();
    assert_eq!(told(&after), told(&events[9..12]));
    assert!(
        events
            .iter()
            .all(|event| event.project.as_deref() == Some(PROJECT))
    );
}

#[tokio::test]
async fn a_fault_that_was_found_is_in_the_history_and_resolved_by_the_attempt_that_mends_it() {
    let world = World::new().await;
    world.script.says(NO_GOALS);
    world
        .script
        .says(&NO_GOALS.replace("numbers", "two numbers"));
    world.start(Gate::G0).await;
    let list = |resolved| {
        let factory = world.factory.clone();
        async move {
            let page = factory
                .finding_list(PROJECT, Some(Gate::G0), resolved, None, 100)
                .await;
            page.unwrap().items
        }
    };
    let open = list(Some(false)).await;
    assert_eq!(open.len(), 1, "the same finding twice is one: {open:?}");
    assert_eq!((open[0].attempt, open[0].check.as_str()), (0, "documents"));
    assert_eq!(open[0].finding["path"], "docs/SCOPE.md");
    assert!(list(Some(true)).await.is_empty());

    world.script.says(GOOD);
    // The agent had nothing more to say; its fault is waited out.
    while world.gate(Gate::G0).await.state == "healing" {
        world.settle().await;
        tokio::task::yield_now().await;
    }
    assert!(list(Some(false)).await.is_empty());
    let resolved = list(Some(true)).await;
    assert_eq!(
        (resolved[0].id.as_str(), resolved[0].resolved_by),
        (open[0].id.as_str(), Some(2))
    );
    let elsewhere = world
        .factory
        .finding_list(PROJECT, Some(Gate::G5), None, None, 100)
        .await
        .unwrap();
    assert!(elsewhere.items.is_empty());
}

#[tokio::test]
async fn an_agent_without_a_reply_is_named_and_asked_again() {
    let world = World::new().await;
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "working");
    let fault = view.fault.unwrap();
    assert!(
        fault.contains("script") && fault.contains("one more reply"),
        "{fault}"
    );
    world.script.says(GOOD);
    while world.gate(Gate::G0).await.state == "working" {
        world.settle().await;
        tokio::task::yield_now().await;
    }
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.fault),
        ("awaiting_approval", None)
    );
    assert_eq!(world.attempts(Gate::G0).await, [(0, "green".to_owned())]);
}

#[tokio::test]
async fn the_question_says_what_was_tried_and_how_to_see_it() {
    let gate = GATE.replace("heal_attempts = 3", "heal_attempts = 1");
    let world = World::with(&gate, true).await;
    world.script.says(NO_GOALS);
    world
        .script
        .says(&NO_GOALS.replace("numbers", "two numbers"));
    world.start(Gate::G0).await;
    let id = world.question(Gate::G0).await;
    let question = world.factory.escalation_fetch(id).await.unwrap().question;
    assert_eq!(question["failing"], serde_json::json!(["docs/SCOPE.md"]));
    let attempts = question["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2);
    let signature = |n: usize| attempts[n]["failure"].as_str().unwrap();
    assert_eq!(signature(0), signature(1), "they failed in the same way");
    assert_ne!(attempts[0]["commit"], attempts[1]["commit"]);
    assert_eq!(question["findings"][0]["finding"]["path"], "docs/SCOPE.md");
    assert!(
        question["summary"]
            .as_str()
            .unwrap()
            .starts_with("g0: docs/SCOPE.md")
    );
}

#[tokio::test]
async fn a_gate_file_that_is_edited_meanwhile_does_not_change_a_run_under_way() {
    let world = World::new().await;
    world.script.says(NO_GOALS);
    world.start(Gate::G0).await;
    let easy = GATE.replace("sections = [\"Goals\"]", "sections = [\"Aims\"]");
    let factory = open(world.folder.path(), &easy, Some(&world.script)).await;
    world
        .script
        .says(&NO_GOALS.replace("numbers", "two numbers"));
    let state = || async {
        let attempts = factory.attempt_list(PROJECT, Gate::G0).await.unwrap();
        attempts[1].state.clone()
    };
    while ["asked", "replied"].contains(&state().await.as_str()) {
        factory.tick().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(state().await, "red", "Goals are asked for still");
}
