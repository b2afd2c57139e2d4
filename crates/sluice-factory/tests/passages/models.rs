//! Several models at one gate: who is asked next, what it may cost, what is remembered of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sluice_agents::{Agent, AgentError, Answer, Call, CallEnd, Hear, Limits, Request, Usage};
use sluice_factory::{AgentTable, Gate, Named, Prices, Roles};
use sluice_store::EventSeq;
use tokio_util::sync::CancellationToken;

use crate::world::{
    GATE, GOOD, PROJECT, Script, Sound, World, no_sandbox, open_with, operator, refused,
};

const NO_GOALS: &str = "```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nPeople add numbers.\n```\n";

const PRICES: &str =
    "date = \"2026-11-22\"\ncurrency = \"USD\"\n[models.big]\ninput = 1.0\noutput = 4.0\n";

/// A model that says what it was told to. It counts 1000 tokens in and 500 out for each reply.
struct Model {
    name: &'static str,
    says: Mutex<VecDeque<Result<&'static str, &'static str>>>,
    asked: Mutex<Vec<(Option<String>, Limits)>>,
}

impl Model {
    fn new(
        name: &'static str,
        says: impl IntoIterator<Item = Result<&'static str, &'static str>>,
    ) -> Arc<Model> {
        Arc::new(Model {
            name,
            says: Mutex::new(says.into_iter().collect()),
            asked: Mutex::default(),
        })
    }

    fn times(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Agent for Model {
    fn name(&self) -> &str {
        self.name
    }

    fn model(&self) -> Option<&str> {
        Some("small")
    }

    async fn ask(
        &self,
        request: &Request,
        heard: &dyn Hear,
        _: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        let model = request.model.clone();
        self.asked
            .lock()
            .unwrap()
            .push((model.clone(), request.limits));
        let said = self.says.lock().unwrap().pop_front();
        let said = said.unwrap_or(Err("nothing more is written down"));
        heard.hear(b"What is heard ");
        let count = |count| said.is_ok().then_some(count);
        let model = model.unwrap_or_else(|| "small".to_owned());
        heard.called(Call {
            agent: self.name.to_owned(),
            model: Some(model.clone()),
            served: None,
            end: said.map_or(CallEnd::Failed, |_| CallEnd::Replied),
            usage: Usage {
                input: count(1000),
                output: count(500),
                cached: None,
            },
            tries: 2,
            took: Duration::from_millis(7),
        });
        match said {
            Ok(text) => Ok(Answer::Reply {
                text: text.to_owned(),
                model: Some(model),
                note: None,
            }),
            Err(what) => Err(AgentError::Unanswered {
                agent: self.name.to_owned(),
                what: what.to_owned(),
            }),
        }
    }
}

/// A project whose gates are worked at in the role "writer", of whose file these are lines.
async fn world(role: &str, models: &[&Arc<Model>]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let by_name = models.iter().map(|model| {
        let named = Named {
            agent: Arc::clone(model) as Arc<dyn Agent>,
            is_everywhere: true,
            fallback: Vec::new(),
            money_nanos: None,
        };
        (model.name.to_owned(), named)
    });
    let agents = AgentTable {
        by_name: by_name.collect(),
        ..AgentTable::default()
    };
    let text = format!("+++\nrole = \"writer\"\ngates = [\"g0\"]\n{role}\n+++\nWrite.\n");
    let roles = Roles::from_texts([("writer.md", text.as_str())]).unwrap();
    let factory = open_with(folder.path(), GATE, agents, roles, no_sandbox()).await;
    factory.prices_replace(Prices::parse(PRICES).unwrap());
    factory
        .project_create(PROJECT, "blank", "service", &operator())
        .await
        .unwrap();
    World {
        sound: Sound(factory.data().root().join("git")),
        factory,
        script: Arc::new(Script::default()),
        folder,
    }
}

#[tokio::test]
async fn when_one_cannot_answer_the_next_is_asked() {
    let first = Model::new("first", [Err("busy")]);
    let second = Model::new("second", [Ok(GOOD)]);
    let role = "models = [\"first\", \"nobody\", \"second/big\"]\nlimits = { max_tokens = 77, wall_s = 9 }";
    let world = world(role, &[&first, &second]).await;
    world.start(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    let limits = Limits {
        max_tokens: Some(77),
        wall: Some(Duration::from_secs(9)),
        idle: None,
    };
    assert_eq!(*first.asked.lock().unwrap(), [(None, limits)]);
    assert_eq!(
        *second.asked.lock().unwrap(),
        [(Some("big".to_owned()), limits)]
    );

    // Whoever answered is the author; the reply is the second one's alone.
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 0)
        .await
        .unwrap();
    assert_eq!(attempt.reply.as_deref(), Some(GOOD));
    assert_eq!(attempt.summary.agent.as_deref(), Some("second"));
    assert_eq!(attempt.summary.model.as_deref(), Some("big"));
    let calls: Vec<_> = attempt
        .calls
        .iter()
        .map(|call| (call.agent.as_str(), call.outcome.as_str(), call.tries))
        .collect();
    assert_eq!(calls, [("first", "failed", 2), ("second", "replied", 2)]);
    assert_eq!(
        attempt.calls[0].fault.as_deref(),
        Some("first got no reply: busy")
    );
    assert_eq!(attempt.calls[0].cost, None);
    let cost = attempt.calls[1].cost.clone().unwrap();
    assert_eq!((cost.amount, cost.currency.as_str()), (0.003, "USD"));
    let subject = world.gate(Gate::G0).await.subject.unwrap();
    let commit = world
        .repo()
        .commit_read(&subject.commit.parse().unwrap())
        .unwrap();
    assert_eq!(commit.author.name, "second");

    // The proof names the model, and so does an event of each call.
    let proofs = world.factory.proof_list(PROJECT, Gate::G0).await.unwrap();
    let made = proofs
        .iter()
        .find(|proof| proof.predicate_type.contains("provenance"))
        .unwrap();
    let envelope = world.factory.proof_fetch(&made.digest).await.unwrap();
    let envelope = sluice_proof::Envelope::parse(&envelope).unwrap();
    let verified = envelope.verify(&world.factory.signers()).unwrap();
    let statement: Value = serde_json::from_slice(&verified.payload).unwrap();
    let parameters = &statement["predicate"]["buildDefinition"]["externalParameters"];
    assert_eq!(parameters["agent"], "second");
    assert_eq!(parameters["model"], "big");
    let events = world
        .factory
        .store()
        .event_list(EventSeq(0), None, 100)
        .await;
    let told: Vec<_> = events
        .unwrap()
        .into_iter()
        .filter(|event| event.kind == "agent.called")
        .map(|event| (event.body["model"].clone(), event.body["cost"].clone()))
        .collect();
    assert_eq!(
        told,
        [("small".into(), Value::Null), ("big".into(), 0.003.into())]
    );
}

#[tokio::test]
async fn the_same_failure_again_and_again_asks_the_next_model() {
    let first = Model::new("first", [Ok(NO_GOALS); 3]);
    let second = Model::new("second", [Ok(GOOD)]);
    let world = world("models = [\"first\", \"second\"]", &[&first, &second]).await;
    world.start(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    assert_eq!((first.times(), second.times()), (3, 1));
    let attempts = world.factory.attempt_list(PROJECT, Gate::G0).await.unwrap();
    let agents: Vec<_> = attempts
        .iter()
        .map(|one| (one.agent.as_deref().unwrap(), one.strategy.as_str()))
        .collect();
    assert_eq!(agents.last(), Some(&("second", "next_model")));
    assert!(
        agents[..3].iter().all(|(agent, _)| *agent == "first"),
        "{agents:?}"
    );
}

#[tokio::test]
async fn when_nobody_answers_the_run_says_why_and_can_be_helped() {
    let first = Model::new("first", [Err("busy")]);
    let world = world("models = [\"first\", \"absent/x\"]", &[&first]).await;
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "working");
    assert_eq!(
        view.fault.as_deref(),
        Some(
            "ask the agent: nobody answered: first got no reply: busy; then: the file of the role writer names the \
             agent \"absent\", which is not set up; write [agents.absent] into sluice.toml"
        )
    );
    world
        .factory
        .reply_put(PROJECT, GOOD, &operator())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
}

#[tokio::test]
async fn an_agent_that_can_answer_is_not_answered_for() {
    let first = Model::new("first", [Ok(NO_GOALS); 4]);
    let world = world("", &[&first]).await;
    world
        .factory
        .gate_start(PROJECT, Gate::G0, &operator())
        .await
        .unwrap();
    let put = world.factory.reply_put(PROJECT, GOOD, &operator()).await;
    assert_eq!(refused(put), "not_waiting_for_reply");
}

#[tokio::test]
async fn a_run_that_has_spent_its_money_asks_no_more() {
    let first = Model::new("first", [Ok(NO_GOALS), Ok(GOOD)]);
    let role = "models = [\"first/big\"]\nlimits = { money = 0.003 }";
    let world = world(role, &[&first]).await;
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!((view.state.as_str(), first.times()), ("healing", 1));
    assert_eq!(
        view.fault.as_deref(),
        Some(
            "ask the agent: first/big is not asked: the run has cost 0.0030 USD, and limits.money in the file of \
             the role writer allows 0.003; raise it, hand a reply in, or cancel the run"
        )
    );
}

#[tokio::test]
async fn a_limit_that_cannot_be_kept_is_a_fault() {
    let first = Model::new("first", [Ok(GOOD)]);
    let world = world("limits = { money = 1 }", &[&first]).await;
    world.start(Gate::G0).await;
    let fault = world.gate(Gate::G0).await.fault.unwrap();
    assert!(fault.contains("the price of small is not known"), "{fault}");
    assert_eq!(first.times(), 0);
}

#[tokio::test]
async fn what_calls_come_to_is_shown() {
    let first = Model::new("first", [Ok(NO_GOALS), Err("busy")]);
    let second = Model::new("second", [Ok(GOOD)]);
    let role = "models = [\"first\", \"second/big\"]";
    let world = world(role, &[&first, &second]).await;
    world.start(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    let agents = world.factory.agent_list().await.unwrap();
    let [writer] = agents.as_slice() else {
        panic!("{agents:?}")
    };
    assert_eq!(writer.models, ["first/small", "second/big"]);
    let sums: Vec<_> = writer
        .usage
        .iter()
        .map(|one| {
            let model = one.model.as_deref().unwrap();
            (model, one.calls, one.failed, one.attempts, one.passed)
        })
        .collect();
    assert_eq!(sums, [("small", 2, 1, 1, 0), ("big", 1, 0, 1, 1)]);
    let small = &writer.usage[0];
    assert_eq!((small.unpriced_calls, small.input_tokens), (2, 1000));
    assert!(small.costs.is_empty());
    assert_eq!(writer.usage[1].costs[0].amount, 0.003);
}
