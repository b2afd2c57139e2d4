//! Red attempts: healed, escalated, answered; replies that cannot be taken.

use std::collections::BTreeMap;

use sluice_factory::Gate;

use crate::world::{GOOD, PROJECT, World, approver};

const NO_GOALS: &str =
    "```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nPeople add numbers and see the sum.\n```\n";

#[tokio::test]
async fn a_red_attempt_is_healed_by_the_next_reply() {
    let world = World::new().await;
    world.script.says(NO_GOALS);
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let expected = [(0, "red".to_owned()), (1, "green".to_owned())];
    assert_eq!(world.attempts(Gate::G0).await, expected);
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    let prompt = world.script.last_prompt();
    for part in [
        "attempt 1",
        "docs/SCOPE.md",
        "Goals",
        "# Earlier attempts",
        "attempt 0 changed docs/SCOPE.md",
    ] {
        assert!(prompt.contains(part), "{part:?} is not in\n{prompt}");
    }
}

#[tokio::test]
async fn three_heals_are_spent_then_a_person_is_asked_and_the_answer_takes_it_on() {
    let world = World::new().await;
    for n in 0..4 {
        world
            .script
            .says(&NO_GOALS.replace("the sum", &format!("sum {n}")));
    }
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "escalated");
    assert_eq!(world.attempts(Gate::G0).await.len(), 4);
    assert_eq!(world.script.asked.lock().unwrap().len(), 4);

    let id = view.escalation.unwrap().parse().unwrap();
    let escalation = world.factory.escalation_fetch(id).await.unwrap();
    assert_eq!(escalation.question["attempts"].as_array().unwrap().len(), 4);
    assert!(
        escalation.question["summary"]
            .as_str()
            .unwrap()
            .contains("docs/SCOPE.md")
    );

    world.script.says(GOOD);
    world
        .factory
        .escalation_answer(
            id,
            "retry",
            "The heading is Goals.",
            BTreeMap::new(),
            &approver(),
        )
        .await
        .unwrap();
    world.settle().await;
    assert!(
        world
            .script
            .last_prompt()
            .contains("Anna: The heading is Goals.")
    );
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    assert_eq!(
        world.attempts(Gate::G0).await.last().unwrap(),
        &(4, "green".to_owned())
    );
    let again = world
        .factory
        .escalation_answer(id, "retry", "again", BTreeMap::new(), &approver())
        .await;
    assert!(again.unwrap_err().to_string().contains("has answered"));
}

#[tokio::test]
async fn the_same_failure_twice_changes_how_the_agent_is_asked() {
    let world = World::new().await;
    world.script.says(NO_GOALS);
    world.script.says(&NO_GOALS.replace("the sum", "the total"));
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let asked: Vec<String> = world
        .script
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.strategy.clone())
        .collect();
    assert_eq!(asked, ["normal", "normal", "whole_files"]);
    let events = world
        .factory
        .event_list(0, Some(PROJECT), 1000)
        .await
        .unwrap();
    assert!(events.iter().any(|event| event.kind == "run.strategy"));
}

#[tokio::test]
async fn a_healing_that_changes_nothing_is_not_checked_again() {
    let world = World::new().await;
    world.script.says(NO_GOALS);
    world.script.says(NO_GOALS);
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let states: Vec<String> = world
        .attempts(Gate::G0)
        .await
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    assert_eq!(states, ["red", "replied", "green"]);
    assert_eq!(
        world.script.asked.lock().unwrap()[2].strategy,
        "whole_files"
    );
}

#[tokio::test]
async fn a_reply_with_a_refused_path_is_refused_whole() {
    let world = World::new().await;
    let before = world.repo().ref_list("refs/").unwrap();
    world
        .script
        .says(&format!("{GOOD}\n```sh:../../evil.sh\nid\n```\n"));
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    assert!(!world.folder.path().join("evil.sh").exists());
    assert_eq!(
        world.attempts(Gate::G0).await,
        [(0, "refused".to_owned()), (1, "green".to_owned())]
    );
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 0)
        .await
        .unwrap();
    assert!(attempt.files.is_empty());
    assert_eq!(attempt.findings[0].finding.rule, "path_rejected");
    assert!(
        world.script.last_prompt().contains("../../evil.sh"),
        "{}",
        world.script.last_prompt()
    );
    assert!(world.repo().ref_list("refs/").unwrap().len() > before.len());
}

#[tokio::test]
async fn an_empty_reply_is_asked_again_and_spends_no_attempt() {
    for (reply, wrong) in [
        ("I will do it at once!", "it only talks"),
        (" \n\r\n", "it is empty"),
        ("```ts\nx;\n```\n", "its one fenced block names no path"),
        (
            "<write_to_file>\n<path>a.ts</path>\n</write_to_file>\n",
            "Line 1: `<write_to_file>` calls a tool",
        ),
    ] {
        let world = World::new().await;
        world.script.says(reply);
        world.script.says("");
        world.script.says(GOOD);
        world.start(Gate::G0).await;
        assert_eq!(world.attempts(Gate::G0).await, [(0, "green".to_owned())]);
        let asked = world.script.asked.lock().unwrap();
        let prompts: Vec<&str> = asked.iter().map(|one| one.prompt.as_str()).collect();
        assert!(!prompts[0].contains("holds no file"));
        assert!(prompts[1].contains(wrong), "{}", prompts[1]);
        assert!(prompts[2].contains("it is empty"), "{}", prompts[2]);
        for prompt in &prompts[1..] {
            assert!(prompt.contains("Put each file whole into a fenced block"));
        }
    }
}

#[tokio::test]
async fn a_fault_of_the_agent_spends_no_attempt_and_is_tried_again() {
    let world = World::new().await;
    world.script.breaks("the line is cut");
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "working");
    assert!(view.fault.unwrap().contains("the line is cut"));
    // The next try is due after one second; wait for the state, not for a time.
    while world.gate(Gate::G0).await.state == "working" {
        world.settle().await;
        tokio::task::yield_now().await;
    }
    assert_eq!(world.attempts(Gate::G0).await, [(0, "green".to_owned())]);
    assert_eq!(world.gate(Gate::G0).await.fault, None);
}

#[tokio::test]
async fn an_attempt_that_moves_a_test_is_held_for_a_person() {
    let world = World::new().await;
    let with_test =
        format!("{NO_GOALS}\n```ts:tests/add.test.ts\ntest('adds', () => {{}});\n```\n");
    let moved = format!("{GOOD}\n```ts:tests/add.test.ts\ntest.skip('adds', () => {{}});\n```\n");
    world.script.says(&with_test);
    world.script.says(&moved);
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.held.as_slice()),
        ("held", ["tests/add.test.ts".to_owned()].as_slice())
    );

    world.script.says(GOOD);
    world
        .factory
        .gate_rule(
            PROJECT,
            Gate::G0,
            false,
            "Tests stay.".to_owned(),
            &approver(),
        )
        .await
        .unwrap();
    world.settle().await;
    assert!(world.script.last_prompt().contains("Tests stay."));
    // Nothing builds on what was ruled out: the test is as it was.
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 2)
        .await
        .unwrap();
    assert!(
        attempt
            .diff
            .unwrap()
            .files
            .iter()
            .all(|file| file.path == "docs/SCOPE.md")
    );
}

#[tokio::test]
async fn what_a_person_allows_is_what_later_attempts_are_measured_by() {
    let world = World::new().await;
    world.script.says(&format!(
        "{NO_GOALS}\n```ts:tests/add.test.ts\ntest('adds', () => {{}});\n```\n"
    ));
    world.script.says(&format!(
        "{GOOD}\n```ts:tests/add.test.ts\ntest('adds 1', () => {{}});\n```\n"
    ));
    world.start(Gate::G0).await;
    world
        .factory
        .gate_rule(
            PROJECT,
            Gate::G0,
            true,
            "The test was wrong.".to_owned(),
            &approver(),
        )
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
}
