//! Replies that are handed in from outside.

use sluice_factory::{ActorKind, Gate, MAX_REPLY_BYTES, Role};

use crate::world::{GOOD, PROJECT, World, actor, operator, refused};

const NO_GOALS: &str = "```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nPeople add numbers.\n```\n";

#[tokio::test]
async fn a_reply_starts_the_gate_that_is_ready() {
    let world = World::outside().await;
    assert_eq!(world.gate(Gate::G0).await.state, "ready");
    let run = world
        .factory
        .reply_put(PROJECT, GOOD, &operator())
        .await
        .unwrap();
    assert_eq!((run.gate.as_str(), run.state.as_str()), ("g0", "working"));
    world.settle().await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "awaiting_approval");
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 0)
        .await
        .unwrap();
    assert_eq!(attempt.reply.as_deref(), Some(GOOD));
    assert!(
        attempt.request.contains("# Task: G0"),
        "{}",
        attempt.request
    );
    assert_eq!(attempt.summary.agent.as_deref(), Some("Olga"));
    let commit = world
        .repo()
        .commit_read(&view.subject.unwrap().commit.parse().unwrap())
        .unwrap();
    assert_eq!(commit.author.name, "Olga");
    world.approve(Gate::G0).await;

    // The next gate's reply goes to the next gate.
    let run = world
        .factory
        .reply_put(PROJECT, GOOD, &operator())
        .await
        .unwrap();
    assert_eq!(run.gate, "g1");
}

#[tokio::test]
async fn a_gate_that_was_started_waits_and_says_for_what() {
    let world = World::outside().await;
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.waits_for.as_str()),
        ("working", "agent")
    );
    assert!(
        view.waits_for_text.contains("/replies"),
        "{}",
        view.waits_for_text
    );
    // Started again, it is the same run.
    let again = world
        .factory
        .gate_start(PROJECT, Gate::G0, &operator())
        .await
        .unwrap();
    assert_eq!(Some(again.run), view.run);
    world
        .factory
        .reply_put(PROJECT, NO_GOALS, &operator())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "healing");
    world
        .factory
        .reply_put(PROJECT, GOOD, &operator())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(
        world.attempts(Gate::G0).await,
        [(0, "red".to_owned()), (1, "green".to_owned())]
    );
}

#[tokio::test]
async fn a_reply_is_handed_in_once() {
    let world = World::outside().await;
    world.start(Gate::G0).await;
    world
        .factory
        .reply_put(PROJECT, GOOD, &operator())
        .await
        .unwrap();
    let again = world
        .factory
        .reply_put(PROJECT, NO_GOALS, &operator())
        .await;
    assert_eq!(refused(again), "already_replied");
    world.settle().await;
    let late = world
        .factory
        .reply_put(PROJECT, NO_GOALS, &operator())
        .await;
    assert_eq!(refused(late), "not_waiting_for_reply");
    assert!(
        world
            .text("docs/SCOPE.md")
            .await
            .unwrap()
            .contains("## Goals")
    );
}

#[tokio::test]
async fn of_many_replies_at_once_one_is_taken() {
    let world = World::outside().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let factory = world.factory.clone();
        tasks.spawn(async move {
            let reply = GOOD.replace("People", &format!("People {n}"));
            factory
                .reply_put(PROJECT, &reply, &operator())
                .await
                .is_ok()
        });
    }
    let taken = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|taken| *taken)
        .count();
    assert_eq!(taken, 1);
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
}

#[tokio::test]
async fn a_reply_has_its_place_and_its_size() {
    let world = World::new().await;
    let at_agent = world.factory.reply_put(PROJECT, GOOD, &operator()).await;
    assert_eq!(refused(at_agent), "not_waiting_for_reply");

    let world = World::outside().await;
    let factory = &world.factory;
    let large = "x".repeat(MAX_REPLY_BYTES + 1);
    assert_eq!(
        refused(factory.reply_put(PROJECT, &large, &operator()).await),
        "body"
    );
    assert_eq!(
        world.gate(Gate::G0).await.state,
        "ready",
        "nothing was started"
    );
    let nowhere = factory.reply_put("nowhere", GOOD, &operator()).await;
    assert_eq!(refused(nowhere), "not_found");
    let viewer = actor("Vera", ActorKind::Person, Role::Viewer);
    assert_eq!(
        refused(factory.reply_put(PROJECT, GOOD, &viewer).await),
        "role"
    );
    // A program may work: it only may not decide.
    let bot = actor("bot", ActorKind::Agent, Role::Operator);
    factory.reply_put(PROJECT, GOOD, &bot).await.unwrap();
    world.settle().await;
    world.approve(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "approved");
}
