//! What an approver fills in, and how many approvers there must be.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluice_factory::view::RunView;
use sluice_factory::{Actor, ActorKind, Decide, Gate, Precondition, Refusal, Role};

use crate::proof::{decision, expect_verified, verified};
use crate::world::{GATE, GOOD, PROJECT, World, actor, approver, operator, refused};

const FIELDS: &str = r#"
[[fields]]
name = "choice"
prompt = "Which one?"
choices_glob = "docs/option-*.md"
required = true
[[fields]]
name = "seen"
prompt = "What did you see?"
required = true
[[fields]]
name = "remark"
prompt = "Anything else?"
"#;

fn person(name: &str) -> Actor {
    actor(name, ActorKind::Person, Role::Approver)
}

async fn waiting(more: &str) -> World {
    let world = World::with(&format!("{GATE}{more}"), true).await;
    world.script.says(&format!(
        "{GOOD}\n```md:docs/option-1.md\nOne.\n```\n\n```md:docs/option-2.md\nTwo.\n```\n"
    ));
    world.start(Gate::G0).await;
    world
}

async fn approve(
    world: &World,
    who: &Actor,
    comment: &str,
    fields: Value,
) -> Result<RunView, Refusal> {
    let fields: BTreeMap<String, Value> = serde_json::from_value(fields).unwrap();
    let decide = Decide {
        comment: comment.to_owned(),
        fields,
        ..world.decide(Gate::G0).await
    };
    let approved = world
        .factory
        .gate_approve(PROJECT, Gate::G0, decide, who)
        .await;
    world.settle().await;
    approved
}

#[tokio::test]
async fn what_the_gate_asks_must_be_filled_in() {
    let world = waiting(FIELDS).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        view.fields[0].choices,
        ["docs/option-1.md", "docs/option-2.md"]
    );
    assert!(view.fields[1].choices.is_empty());
    let seen = "I saw the sum.";
    for (comment, fields) in [
        // No choice, and a comment does not choose.
        (seen, json!({})),
        (seen, json!({ "seen": seen })),
        // A choice that is none.
        (seen, json!({ "choice": "docs/option-3.md" })),
        (seen, json!({ "choice": "docs/SCOPE.md" })),
        (seen, json!({ "choice": 1 })),
        (seen, json!({ "choice": ["docs/option-1.md"] })),
        // Nothing seen.
        ("", json!({ "choice": "docs/option-1.md" })),
        (" \n", json!({ "choice": "docs/option-1.md" })),
        ("", json!({ "choice": "docs/option-1.md", "seen": "" })),
        ("", json!({ "choice": "docs/option-1.md", "seen": "  " })),
        ("", json!({ "choice": "docs/option-1.md", "seen": null })),
        ("", json!({ "choice": "docs/option-1.md", "seen": [] })),
        // A field that nobody asked for.
        (seen, json!({ "choice": "docs/option-1.md", "sene": "x" })),
    ] {
        let shown = format!("{comment:?} {fields}");
        let approved = approve(&world, &approver(), comment, fields).await;
        match approved {
            Err(Refusal::Invalid { field, message }) => {
                assert_eq!(field, "fields", "{shown}: {message}");
            }
            other => panic!("{shown}: {other:?}"),
        }
    }
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");
    let good = json!({ "choice": "docs/option-2.md" });
    approve(&world, &approver(), seen, good).await.unwrap();
    assert_eq!(world.gate(Gate::G0).await.state, "approved");
    let proven = decision(&world, Gate::G0);
    assert_eq!(proven["fields"]["choice"], "docs/option-2.md");
    assert_eq!(
        proven["fields"]["seen"], seen,
        "the comment fills a free text in"
    );
    expect_verified(&world);
}

#[tokio::test]
async fn a_gate_that_asks_for_two_needs_two_different_people() {
    let world = waiting("[approval]\napprovals = 2\n").await;
    approve(&world, &person("Anna"), "Good.", json!({}))
        .await
        .unwrap();
    let view = world.gate(Gate::G0).await;
    assert_eq!(view.state, "awaiting_approval");
    assert_eq!(
        (view.approvals_required, view.approved_by),
        (2, vec!["Anna".to_owned()])
    );
    assert_eq!(world.at("refs/tags/gates/g0"), None);

    let again = approve(&world, &person("Anna"), "Good again.", json!({})).await;
    assert_eq!(refused(again), "already_decided");
    assert_eq!(world.gate(Gate::G0).await.state, "awaiting_approval");

    approve(&world, &person("Berta"), "Yes.", json!({}))
        .await
        .unwrap();
    assert_eq!(world.gate(Gate::G0).await.state, "approved");
    let proven = decision(&world, Gate::G0);
    assert_eq!(proven["who"]["name"], "Berta");
    assert!(
        proven["comment"]
            .as_str()
            .unwrap()
            .contains("Anna (approver) approved"),
        "{proven}"
    );
    expect_verified(&world);
}

#[tokio::test]
async fn one_no_outweighs_a_yes() {
    let world = waiting("[approval]\napprovals = 2\n").await;
    approve(&world, &person("Anna"), "Good.", json!({}))
        .await
        .unwrap();
    let decide = world.decide(Gate::G0).await;
    world
        .factory
        .gate_reject(PROJECT, Gate::G0, decide, &person("Berta"))
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.gate(Gate::G0).await.state, "rejected");
    assert_eq!(world.at("refs/heads/work"), world.at("refs/heads/main"));
}

#[tokio::test]
async fn the_author_of_an_edit_that_became_the_subject_cannot_approve_it() {
    let world = World::new().await;
    let text = GOOD.lines().skip(1).take_while(|line| *line != "```");
    let text: String = text.map(|line| format!("{line}\n")).collect();
    world
        .factory
        .file_write(
            PROJECT,
            "docs/SCOPE.md",
            text.into_bytes(),
            Precondition::Absent,
            &approver(),
        )
        .await
        .unwrap();
    // The agent finds the person's work as it should be.
    world.script.says(GOOD);
    world.start(Gate::G0).await;
    let view = world.gate(Gate::G0).await;
    assert_eq!(
        view.subject.map(|one| one.commit),
        world.at("refs/heads/work")
    );
    let own = approve(&world, &approver(), "Fine.", json!({})).await;
    assert_eq!(refused(own), "own_work");
    approve(&world, &person("Berta"), "Fine.", json!({}))
        .await
        .unwrap();
    let report = verified(&world);
    assert!(report.verified, "{report}");
}

#[tokio::test]
async fn who_edited_since_the_gate_before_cannot_approve_what_the_agent_built_on_it() {
    let world = World::new().await;
    world.pass(Gate::G0).await;
    let edit = |text: &'static str, by: Actor| {
        let factory = &world.factory;
        async move {
            let present = factory.file_read(PROJECT, "README.md", None).await.unwrap();
            let precondition = Precondition::Matches(vec![present.oid]);
            factory
                .file_write(PROJECT, "README.md", text.into(), precondition, &by)
                .await
                .unwrap()
        }
    };
    edit("Anna was here.\n", approver()).await;
    let later = edit("And Olga.\n", operator()).await.commit;
    let passed = world.gate(Gate::G0).await;
    assert_eq!(passed.subject_is_head, Some(false));
    assert_eq!(passed.edits_since.len(), 2);
    assert_eq!(passed.edits_since[0], later);
    world
        .script
        .says(&GOOD.replace("People add", "An agent adds"));
    world.start(Gate::G1).await;
    let view = world.gate(Gate::G1).await;
    assert_ne!(view.subject.unwrap().commit, later, "the agent's commit");
    assert_eq!(view.subject_is_head, Some(true));
    let decide = world.decide(Gate::G1).await;
    let own = world
        .factory
        .gate_approve(PROJECT, Gate::G1, decide.clone(), &approver())
        .await;
    assert_eq!(refused(own), "own_work");
    world
        .factory
        .gate_approve(PROJECT, Gate::G1, decide, &person("Berta"))
        .await
        .unwrap();
    world.settle().await;
    // The proof names them, so that a verifier refuses them too.
    let authors = decision(&world, Gate::G1)["authors"].clone();
    let authors: Vec<&str> = authors
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert!(
        authors.contains(&"Anna") && authors.contains(&"Olga"),
        "{authors:?}"
    );
    expect_verified(&world);
    // What she edited is behind the gate that passed.
    world
        .script
        .says(&GOOD.replace("People add", "Another agent adds"));
    world.start(Gate::G2).await;
    world.approve(Gate::G2).await;
    assert_eq!(world.gate(Gate::G2).await.state, "approved");
}

#[tokio::test]
async fn an_operator_is_no_approver_whatever_they_fill_in() {
    let world = waiting(FIELDS).await;
    let fields = json!({ "choice": "docs/option-1.md", "seen": "it" });
    assert_eq!(
        refused(approve(&world, &operator(), "", fields).await),
        "role"
    );
}
