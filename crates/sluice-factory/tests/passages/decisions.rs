//! Decisions: bound to a subject and a person, sealed in git, in order.

use sluice_factory::{ActorKind, Decide, Gate, GateSet, Precondition, Role};

use crate::proof::expect_verified;
use crate::world::{GATE, GOOD, PROJECT, World, actor, approver, code, open, operator};

#[tokio::test]
async fn an_approved_subject_is_sealed_tagged_and_on_main() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    let subject = view.subject.unwrap();
    let repo = world.repo();
    let at = |name: &str| repo.ref_get(name).unwrap().map(|oid| oid.to_string());
    assert_eq!(at("refs/heads/main"), Some(subject.commit.clone()));
    assert_eq!(at("refs/heads/work"), Some(subject.commit.clone()));
    assert_eq!(at("refs/tags/gates/g0"), Some(subject.commit.clone()));
    let gate = repo
        .commit_read(&repo.ref_get("refs/gates/g0").unwrap().unwrap())
        .unwrap();
    assert!(gate.signature.is_some());
    let names: Vec<&str> = view
        .present_proofs
        .iter()
        .map(|proof| proof.path.as_str())
        .collect();
    assert!(
        names.contains(&"decision.dsse.json") && names.contains(&"test-result.dsse.json"),
        "{names:?}"
    );
    for proof in &view.present_proofs {
        let bytes = world.factory.proof_fetch(&proof.digest).await.unwrap();
        assert_eq!(sluice_proof::sha256_hex(&bytes), proof.digest);
    }
    let text = std::fs::read_to_string(
        world
            .factory
            .data()
            .work_tree(PROJECT)
            .join("docs/SCOPE.md"),
    )
    .unwrap();
    assert!(text.contains("## Goals"));
    let attempt = repo.commit_read(&subject.commit.parse().unwrap()).unwrap();
    let keys: Vec<&str> = attempt
        .trailers
        .iter()
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(keys, ["Gate", "Run", "Attempt", "Agent", "Reply-Digest"]);
}

#[tokio::test]
async fn gates_come_in_order_and_one_at_a_time() {
    let world = World::new().await;
    let refusal = world
        .factory
        .gate_start(PROJECT, Gate::G1, &operator())
        .await
        .unwrap_err();
    assert_eq!(code(&refusal), "gate_order");
    world.pass(Gate::G0).await;
    let refusal = world
        .factory
        .gate_start(PROJECT, Gate::G0, &operator())
        .await
        .unwrap_err();
    assert_eq!(code(&refusal), "not_startable");
    assert_eq!(world.gate(Gate::G1).await.state, "ready");
    assert_eq!(world.gate(Gate::G2).await.state, "pending");
    world.pass(Gate::G1).await;
}

#[tokio::test]
async fn a_decision_is_bound_to_what_was_looked_at() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let stale = Decide {
        subject_digest: "0".repeat(64),
        ..Decide::default()
    };
    let refusal = world
        .factory
        .gate_approve(PROJECT, Gate::G0, stale, &approver())
        .await
        .unwrap_err();
    assert_eq!(code(&refusal), "stale_subject");
    let nothing = Decide::default();
    let refusal = world
        .factory
        .gate_approve(PROJECT, Gate::G0, nothing, &approver())
        .await
        .unwrap_err();
    assert_eq!(code(&refusal), "subject_digest");
}

#[tokio::test]
async fn only_a_person_with_the_role_decides() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let decide = world.decide(Gate::G0).await;
    for (actor, expected) in [
        (operator(), "role"),
        (actor("bot", ActorKind::Agent, Role::Admin), "not_a_person"),
    ] {
        let refusal = world
            .factory
            .gate_approve(PROJECT, Gate::G0, decide.clone(), &actor)
            .await
            .unwrap_err();
        assert_eq!(code(&refusal), expected);
        let refusal = world
            .factory
            .gate_reject(PROJECT, Gate::G0, decide.clone(), &actor)
            .await
            .unwrap_err();
        assert_eq!(code(&refusal), expected);
    }
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
}

#[tokio::test]
async fn whoever_handed_the_reply_in_cannot_approve_it() {
    let world = World::outside().await;
    world
        .factory
        .reply_put(PROJECT, GOOD, &approver())
        .await
        .unwrap();
    world.settle().await;
    let decide = world.decide(Gate::G0).await;
    let refusal = world
        .factory
        .gate_approve(PROJECT, Gate::G0, decide.clone(), &approver())
        .await
        .unwrap_err();
    assert_eq!(code(&refusal), "own_work");
    let other = actor("Berta", ActorKind::Person, Role::Approver);
    world
        .factory
        .gate_approve(PROJECT, Gate::G0, decide, &other)
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "approved");
}

#[tokio::test]
async fn of_many_approvers_exactly_one_wins() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let decide = world.decide(Gate::G0).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (factory, decide) = (world.factory.clone(), decide.clone());
        tasks.spawn(async move {
            let who = actor(&format!("person {n}"), ActorKind::Person, Role::Approver);
            factory
                .gate_approve(PROJECT, Gate::G0, decide, &who)
                .await
                .is_ok()
        });
    }
    let won = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|won| *won)
        .count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_rejected_gate_starts_again_and_hears_why() {
    let world = World::new().await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let mut decide = world.decide(Gate::G0).await;
    decide.comment = "Say who adds.".to_owned();
    world
        .factory
        .gate_reject(PROJECT, Gate::G0, decide, &approver())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "rejected");
    let repo = world.repo();
    assert_eq!(
        repo.ref_get("refs/heads/work").unwrap(),
        repo.ref_get("refs/heads/main").unwrap()
    );
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    assert!(world.script.last_prompt().contains("Say who adds."));
    world.approve(Gate::G0).await;
    let log = repo
        .log(&repo.ref_get("refs/gates/g0").unwrap().unwrap(), 10)
        .unwrap();
    assert_eq!(log.len(), 2, "a commit for each decision");
}

#[tokio::test]
async fn a_gate_that_is_not_for_the_kind_is_sealed_as_such() {
    let gate = GATE.replace("worker", "applies_to = [\"web\"]\nworker");
    let world = World::with(&gate, true).await;
    world.start(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "not_applicable");
    assert!(world.repo().ref_get("refs/gates/g0").unwrap().is_some());
    assert!(
        world
            .repo()
            .ref_get("refs/tags/gates/g0")
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_gate_that_does_not_apply_passes_no_edit_that_came_since() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    let passed = world.at("refs/heads/main").unwrap();
    world
        .factory
        .file_write(
            PROJECT,
            "notes.md",
            b"nobody looked at this\n".to_vec(),
            Precondition::Absent,
            &operator(),
        )
        .await
        .unwrap();
    let other = world.folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    for gate in Gate::ALL {
        let text = GATE.replace("worker", "applies_to = [\"web\"]\nworker");
        std::fs::write(other.join(format!("{gate}.toml")), text).unwrap();
    }
    world
        .factory
        .gates_replace(GateSet::from_folder(&other).unwrap());
    world.start(Gate::G1).await;
    assert_eq!(world.gate(Gate::G1).await.state, "not_applicable");
    assert_eq!(world.at("refs/heads/main").as_deref(), Some(&*passed));
    // HEAD is what the last gate passed; the edit is behind no gate.
    expect_verified(&world);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_store_says() {
    let world = World::new().await;
    world.script.says(GOOD);
    world
        .factory
        .gate_start(PROJECT, Gate::G0, &operator())
        .await
        .unwrap();
    assert!(world.factory.tick().await.unwrap());
    let World {
        factory,
        script,
        sound: _sound,
        folder,
    } = world;
    drop(factory);
    let factory = open(folder.path(), GATE, Some(&script)).await;
    while factory.tick().await.unwrap() {}
    let view = factory.gate_fetch(PROJECT, Gate::G0).await.unwrap();
    assert_eq!(view.state, "awaiting_approval");
    assert_eq!(
        script.asked.lock().unwrap().len(),
        1,
        "the agent was asked once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_do_each_step_once() {
    let world = World::new().await;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(tokio::spawn(std::sync::Arc::clone(&world.factory).run(8)));
    }
    for gate in [Gate::G0, Gate::G1, Gate::G2, Gate::G3] {
        world
            .script
            .says(&GOOD.replace("sum at once", &format!("sum at once, says {gate}")));
        world
            .factory
            .gate_start(PROJECT, gate, &operator())
            .await
            .unwrap();
        until(&world, gate, "awaiting_approval").await;
        let decide = world.decide(gate).await;
        world
            .factory
            .gate_approve(PROJECT, gate, decide, &approver())
            .await
            .unwrap();
        until(&world, gate, "approved").await;
    }
    world.factory.shutdown();
    for worker in workers {
        worker.await.unwrap();
    }
    let events = world
        .factory
        .event_list(0, Some(PROJECT), 1000)
        .await
        .unwrap();
    let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(count("run.fault"), 0, "{events:#?}");
    assert_eq!(
        (
            count("attempt.taken"),
            count("attempt.checked"),
            count("gate.sealed")
        ),
        (4, 4, 4)
    );
    assert_eq!(world.script.asked.lock().unwrap().len(), 4);
}

/// Waits until a gate is in a state.
async fn until(world: &World, gate: Gate, state: &str) {
    let mut events = world.factory.store().events_watch();
    while world.gate(gate).await.state != state {
        events.changed().await.unwrap();
    }
}
