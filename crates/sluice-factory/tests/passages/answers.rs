//! Answers to escalations: a waiver stands in the proof, an end is an end, one answer counts.

use std::collections::BTreeMap;

use serde_json::json;
use sluice_factory::{ActorKind, EscalationId, Gate, Role};

use crate::proof::{decision, expect_verified};
use crate::world::{GATE, GOOD, PROJECT, World, actor, approver, operator, refused};

const NO_GOALS: &str = "```md:docs/SCOPE.md\n# Scope\n\n## Aims\n\nPeople add numbers.\n```\n";
const REFUSED: &str = "```sh:../evil.sh\nid\n```\n";

/// A world whose first gate asks a person after one red attempt.
async fn escalated(reply: &str) -> (World, EscalationId) {
    let gate = GATE.replace("heal_attempts = 3", "heal_attempts = 0");
    let world = World::with(&gate, true).await;
    world.script.says(reply);
    world.start(Gate::G0).await;
    let id = world.question(Gate::G0).await;
    (world, id)
}

#[tokio::test]
async fn a_waiver_says_in_the_proof_what_was_waived_and_why() {
    let (world, id) = escalated(NO_GOALS).await;
    let fields = BTreeMap::from([("until".to_owned(), json!("2027-01-01"))]);
    world
        .factory
        .escalation_answer(id, "waive", "Aims are goals.", fields, &approver())
        .await
        .unwrap();
    world.settle().await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "awaiting_approval");
    assert_eq!(
        world.at("refs/heads/work"),
        view.subject.map(|one| one.commit)
    );
    assert_ne!(world.at("refs/heads/main"), world.at("refs/heads/work"));

    world.approve(Gate::G0).await;
    assert_eq!(world.gate(Gate::G0).await.state, "approved");
    assert_eq!(world.at("refs/heads/main"), world.at("refs/heads/work"));
    let proven = decision(&world, Gate::G0);
    assert_eq!(proven["decision"], "waived");
    let waiver = &proven["waivers"][0];
    assert_eq!(waiver["what"], "docs/SCOPE.md");
    assert_eq!(
        (&waiver["why"], &waiver["until"]),
        (&json!("Aims are goals."), &json!("2027-01-01"))
    );
    assert_eq!(
        waiver["findings"].as_array().map(Vec::len),
        Some(1),
        "{waiver}"
    );
    assert_eq!(proven["escalations"][0]["who"]["name"], "Anna");
    assert_eq!(proven["escalations"][0]["answer"], "waive: Aims are goals.");
    expect_verified(&world);
    assert_eq!(world.gate(Gate::G1).await.state, "ready");
}

#[tokio::test]
async fn a_waived_subject_can_still_be_rejected() {
    let (world, id) = escalated(NO_GOALS).await;
    world.answer(id, "waive", "Aims are goals.").await.unwrap();
    let decide = world.decide(Gate::G0).await;
    world
        .factory
        .gate_reject(PROJECT, Gate::G0, decide, &approver())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "rejected");
    assert_eq!(world.at("refs/heads/work"), world.at("refs/heads/main"));
    assert_eq!(world.on_disk("docs/SCOPE.md"), None);
    assert_eq!(decision(&world, Gate::G0)["decision"], "rejected");
}

#[tokio::test]
async fn there_must_be_something_to_waive_and_a_reason() {
    let (world, id) = escalated(REFUSED).await;
    assert_eq!(refused(world.answer(id, "waive", " \n").await), "guidance");
    assert_eq!(
        refused(world.answer(id, "waive", "Let it pass.").await),
        "nothing_to_waive"
    );
    assert_eq!(refused(world.answer(id, "ignore", "").await), "action");
    assert_eq!(world.question(Gate::G0).await, id, "it is still open");
    let other = EscalationId::new();
    assert_eq!(refused(world.answer(other, "retry", "").await), "not_found");
}

#[tokio::test]
async fn only_a_person_with_the_role_answers() {
    let (world, id) = escalated(NO_GOALS).await;
    let bot = actor("bot", ActorKind::Agent, Role::Admin);
    for (who, expected) in [(operator(), "role"), (bot, "not_a_person")] {
        for action in ["retry", "waive", "reject", "abort"] {
            let answered = world
                .factory
                .escalation_answer(id, action, "why", BTreeMap::new(), &who)
                .await;
            assert_eq!(refused(answered), expected, "{action}");
        }
    }
}

#[tokio::test]
async fn a_rejected_run_is_sealed_and_the_next_one_hears_why() {
    let (world, id) = escalated(NO_GOALS).await;
    world
        .answer(id, "reject", "Start from the users.")
        .await
        .unwrap();
    assert_eq!(world.gate(Gate::G0).await.state, "rejected");
    let proven = decision(&world, Gate::G0);
    assert_eq!(proven["decision"], "rejected");
    assert_eq!(proven["who"]["name"], "Anna");
    assert_eq!(proven["escalations"][0]["who"]["name"], "Anna");
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let prompt = world.script.last_prompt();
    assert!(prompt.contains("Start from the users."), "{prompt}");
    world.approve(Gate::G0).await;
    expect_verified(&world);
}

#[tokio::test]
async fn an_aborted_run_is_cancelled_and_leaves_nothing_behind() {
    let (world, id) = escalated(NO_GOALS).await;
    let before = world.at("refs/heads/work");
    world.answer(id, "abort", "Not now.").await.unwrap();
    assert_eq!(world.gate(Gate::G0).await.state, "cancelled");
    assert_eq!(world.at("refs/heads/work"), before);
    assert_eq!(world.at("refs/heads/main"), before);
    assert_eq!(world.at("refs/tags/gates/g0"), None);
    assert_eq!(decision(&world, Gate::G0)["decision"], "cancelled");
    world.pass(Gate::G0).await;
    expect_verified(&world);
}

#[tokio::test]
async fn a_waiver_that_a_killed_process_did_not_store_is_in_nobodys_way() {
    let (world, id) = escalated(NO_GOALS).await;
    let attempts = world.factory.attempt_list(PROJECT, Gate::G0).await.unwrap();
    let commit = attempts[0].commit.clone().unwrap().parse().unwrap();
    let repo = world.repo();
    let work = repo.ref_get("refs/heads/work").unwrap();
    // What a kill right after the move of `work` leaves.
    repo.ref_move("refs/heads/work", work, commit, "a green attempt")
        .unwrap();
    world.script.says(GOOD);
    world.answer(id, "retry", "Say goals.").await.unwrap();
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        (view.state.as_str(), view.fault),
        ("awaiting_approval", None)
    );
    world.approve(Gate::G0).await;
    expect_verified(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_answers_one_counts_and_work_is_where_it_says() {
    for round in 0..6 {
        let (world, id) = escalated(NO_GOALS).await;
        world.script.says(GOOD);
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..12 {
            let factory = world.factory.clone();
            tasks.spawn(async move {
                let who = actor(&format!("person {n}"), ActorKind::Person, Role::Approver);
                let action = ["waive", "abort", "waive", "retry"][(n + round) % 4];
                let answered = factory
                    .escalation_answer(id, action, "because", BTreeMap::new(), &who)
                    .await;
                // The daemon's loop goes on meanwhile.
                while factory.tick().await.unwrap() {}
                answered.is_ok()
            });
        }
        let won = tasks
            .join_all()
            .await
            .into_iter()
            .filter(|won| *won)
            .count();
        assert_eq!(won, 1);
        world.settle().await;
        let view = world.gate(Gate::G0).await;
        assert_eq!(view.fault, None);
        let expected = match view.state.as_str() {
            "awaiting_approval" => view.subject.map(|subject| subject.commit),
            "cancelled" => world.at("refs/heads/main"),
            other => panic!("{other}"),
        };
        assert_eq!(world.at("refs/heads/work"), expected, "{}", view.state);
    }
}

const FORM: &str = r#"
[[escalation.fields]]
name = "owner"
prompt = "Who decides on the goals?"
required = true
[[escalation.fields]]
name = "depth"
prompt = "How deep?"
choices = ["shallow", "deep"]
actions = ["retry"]
"#;

#[tokio::test]
async fn an_answer_is_held_against_the_form_and_is_the_next_attempts_input() {
    let gate = GATE.replace("heal_attempts = 3", "heal_attempts = 0");
    let world = World::with(&format!("{gate}{FORM}"), true).await;
    world.script.says(NO_GOALS);
    world.start(Gate::G0).await;
    let id = world.question(Gate::G0).await;
    let shown = world.factory.escalation_fetch(id).await.unwrap().question;
    assert_eq!(shown["fields"][0]["name"], "owner");
    let diff = &shown["attempts"][0]["diff"]["files"][0];
    assert_eq!(diff["path"], "docs/SCOPE.md");
    assert!(
        diff["patch"].as_str().unwrap().contains("+## Aims"),
        "{diff}"
    );
    assert!(shown["attempts"][0]["failure"].is_string());
    let answer = async |action: &str, fields: serde_json::Value| {
        let fields = serde_json::from_value(fields).unwrap();
        let anna = approver();
        world
            .factory
            .escalation_answer(id, action, "Ask them.", fields, &anna)
            .await
    };
    for (action, fields) in [
        ("retry", json!({})),
        ("retry", json!({ "owner": " " })),
        ("retry", json!({ "owner": 7 })),
        ("retry", json!({ "owner": "Olga", "depth": "medium" })),
        ("retry", json!({ "owner": "Olga", "colour": "red" })),
        ("retry", json!({ "owner": "Olga", "until": "2999-01-01" })),
        ("waive", json!({ "owner": "Olga", "depth": "deep" })),
        ("waive", json!({ "owner": "Olga", "until": "2001-01-01" })),
        ("waive", json!({ "owner": "Olga", "until": "next week" })),
        ("waive", json!({ "owner": "Olga", "what": "build" })),
        (
            "waive",
            json!({ "owner": "Olga", "what": ["docs/SCOPE.md", "build"] }),
        ),
    ] {
        assert_eq!(
            refused(answer(action, fields.clone()).await),
            "fields",
            "{action} {fields}"
        );
    }
    world.script.says(GOOD);
    answer("retry", json!({ "owner": "Olga", "depth": "deep" }))
        .await
        .unwrap();
    world.settle().await;
    let prompt = world.script.last_prompt();
    for said in [
        "- Anna: Ask them.",
        "- Anna on owner: Olga",
        "- Anna on depth: deep",
    ] {
        assert!(prompt.contains(said), "{said}: {prompt}");
    }
    world.approve(Gate::G0).await;
    let proven = decision(&world, Gate::G0);
    assert_eq!(
        proven["escalations"][0]["fields"],
        json!({ "owner": "Olga", "depth": "deep" })
    );
    expect_verified(&world);
}

#[tokio::test]
async fn a_waiver_that_has_ended_is_told_of() {
    let (world, id) = escalated(NO_GOALS).await;
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3600)).to_string();
    let fields = BTreeMap::from([
        ("until".to_owned(), json!(soon)),
        ("what".to_owned(), json!("docs/SCOPE.md")),
    ]);
    let anna = approver();
    let answered = world
        .factory
        .escalation_answer(id, "waive", "Aims are goals.", fields, &anna);
    answered.await.unwrap();
    world.settle().await;
    let waivers = world.gate(Gate::G0).await.waivers;
    assert_eq!(waivers.len(), 1);
    assert_eq!(
        (waivers[0].what.as_str(), waivers[0].is_expired),
        ("docs/SCOPE.md", false)
    );
    assert!(waivers[0].until.as_ref().unwrap().ends_with('Z'));
    world.approve(Gate::G0).await;
    let report = expect_verified(&world);
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    assert_eq!(report.gates[0].waivers[0].is_expired(&now), Some(false));
    assert_eq!(
        report.gates[0].waivers[0].is_expired("2999-01-01T00:00:00Z"),
        Some(true)
    );
}
