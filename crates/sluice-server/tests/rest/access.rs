//! Who may do what: every operation of the document, with every role.

use axum::http::{Method, header};
use serde_json::{Value, json};
use sluice_factory::{ActorKind, Role};

use crate::world::{Ask, GOOD, PROJECT, World};

const PUBLIC: [&str; 3] = ["/healthz", "/readyz", "/api/v1/openapi.json"];

/// A request that is well formed for an operation.
fn ask<'a>(
    world: &'a World,
    who: &str,
    method: &Method,
    template: &str,
    operation: &str,
) -> Ask<'a> {
    let query = match operation {
        "proof_artifacts" => "?gateId=adder:g0",
        "error_history" => "?projectId=adder",
        _ => "",
    };
    let path = template
        .replace("{project}", PROJECT)
        .replace("{path}", "src/x.txt")
        .replace("{gate}", "g0")
        .replace("{oid}", "work")
        .replace("{n}", "0")
        .replace("{edit}", "1")
        .replace("{agent}", "writer")
        .replace("{webhook}", "chat")
        .replace("{delivery}", "01900000-0000-7000-8000-000000000000")
        .replace("{digest}", &"0".repeat(64))
        .replace("{id}", "01900000-0000-7000-8000-000000000000");
    let ask = world.ask(who, method.clone(), &format!("{path}{query}"));
    match operation {
        "project_create" => ask.json(&json!({ "name": "another", "kind": "web" })),
        "file_write" => ask
            .header("if-none-match", "*")
            .body("application/octet-stream", "x"),
        "file_delete" => ask.header("if-match", "*"),
        "parse" | "reply_put" => ask.markdown(GOOD),
        "gate_approve" | "gate_reject" => ask.json(&json!({ "subject_digest": "0" })),
        "edit_resolve" => ask.json(&json!({ "take": "mine" })),
        "gate_rule" => ask.json(&json!({ "allow": true })),
        "escalation_answer" => ask.json(&json!({ "action": "retry" })),
        "journal_create" => ask.json(&json!({ "kind": "note", "text": "Seen." })),
        "journal_change" => {
            let id = "01900000-0000-7000-8000-000000000000";
            ask.json(&json!({ "id": id, "state": "closed" }))
        }
        "workspace_create" => ask.json(&json!({ "projectId": "another" })),
        "workspace_file" => ask.json(&json!({ "filePath": "src/y.txt", "content": "y" })),
        "code_parse" => ask.json(&json!({ "agentOutput": GOOD })),
        "token_create" => ask.json(&json!({ "name": "new", "role": "viewer" })),
        _ => ask,
    }
}

fn least(operation: &str) -> Role {
    match operation {
        "project_create" | "file_write" | "file_delete" | "reply_put" | "check_create"
        | "edit_resolve" | "edit_drop" | "journal_create" | "journal_change" | "gate_start"
        | "gate_cancel" => Role::Operator,
        "gate_approve" | "gate_reject" | "gate_rule" | "escalation_answer" => Role::Approver,
        "webhook_list" | "webhook_test" | "delivery_list" | "delivery_fetch" | "delivery_again" => {
            Role::Operator
        }
        "project_delete" | "token_list" | "token_create" | "token_revoke" => Role::Admin,
        one if one.starts_with("workspace_") => Role::Operator,
        _ => Role::Viewer,
    }
}

fn operations(world: &World) -> Vec<(Method, String, String)> {
    let operations = world.document.operations().into_iter();
    operations
        .map(|(method, path, operation)| {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            (method, path, id)
        })
        .collect()
}

#[tokio::test]
async fn nothing_but_the_probes_and_the_document_is_answered_without_a_valid_token() {
    let world = World::with_project().await;
    let admin = world.get("adam", "/tokens?limit=200").send().await.json();
    let vera = admin["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["name"] == "vera")
        .unwrap();
    let path = format!("/tokens/{}", vera["id"].as_str().unwrap());
    world.get("vera", "/projects").send().await.is(200);
    world.delete("adam", &path).send().await.is(204);
    let mut seen = 0;
    for (method, path, operation) in operations(&world) {
        let public = PUBLIC.contains(&path.as_str());
        let secured = world
            .document
            .operations()
            .into_iter()
            .any(|(one, at, operation)| {
                one == method && at == path && operation.get("security").is_some()
            });
        assert_eq!(public, !secured, "{method} {path}");
        // Nobody, somebody unknown, somebody whose token is revoked.
        for who in ["", "nobody", "vera"] {
            let answer = ask(&world, who, &method, &path, &operation).send().await;
            if public {
                assert_eq!(answer.status, 200, "{path}");
            } else {
                assert_eq!(answer.status, 401, "{method} {path} for {who:?}");
                assert!(
                    answer
                        .header(header::WWW_AUTHENTICATE)
                        .starts_with("Bearer")
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "only {seen} refusals were seen");
}

#[tokio::test]
async fn each_operation_asks_for_its_role() {
    let world = World::with_project().await;
    world.reply("olga", GOOD).await;
    world.work();
    let roles = [
        ("vera", Role::Viewer),
        ("olga", Role::Operator),
        ("anna", Role::Approver),
        ("adam", Role::Admin),
    ];
    let mut all = operations(&world);
    // What ends the project comes last.
    all.sort_by_key(|(_, _, operation)| operation == "project_delete");
    for (method, path, operation) in all {
        let is_endless = ["attempt_live", "gate_log"].contains(&operation.as_str());
        if is_endless || operation.starts_with("event_stream") {
            continue;
        }
        for (who, role) in roles {
            let answer = ask(&world, who, &method, &path, &operation).send().await;
            let refused = answer.status == 403;
            assert_eq!(
                refused,
                role < least(&operation),
                "{operation} for {role}: {}",
                answer.status
            );
            if refused {
                assert_eq!(answer.json()["code"], "role");
            }
        }
    }
}

#[tokio::test]
async fn an_agents_token_decides_nothing_whatever_its_role() {
    let world = World::with_project().await;
    world.reply("olga", GOOD).await;
    for what in ["approve", "reject"] {
        let answer = world.decide("robot", "g0", what).await.is(403);
        assert_eq!(answer.json()["code"], "not_a_person");
    }
    let rule = format!("/projects/{PROJECT}/gates/g0/rule");
    let answer = world
        .post("robot", &rule)
        .json(&json!({ "allow": true }))
        .send()
        .await;
    assert_eq!(answer.is(403).json()["code"], "not_a_person");
    let new = json!({ "name": "x", "role": "admin" });
    world
        .post("robot", "/tokens")
        .json(&new)
        .send()
        .await
        .is(403);
    assert_eq!(world.gate("g0").await["state"], "awaiting_approval");
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let world = World::new().await;
    let new = json!({ "name": "Nina", "role": "operator" });
    let made = world
        .post("adam", "/tokens")
        .json(&new)
        .send()
        .await
        .is(201)
        .json();
    let secret = made["token"].as_str().unwrap();
    let with = |secret: &str| {
        world
            .get("", "/projects")
            .header("authorization", &format!("bearer {secret}"))
    };
    with(secret).send().await.is(200);
    let list = world.get("adam", "/tokens").send().await.is(200);
    assert!(!String::from_utf8_lossy(&list.body).contains(secret));
    let path = format!("/tokens/{}", made["id"].as_str().unwrap());
    world.delete("adam", &path).send().await.is(204);
    let refused = with(secret).send().await.is(401);
    assert!(
        refused
            .header(header::WWW_AUTHENTICATE)
            .contains("invalid_token")
    );
    for bad in [
        json!({ "name": "x", "role": "emperor" }),
        json!({ "name": "x", "role": "viewer", "kind": "system" }),
        json!({ "name": "", "role": "viewer" }),
    ] {
        world
            .post("adam", "/tokens")
            .json(&bad)
            .send()
            .await
            .is(422);
    }
}

#[tokio::test]
async fn two_credentials_or_another_scheme_are_none() {
    let world = World::new().await;
    let two = world
        .get("vera", "/projects")
        .header("authorization", "Bearer secret-adam");
    two.send().await.is(401);
    for value in ["Basic c2VjcmV0LWFkYW0=", "Bearer", "Bearer ", "secret-adam"] {
        let ask = world.get("", "/projects").header("authorization", value);
        ask.send().await.is(401);
    }
}

#[tokio::test]
async fn of_fifty_approvers_one_wins() {
    let world = World::with_project().await;
    world.reply("olga", GOOD).await;
    let names: Vec<String> = (0..50).map(|n| format!("approver-{n}")).collect();
    for name in &names {
        world.token(name, Role::Approver, ActorKind::Person).await;
    }
    let racing = names.iter().map(|name| world.decide(name, "g0", "approve"));
    let answers = futures::future::join_all(racing).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 49));
    assert!(lost.iter().all(|answer| answer.status == 409));
    world.settle().await;
    let gate = world.gate("g0").await;
    assert_eq!(gate["state"], "approved");
    assert_eq!(gate["approved_by"].as_array().map(Vec::len), Some(1));
    let audit = world.get("vera", "/audit").send().await.json();
    let decided = |event: &&Value| event["kind"] == "gate.decided";
    assert_eq!(
        audit["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(decided)
            .count(),
        1
    );
}

#[tokio::test]
async fn a_token_for_some_projects_sees_no_other() {
    let world = World::with_project().await;
    let new = json!({ "name": "other", "kind": "service", "template": "blank" });
    world
        .post("olga", "/projects")
        .json(&new)
        .send()
        .await
        .is(201);
    let made = world
        .post("adam", "/tokens")
        .json(&json!({ "name": "Sam", "role": "approver", "projects": [PROJECT], "expires_at": "2999-01-01T00:00:00Z" }))
        .send()
        .await
        .is(201)
        .json();
    assert_eq!(made["projects"], json!([PROJECT]));
    let token = made["token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let get = async |path: &str| {
        let ask = world.get("", path).header("authorization", &bearer);
        ask.send().await
    };
    for (path, status) in [
        (format!("/projects/{PROJECT}"), 200),
        (format!("/projects/{PROJECT}/gates"), 200),
        ("/projects".to_owned(), 200),
        ("/escalations".to_owned(), 200),
        ("/templates".to_owned(), 200),
        ("/projects/other".to_owned(), 404),
        ("/projects/other/gates".to_owned(), 404),
        ("/audit".to_owned(), 403),
        ("/events".to_owned(), 403),
        ("/metrics".to_owned(), 403),
        ("/tokens".to_owned(), 403),
        (format!("/proofs/{}", "0".repeat(64)), 404),
    ] {
        assert_eq!(get(&path).await.status, status, "{path}");
    }
    let listed = get("/projects").await.json();
    let names: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, [PROJECT]);
    for wrong in [
        json!({ "name": "a", "role": "admin", "projects": [PROJECT] }),
        json!({ "name": "a", "role": "viewer", "projects": ["../x"] }),
        json!({ "name": "a", "role": "viewer", "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "name": "a", "role": "viewer", "expires_at": "soon" }),
    ] {
        world
            .post("adam", "/tokens")
            .json(&wrong)
            .send()
            .await
            .is(422);
    }
}
