//! The journal: what is noted reaches the agents, and what an agent asks is answered before it is asked again.

use sluice_factory::{ActorKind, EntryFilter, EntryKind, EntryState, Gate, JournalChange, Role};

use crate::proof::{decision, expect_verified};
use crate::world::{GATE, GOOD, PROJECT, World, actor, approver, operator, refused};

fn answer(text: &str) -> JournalChange {
    JournalChange {
        answer: Some(text.to_owned()),
        ..JournalChange::default()
    }
}

async fn asked(world: &World) -> Vec<sluice_factory::view::JournalView> {
    let filter = EntryFilter {
        kind: Some(EntryKind::Question),
        ..EntryFilter::default()
    };
    let page = world.factory.journal_list(PROJECT, filter, None, 10).await;
    page.unwrap().items
}

#[tokio::test]
async fn what_is_open_reaches_the_agents_of_its_gate() {
    let world = World::new().await;
    let note = async |kind, text: &str, gate| {
        let olga = operator();
        let made = world
            .factory
            .journal_create(PROJECT, kind, text, gate, &olga);
        made.await.unwrap()
    };
    note(EntryKind::Risk, "The clock may jump.", None).await;
    note(EntryKind::Deliverable, "A manual.", Some(Gate::G1)).await;
    let past = note(EntryKind::Note, "Old news.", Some(Gate::G0)).await;
    let close = JournalChange {
        state: Some(EntryState::Closed),
        version: Some(1),
        ..JournalChange::default()
    };
    let id = past.id.parse().unwrap();
    let olga = operator();
    let closed = world
        .factory
        .journal_change(PROJECT, id, close.clone(), &olga);
    assert_eq!(closed.await.unwrap().state, "closed");
    let again = world.factory.journal_change(PROJECT, id, close, &olga);
    assert_eq!(refused(again.await), "stale_entry");
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let prompt = world.script.last_prompt();
    assert!(
        prompt.contains("- risk (Olga): The clock may jump."),
        "{prompt}"
    );
    assert!(!prompt.contains("A manual.") && !prompt.contains("Old news."));
    let vera = actor("Vera", ActorKind::Person, Role::Viewer);
    let refusal = world
        .factory
        .journal_create(PROJECT, EntryKind::Note, "x", None, &vera);
    assert_eq!(refused(refusal.await), "role");
    let empty = world
        .factory
        .journal_create(PROJECT, EntryKind::Note, " \n", None, &olga);
    assert_eq!(refused(empty.await), "text");
}

#[tokio::test]
async fn an_agent_asks_and_goes_on_with_the_answer() {
    let world = World::new().await;
    world
        .script
        .says("I need to know.\n\n```question\nWhich database?\n```\n");
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.waits_for.as_str()),
        ("working", "person")
    );
    assert!(view.waits_for_text.contains("Which database?"));
    assert_eq!(
        world.script.asked.lock().unwrap().len(),
        1,
        "it is not asked meanwhile"
    );
    let question = asked(&world).await.remove(0);
    assert_eq!(
        (question.state.as_str(), question.attempt),
        ("open", Some(0))
    );
    let id = question.id.parse().unwrap();

    let agent = actor("bot", ActorKind::Agent, Role::Admin);
    let by_agent = world
        .factory
        .journal_change(PROJECT, id, answer("SQLite."), &agent);
    assert_eq!(refused(by_agent.await), "not_a_person");
    // A restart changes nothing about that.
    world
        .factory
        .store()
        .run_wake_parked(jiff::Timestamp::now())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.waits_for, "person");

    let anna = approver();
    let answered = world
        .factory
        .journal_change(PROJECT, id, answer("SQLite."), &anna);
    assert_eq!(answered.await.unwrap().state, "answered");
    let twice = world
        .factory
        .journal_change(PROJECT, id, answer("No."), &anna);
    assert_eq!(refused(twice.await), "already_answered");
    world.settle().await;
    let prompt = world.script.last_prompt();
    assert!(
        prompt.contains("- question (script): Which database?\n  Answered by Anna: SQLite."),
        "{prompt}"
    );
    assert!(!prompt.contains("# What failed"), "{prompt}");
    assert_eq!(
        world.attempts(Gate::G0).await,
        [(0, "green".to_owned())],
        "none was spent"
    );
    world.approve(Gate::G0).await;
    expect_verified(&world);
    let escalations = decision(&world, Gate::G0)["escalations"].clone();
    assert_eq!(
        escalations,
        serde_json::json!([{ "question": "Which database?", "answer": "SQLite.",
            "who": { "name": "Anna", "kind": "person" } }])
    );
}

#[tokio::test]
async fn what_comes_with_a_question_is_taken_and_the_next_attempt_waits() {
    let world = World::new().await;
    let poor = "```md:docs/SCOPE.md\n# Scope\n```\n\n```question\nWhich goals?\n```\n\n```question\nWhose?\n```\n";
    world.script.says(poor);
    world.start(Gate::G0).await;
    assert_eq!(world.attempts(Gate::G0).await, [(0, "red".to_owned())]);
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.waits_for.as_str()),
        ("healing", "person")
    );
    let questions = asked(&world).await;
    assert_eq!(questions.len(), 2);
    world.script.says(GOOD);
    let anna = approver();
    let id = questions[0].id.parse().unwrap();
    world
        .factory
        .journal_change(PROJECT, id, answer("Sums."), &anna)
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(
        world.gate(Gate::G0).await.waits_for,
        "person",
        "one is still open"
    );
    let close = JournalChange {
        state: Some(EntryState::Closed),
        ..JournalChange::default()
    };
    let id = questions[1].id.parse().unwrap();
    world
        .factory
        .journal_change(PROJECT, id, close, &anna)
        .await
        .unwrap();
    world.settle().await;
    assert!(
        world
            .script
            .last_prompt()
            .contains("Answered by Anna: Sums.")
    );
    world.approve(Gate::G0).await;
    expect_verified(&world);
}

#[tokio::test]
async fn a_reply_from_outside_waits_for_the_answer_too() {
    let world = World::with(GATE, false).await;
    let olga = operator();
    let put = async |text: &str| world.factory.reply_put(PROJECT, text, &olga).await;
    put("```question\nWhich?\n```\n").await.unwrap();
    world.settle().await;
    assert_eq!(refused(put(GOOD).await), "question_open");
    let id = asked(&world).await[0].id.parse().unwrap();
    world
        .factory
        .journal_change(PROJECT, id, answer("That."), &approver())
        .await
        .unwrap();
    world.settle().await;
    put(GOOD).await.unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
}
