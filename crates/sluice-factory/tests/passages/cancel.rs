//! A run can be cancelled wherever it stands, until its decision is being sealed.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_agents::{Agent, AgentError, Answer, Hear, Request};
use sluice_factory::view::RunView;
use sluice_factory::{ActorKind, Gate, Refusal, Role};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::proof::{decision, expect_verified};
use crate::world::{
    GATE, GOOD, PROJECT, World, actor, approver, no_sandbox, open_on, operator, refused,
};

const NO_GOALS: &str = "```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nPeople add numbers.\n```\n";
const TEST: &str = "```ts:tests/a.test.ts\ntest('a', () => {});\n```\n";

/// A world whose first gate stands at a state.
async fn standing(state: &str) -> World {
    let gate = if state == "escalated" {
        GATE.replace("heal_attempts = 3", "heal_attempts = 0")
    } else {
        GATE.to_owned()
    };
    let world = World::with(&gate, !["working", "healing"].contains(&state)).await;
    match state {
        "working" => world.start(Gate::G0).await,
        "healing" => {
            let factory = &world.factory;
            factory
                .reply_put(PROJECT, NO_GOALS, &operator())
                .await
                .unwrap();
            world.settle().await;
        }
        "checking" => {
            world.script.says(GOOD);
            let factory = &world.factory;
            factory
                .gate_start(PROJECT, Gate::G0, &operator())
                .await
                .unwrap();
            assert!(factory.tick().await.unwrap());
        }
        "held" => {
            world.script.says(&format!("{NO_GOALS}\n{TEST}"));
            world
                .script
                .says(&format!("{GOOD}\n{}", TEST.replace("test(", "test.skip(")));
            world.start(Gate::G0).await;
        }
        "escalated" => {
            world.script.says(NO_GOALS);
            world.start(Gate::G0).await;
        }
        _ => {
            world.script.says(GOOD);
            world.start(Gate::G0).await;
        }
    }
    match state {
        "approved" => world.approve(Gate::G0).await,
        "sealing" => {
            let decide = world.decide(Gate::G0).await;
            let factory = &world.factory;
            factory
                .gate_approve(PROJECT, Gate::G0, decide, &approver())
                .await
                .unwrap();
        }
        _ => {}
    }
    assert_eq!(world.gate(Gate::G0).await.state, state);
    world
}

async fn cancel(world: &World) -> Result<RunView, Refusal> {
    let why = "Not now.".to_owned();
    let cancelled = world
        .factory
        .gate_cancel(PROJECT, Gate::G0, why, &operator())
        .await;
    world.settle().await;
    cancelled
}

#[tokio::test]
async fn an_open_run_is_cancelled_in_every_phase_and_leaves_work_as_it_was() {
    for state in [
        "working",
        "healing",
        "checking",
        "held",
        "escalated",
        "awaiting_approval",
    ] {
        let world = standing(state).await;
        let main = world.at("refs/heads/main");
        cancel(&world).await.unwrap();
        let view = world.gate(Gate::G0).await;
        assert_eq!(view.state, "cancelled", "from {state}");
        assert_eq!(world.at("refs/heads/work"), main, "from {state}");
        assert_eq!(world.at("refs/heads/main"), main, "from {state}");
        assert_eq!(world.on_disk("docs/SCOPE.md"), None, "from {state}");
        let proven = decision(&world, Gate::G0);
        assert_eq!(proven["decision"], "cancelled", "from {state}");
        assert_eq!(proven["comment"], "Not now.", "from {state}");
        assert_eq!(proven["who"]["name"], "Olga", "from {state}");
        // Not wedged: the gate starts again.
        world
            .factory
            .gate_start(PROJECT, Gate::G0, &operator())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_decision_that_is_being_sealed_or_is_sealed_stands() {
    for state in ["sealing", "approved"] {
        let world = standing(state).await;
        assert_eq!(refused(cancel(&world).await), "does_not_fit", "{state}");
        assert_eq!(world.gate(Gate::G0).await.state, "approved", "{state}");
        expect_verified(&world);
    }
}

#[tokio::test]
async fn only_a_person_who_operates_cancels() {
    let world = standing("awaiting_approval").await;
    for (who, expected) in [
        (actor("Vera", ActorKind::Person, Role::Viewer), "role"),
        (actor("bot", ActorKind::Agent, Role::Admin), "not_a_person"),
    ] {
        let why = String::new();
        let cancelled = world
            .factory
            .gate_cancel(PROJECT, Gate::G0, why, &who)
            .await;
        assert_eq!(refused(cancelled), expected);
    }
    let why = String::new();
    let who = operator();
    let never = world
        .factory
        .gate_cancel(PROJECT, Gate::G5, why, &who)
        .await;
    assert_eq!(refused(never), "not_started");
}

/// Thinks until it is told to stop.
struct Thinker {
    asked: Arc<Notify>,
}

#[async_trait]
impl Agent for Thinker {
    fn name(&self) -> &str {
        "thinker"
    }

    async fn ask(
        &self,
        _: &Request,
        _: &dyn Hear,
        cancel: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        self.asked.notify_one();
        cancel.cancelled().await;
        Err(AgentError::Cancelled {
            agent: "thinker".to_owned(),
        })
    }
}

#[tokio::test]
async fn cancelling_ends_what_the_agent_is_doing() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(Notify::new());
    let agent = Arc::new(Thinker {
        asked: Arc::clone(&asked),
    });
    let factory = open_on(folder.path(), GATE, Some(agent), no_sandbox()).await;
    factory
        .project_create(PROJECT, "blank", "service", &operator())
        .await
        .unwrap();
    factory
        .gate_start(PROJECT, Gate::G0, &operator())
        .await
        .unwrap();
    let loops = tokio::spawn(Arc::clone(&factory).run(2));
    asked.notified().await;
    factory
        .gate_cancel(PROJECT, Gate::G0, "Enough.".to_owned(), &operator())
        .await
        .unwrap();
    let gate = || async { factory.gate_fetch(PROJECT, Gate::G0).await.unwrap() };
    while gate().await.state != "cancelled" {
        tokio::task::yield_now().await;
    }
    assert_eq!(gate().await.fault, None, "to be cancelled is no fault");
    factory.shutdown();
    loops.await.unwrap();
}
