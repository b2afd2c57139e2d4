//! What people change, and what is sent back, reopens gates; they are passed again from there on.

use sluice_factory::{ActorKind, Decide, Gate, Precondition, Role};
use sluice_store::AuditFilter;

use crate::proof::expect_verified;
use crate::world::{GATE, GOOD, PROJECT, World, actor, operator, refused};

const SCOPE: &str = "docs/SCOPE.md";

async fn edit(world: &World, path: &str, text: &str, who: &str) {
    let person = actor(who, ActorKind::Person, Role::Approver);
    let precondition = match world.text(path).await {
        Some(_) => Precondition::Present,
        None => Precondition::Absent,
    };
    let bytes = text.as_bytes().to_vec();
    world
        .factory
        .file_write(PROJECT, path, bytes, precondition, &person)
        .await
        .unwrap();
}

async fn states(world: &World) -> Vec<String> {
    let gates = world.factory.gate_list(PROJECT).await.unwrap();
    gates.into_iter().take(4).map(|gate| gate.state).collect()
}

#[tokio::test]
async fn an_edit_of_a_gates_document_reopens_it_and_those_after_it() {
    let world = World::new().await;
    for gate in [Gate::G0, Gate::G1, Gate::G2] {
        world.pass(gate).await;
    }
    let before = world.text(SCOPE).await.unwrap();
    let main = world.at("refs/heads/main");
    edit(&world, "notes.txt", "A note.\n", "Emil").await;
    assert_eq!(states(&world).await[2..], ["approved", "ready"]);

    edit(&world, SCOPE, &format!("{before}\nMore.\n"), "Emil").await;
    assert_eq!(
        states(&world).await,
        ["reopened", "reopened", "reopened", "pending"]
    );
    let view = world.gate(Gate::G0).await;
    let why = view.reopened.unwrap();
    assert_eq!(
        (why.by.as_str(), why.paths),
        ("edit", vec![SCOPE.to_owned()])
    );
    assert_eq!(why.commits.len(), 1, "the note's commit is another one");
    assert_eq!(view.waits_for, "start");
    assert_eq!(world.gate(Gate::G2).await.waits_for, "gate g0");
    assert_eq!(world.at("refs/heads/main"), main, "what was approved stays");
    assert!(expect_verified(&world).verified);
    let olga = operator();
    let later = world.factory.gate_start(PROJECT, Gate::G3, &olga);
    assert_eq!(refused(later.await), "gate_order");

    // What is put back as it was is no change.
    edit(&world, SCOPE, &before, "Emil").await;
    assert_eq!(states(&world).await[..3], ["approved"; 3]);
    edit(&world, SCOPE, &format!("{before}\nMore.\n"), "Emil").await;

    // Nobody is asked: the agent's script is empty.
    for gate in [Gate::G0, Gate::G1, Gate::G2] {
        world.start(gate).await;
        let view = world.gate(gate).await;
        assert_eq!(
            (view.state.as_str(), view.attempt),
            ("awaiting_approval", Some(0))
        );
        let decide = world.decide(gate).await;
        let emil = actor("emil", ActorKind::Person, Role::Approver);
        let own = world.factory.gate_approve(PROJECT, gate, decide, &emil);
        assert_eq!(refused(own.await), "own_work", "{gate}");
        world.approve(gate).await;
        assert_eq!(world.gate(gate).await.state, "approved");
        let report = expect_verified(&world);
        let reopened: Vec<bool> = report.gates[..3].iter().map(|one| one.reopened).collect();
        let at = gate as usize;
        assert_eq!(reopened, [false, at < 1, at < 2]);
    }
    assert_eq!(
        states(&world).await,
        ["approved", "approved", "approved", "ready"]
    );
    assert_ne!(world.at("refs/heads/main"), main);
    assert_eq!(world.at("refs/heads/main"), world.at("refs/heads/work"));
    let attempt = world
        .factory
        .attempt_fetch(PROJECT, Gate::G0, 0)
        .await
        .unwrap();
    assert_eq!(attempt.summary.strategy, "revalidate");
    assert_eq!(attempt.reply, None);
    // From here on as ever.
    world.pass(Gate::G3).await;
    assert!(expect_verified(&world).verified);
}

#[tokio::test]
async fn an_edit_that_breaks_a_gate_is_mended_by_the_agent() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    edit(&world, SCOPE, "# Scope\n\nNothing left.\n", "Emil").await;
    world.script.says(&GOOD.replace("at once", "again"));
    world.start(Gate::G0).await;
    let prompt = world.script.last_prompt();
    assert!(
        prompt.contains("attempt 0 changed docs/SCOPE.md"),
        "{prompt}"
    );
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.attempt),
        ("awaiting_approval", Some(1))
    );
    world.approve(Gate::G0).await;
    assert!(expect_verified(&world).verified);
    assert!(world.text(SCOPE).await.unwrap().contains("again"));
}

#[tokio::test]
async fn what_reopens_a_gate_stays_until_it_is_passed() {
    let (olga, anna) = (operator(), crate::world::approver());
    let world = World::new().await;
    world.pass(Gate::G0).await;
    edit(
        &world,
        SCOPE,
        &format!("{}\n", world.text(SCOPE).await.unwrap()),
        "Emil",
    )
    .await;
    // Cancelled: what is there is checked again at the next start.
    world.start(Gate::G0).await;
    let cancel = world
        .factory
        .gate_cancel(PROJECT, Gate::G0, String::new(), &olga);
    cancel.await.unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "cancelled");
    world.start(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    // Rejected: the agent has to do something about it.
    let decide = world.decide(Gate::G0).await;
    let reject = world.factory.gate_reject(PROJECT, Gate::G0, decide, &anna);
    reject.await.unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "rejected");
    assert!(
        world.text(SCOPE).await.unwrap().ends_with("\n\n"),
        "the edit stays"
    );
    world.script.says(&GOOD.replace("at once", "anew"));
    world.start(Gate::G0).await;
    assert!(
        world
            .script
            .last_prompt()
            .contains("An earlier run of this gate was rejected")
    );
    world.approve(Gate::G0).await;
    assert!(expect_verified(&world).verified);
    // A person may also want the agent's work at once.
    edit(
        &world,
        SCOPE,
        "# Scope\n\n## Goals\n\nOther goals than before, five words.\n",
        "Emil",
    )
    .await;
    world.script.says(&GOOD.replace("at once", "asked"));
    let ask = world.factory.gate_ask(PROJECT, Gate::G0, &olga);
    assert_eq!(ask.await.unwrap().state, "working");
    world.settle().await;
    world.approve(Gate::G0).await;
}

#[tokio::test]
async fn the_answer_to_an_escalation_may_send_the_work_back() {
    let gate = crate::world::GATE.replace("heal_attempts = 3", "heal_attempts = 0");
    let world = World::with(&gate, true).await;
    for gate in [Gate::G0, Gate::G1] {
        world.pass(gate).await;
    }
    world
        .script
        .says("```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nNot what was asked for.\n```\n");
    world.start(Gate::G2).await;
    let id = world.question(Gate::G2).await;
    let anna = crate::world::approver();
    let back = async |to| {
        let factory = &world.factory;
        let why = "The scope cannot be met.";
        factory
            .escalation_send_back(id, to, why, std::collections::BTreeMap::new(), &anna)
            .await
    };
    assert_eq!(refused(back(Gate::G3).await), "to");
    back(Gate::G1).await.unwrap();
    world.settle().await;
    assert_eq!(
        states(&world).await[..3],
        ["approved", "reopened", "rejected"]
    );
    let shown = world.factory.escalation_fetch(id).await.unwrap();
    assert_eq!(shown.answer.unwrap()["to"], "g1");
    let report = expect_verified(&world);
    assert!(report.gates[1].reopened && !report.gates[0].reopened);

    world.script.says(&GOOD.replace("at once", "narrowly"));
    world.start(Gate::G1).await;
    let prompt = world.script.last_prompt();
    let reason = "Anna rejected G2 and sent the work back to G1: The scope cannot be met.";
    assert!(prompt.contains(reason), "{prompt}");
}

#[tokio::test]
async fn a_rejection_sends_the_work_back_with_its_reason() {
    let world = World::new().await;
    for gate in [Gate::G0, Gate::G1, Gate::G2] {
        world.pass(gate).await;
    }
    world.script.says(&GOOD.replace("at once", "in the end"));
    world.start(Gate::G3).await;
    let main = world.at("refs/heads/main");
    let anna = crate::world::approver();
    let back = async |to| {
        let decide = Decide {
            comment: "The scope is too wide.".to_owned(),
            to: Some(to),
            ..world.decide(Gate::G3).await
        };
        world
            .factory
            .gate_reject(PROJECT, Gate::G3, decide, &anna)
            .await
    };
    assert_eq!(refused(back(Gate::G5).await), "to");
    back(Gate::G1).await.unwrap();
    world.settle().await;
    assert_eq!(
        states(&world).await,
        ["approved", "reopened", "reopened", "rejected"]
    );
    let why = world.gate(Gate::G2).await.reopened.unwrap();
    assert_eq!(
        (why.by.as_str(), why.gate.as_deref()),
        ("rejection", Some("g3"))
    );
    assert_eq!(world.at("refs/heads/main"), main, "main never moves back");
    let report = expect_verified(&world);
    let reopened: Vec<bool> = report.gates[..4].iter().map(|one| one.reopened).collect();
    assert_eq!(reopened, [false, true, true, false]);
    assert_eq!(
        report.head.as_ref().unwrap().missing[..3],
        ["g1", "g2", "g3"]
    );

    for gate in [Gate::G1, Gate::G2, Gate::G3] {
        world
            .script
            .says(&GOOD.replace("at once", &format!("narrowly, says {gate}")));
        world.start(gate).await;
        let prompt = world.script.last_prompt();
        let reason = match gate {
            Gate::G3 => "An earlier run of this gate was rejected: The scope is too wide.",
            _ => "Anna rejected G3 and sent the work back to G1: The scope is too wide.",
        };
        assert!(prompt.contains(reason), "{gate}: {prompt}");
        world.approve(gate).await;
    }
    assert_eq!(states(&world).await, ["approved"; 4]);
    let report = expect_verified(&world);
    assert!(report.gates[..4].iter().all(|gate| !gate.reopened));
    assert_eq!(report.gates[3].decisions, 2);
}

#[tokio::test]
async fn each_decision_is_signed_with_its_row_of_the_log() {
    let anna = crate::world::approver();
    let world = World::new().await;
    world.pass(Gate::G0).await;
    world.script.says(GOOD);
    world.start(Gate::G1).await;
    let decide = world.decide(Gate::G1).await;
    let reject = world.factory.gate_reject(PROJECT, Gate::G1, decide, &anna);
    reject.await.unwrap();
    world.settle().await;
    let all = AuditFilter::default();
    let rows = world
        .factory
        .store()
        .audit_list(&all, 0, 100)
        .await
        .unwrap()
        .items;
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "project.created",
            "gate.started",
            "gate.decided",
            "gate.started",
            "gate.decided"
        ]
    );
    assert_eq!(rows[2].who.name, "Anna");
    let report = crate::proof::verified_with(&world, Some(rows.clone()));
    assert!(report.verified, "{report}");
    assert_eq!(report.audit.unwrap().anchors, 2);
    for bend in 0..4 {
        let mut rows = rows.clone();
        match bend {
            0 => drop(rows.remove(2)),
            1 => rows[2].who.name = "Eva".to_owned(),
            2 => rows.swap(2, 3),
            _ => rows.truncate(4),
        }
        let report = crate::proof::verified_with(&world, Some(rows));
        assert!(!report.verified, "{bend}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_approve_two_are_taken_where_two_must() {
    let world = World::with(&format!("{GATE}[approval]\napprovals = 2\n"), true).await;
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let decide = world.decide(Gate::G0).await;
    let racing: Vec<_> = (0..50)
        .map(|n| {
            let (factory, decide) = (world.factory.clone(), decide.clone());
            tokio::spawn(async move {
                let person = actor(
                    &format!("person {}", n % 25),
                    ActorKind::Person,
                    Role::Approver,
                );
                factory
                    .gate_approve(PROJECT, Gate::G0, decide, &person)
                    .await
            })
        })
        .collect();
    let mut won = 0;
    for task in racing {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(refusal) => {
                let code = crate::world::code(&refusal);
                assert!(
                    ["wrong_state", "already_decided", "stale_subject"].contains(&code),
                    "{refusal:?}"
                );
            }
        }
    }
    assert_eq!(won, 2);
    world.settle().await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "approved");
    let [one, other] = &view.approved_by[..] else {
        panic!("{:?}", view.approved_by);
    };
    assert_ne!(one, other);
    assert!(expect_verified(&world).verified);
}
