//! Gates, from a reply to a proof.

use axum::http::header;
use serde_json::{Value, json};

use crate::world::{GOOD, POOR, PROJECT, World};

fn at(rest: &str) -> String {
    format!("/projects/{PROJECT}{rest}")
}

#[tokio::test]
async fn a_reply_becomes_a_subject_a_decision_and_a_proof() {
    let world = World::with_project().await;
    let ready = world.gate("g0").await;
    assert_eq!(
        (&ready["state"], &ready["waits_for"]),
        (&json!("ready"), &json!("start"))
    );
    let none = world
        .get("vera", &at("/gates/g0/attempts"))
        .send()
        .await
        .is(200);
    assert_eq!(none.json()["items"], json!([]));
    world
        .get("vera", &at("/gates/g0/attempts/0"))
        .send()
        .await
        .is(404);
    let started = world
        .post("olga", &at("/gates/g0/start"))
        .send()
        .await
        .is(202)
        .json();
    assert_eq!(started["state"], "working");
    world.reply("olga", GOOD).await;

    let gate = world.gate("g0").await;
    assert_eq!(gate["state"], "awaiting_approval");
    assert!(gate["subject"]["tree"].is_string());
    let attempt = world
        .get("vera", &at("/gates/g0/attempts/0"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(attempt["reply"], GOOD);
    assert_eq!(attempt["files"][0]["path"], "docs/SCOPE.md");
    let attempts = world
        .get("vera", &at("/gates/g0/attempts"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(attempts["items"].as_array().unwrap().len(), 1);

    // Somebody who looked at something else decides on nothing.
    let stale = json!({ "subject_digest": "0".repeat(64), "comment": "" });
    let stale = world
        .post("anna", &at("/gates/g0/approve"))
        .json(&stale)
        .send()
        .await
        .is(409);
    assert_eq!(stale.json()["code"], "stale_subject");
    world.decide("anna", "g0", "approve").await.is(200);
    world.settle().await;
    assert_eq!(world.gate("g0").await["state"], "approved");

    let proofs = world
        .get("vera", &at("/gates/g0/proofs"))
        .send()
        .await
        .is(200)
        .json();
    let digest = proofs["items"].as_array().unwrap().last().unwrap()["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let envelope = world
        .get("vera", &format!("/proofs/{digest}"))
        .send()
        .await
        .is(200);
    assert_eq!(sluice_proof::sha256_hex(&envelope.body), digest);
    let known = world
        .get("vera", &format!("/proofs/{digest}"))
        .header("if-none-match", &format!("\"{digest}\""));
    known.send().await.is(304);
    let gates = world.get("vera", &at("/gates")).send().await.is(200).json();
    assert_eq!(gates["items"].as_array().unwrap().len(), 10);
    assert_eq!(gates["next_cursor"], Value::Null);
    let project = world.get("vera", &at("")).send().await.is(200).json();
    assert_eq!(project["current_gate"], "g1");
}

#[tokio::test]
async fn the_author_of_a_subject_cannot_approve_it() {
    let world = World::with_project().await;
    world.reply("anna", GOOD).await;
    let own = world.decide("anna", "g0", "approve").await.is(403);
    assert_eq!(own.json()["code"], "own_work");
    assert_eq!(world.gate("g0").await["state"], "awaiting_approval");
    world.decide("abel", "g0", "approve").await.is(200);
}

#[tokio::test]
async fn a_rejected_gate_starts_again() {
    let world = World::with_project().await;
    world.reply("olga", GOOD).await;
    world.decide("anna", "g0", "reject").await.is(200);
    world.settle().await;
    assert_eq!(world.gate("g0").await["state"], "rejected");
    world
        .post("olga", &at("/gates/g0/start"))
        .json(&json!({}))
        .send()
        .await
        .is(202);
    let cancel = world
        .post("olga", &at("/gates/g0/cancel"))
        .json(&json!({ "comment": "no" }));
    cancel.send().await.is(200);
    world.settle().await;
    assert_eq!(world.gate("g0").await["state"], "cancelled");
    world
        .post("olga", &at("/gates/g1/start"))
        .send()
        .await
        .is(409);
    let rule = world.post("anna", &at("/gates/g0/rule"));
    let rule = rule.json(&json!({ "allow": false })).send().await.is(409);
    assert_eq!(rule.json()["code"], "not_held");
    let second = world
        .post("olga", &at("/replies"))
        .markdown(GOOD)
        .send()
        .await
        .is(202);
    assert_eq!(second.json()["gate"], "g0");
    let twice = world
        .post("olga", &at("/replies"))
        .markdown(GOOD)
        .send()
        .await
        .is(409);
    assert_eq!(twice.json()["code"], "already_replied");
}

#[tokio::test]
async fn an_escalation_is_answered_once() {
    let world = World::with_project().await;
    world.reply("olga", POOR).await;
    let open = world
        .get("vera", "/escalations?state=open")
        .send()
        .await
        .is(200)
        .json();
    let id = open["items"][0]["id"].as_str().unwrap().to_owned();
    let one = world
        .get("vera", &format!("/escalations/{id}"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(one["state"], "open");
    let findings = world
        .get("vera", &at("/findings?resolved=false&gate=g0"))
        .send()
        .await
        .is(200)
        .json();
    assert!(!findings["items"].as_array().unwrap().is_empty());
    let path = format!("/escalations/{id}/answer");
    let odd = json!({ "action": "shrug" });
    world.post("anna", &path).json(&odd).send().await.is(422);
    let answer = json!({ "action": "retry", "guidance": "Write the goals.", "fields": {} });
    world.post("anna", &path).json(&answer).send().await.is(200);
    let again = world.post("abel", &path).json(&answer).send().await.is(409);
    assert_eq!(again.json()["code"], "already_answered");
    world.settle().await;
    world.reply("olga", GOOD).await;
    assert_eq!(world.gate("g0").await["state"], "awaiting_approval");
    let findings = world
        .get("vera", &at("/findings?resolved=&gate="))
        .send()
        .await
        .is(200)
        .json();
    assert!(
        findings["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["resolved_at"].is_string())
    );
    let none = world
        .get("vera", "/escalations?state=open")
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn parse_says_what_a_reply_holds_and_writes_nothing() {
    let world = World::new().await;
    let reply = "```ts:src/add.ts\nexport const a = 1;\n```\n```ts:../x\n```\n";
    let parsed = world
        .post("vera", "/parse")
        .markdown(reply)
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(parsed["files"][0]["path"], "src/add.ts");
    assert_eq!(parsed["files"][0].get("content"), None);
    assert_eq!(parsed["warnings"][0]["code"], "path_rejected");
    let whole = world
        .post("vera", "/parse?contents=true")
        .body("text/markdown; charset=UTF-8", reply);
    let whole = whole.send().await.is(200).json();
    assert_eq!(whole["files"][0]["content"], "export const a = 1;\n");
}

#[tokio::test]
async fn projects_templates_and_agents_are_listed() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        let new = json!({ "name": name, "kind": "library" });
        let made = world
            .post("olga", "/projects")
            .json(&new)
            .send()
            .await
            .is(201);
        assert_eq!(
            made.header(header::LOCATION),
            format!("/api/v1/projects/{name}")
        );
    }
    let taken = json!({ "name": "a", "kind": "web" });
    world
        .post("olga", "/projects")
        .json(&taken)
        .send()
        .await
        .is(409);
    let first = world
        .get("vera", "/projects?limit=2")
        .send()
        .await
        .is(200)
        .json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world
        .get("vera", &format!("/projects?limit=2&cursor={cursor}"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(rest["items"][0]["name"], "c");
    assert_eq!(rest["next_cursor"], Value::Null);
    world
        .get("vera", "/projects?limit=1000")
        .send()
        .await
        .is(200);
    world.get("vera", "/projects?limit=0").send().await.is(400);
    world.get("vera", "/projects?limit=x").send().await.is(400);
    world.get("vera", "/projects?lmit=2").send().await.is(400);
    let templates = world.get("vera", "/templates").send().await.is(200).json();
    let named = |name: &str| {
        let mut items = templates["items"].as_array().unwrap().iter();
        items.find(|item| item["name"] == name).unwrap().clone()
    };
    let blank = named("blank");
    assert_eq!(blank["type"], "project");
    assert_eq!(blank["kinds"], json!(["web", "service", "library", "ai"]));
    assert_eq!(named("ts-library")["languages"], json!(["TypeScript"]));
    let heal = named("heal");
    assert_eq!(
        (&heal["type"], &heal["placeholders"]),
        (&json!("prompt"), &json!(["attempt"]))
    );
    let page = world
        .get("vera", "/templates?limit=1")
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(page["next_cursor"], templates["items"][0]["name"]);
    let agents = world.get("vera", "/agents").send().await.is(200).json();
    assert_eq!(agents["items"][0]["gates"], json!(["g0", "g1"]));
    let agent = world
        .get("vera", "/agents/writer")
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(agent["prompt"], "Write.");
    world.get("vera", "/agents/nobody").send().await.is(404);
    world.delete("adam", "/projects/a").send().await.is(204);
    world.get("vera", "/projects/a").send().await.is(404);
    let audit = world
        .get("vera", "/audit?limit=3")
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 3);
    let cursor = audit["next_cursor"].as_str().unwrap();
    let audit = world
        .get("vera", &format!("/audit?cursor={cursor}"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(audit["items"][0]["kind"], "project.deleted");
}
