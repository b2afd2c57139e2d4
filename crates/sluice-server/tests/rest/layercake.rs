//! The first system's routes: what its dashboards sent, and what they looked at in the answers.

use axum::http::header;
use serde_json::{Value, json};

use crate::world::{GOOD, POOR, World};

const AT: &str = "/code-generation/workspaces/project-123";

async fn with_workspace() -> World {
    let world = World::new().await;
    let new = json!({ "projectId": "project-123", "projectType": "blank" });
    let made = world.post("olga", "/code-generation/workspaces").json(&new);
    let made = made.send().await.is(201).json();
    assert_eq!(made["success"], true);
    world
}

async fn file(world: &World, path: &str, content: &str) -> Value {
    let body = json!({ "filePath": path, "content": content });
    let written = world.post("olga", &format!("{AT}/files")).json(&body);
    written.send().await.is(200).json()
}

#[tokio::test]
async fn a_workspace_is_a_project_and_making_it_again_is_no_error() {
    let world = with_workspace().await;
    let project = world.get("vera", "/projects/project-123").send().await;
    assert_eq!(project.is(200).json()["template"], "blank");
    let again = json!({ "projectId": "project-123" });
    let again = world
        .post("olga", "/code-generation/workspaces")
        .json(&again);
    again.send().await.is(200);
    let web = json!({ "projectId": "web", "projectType": "react-vite" });
    // Below `/api` too, where the first system had it.
    let web = world
        .post("olga", "/api/code-generation/workspaces")
        .json(&web);
    assert_eq!(web.open().await.status(), 201);
    let project = world
        .get("vera", "/projects/web")
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(
        (&project["template"], &project["kind"]),
        (&json!("react-vite"), &json!("web"))
    );
    for bad in ["..", "a/b", ""] {
        let bad = json!({ "projectId": bad });
        let refused = world.post("olga", "/code-generation/workspaces").json(&bad);
        refused.send().await.is(422);
    }
}

#[tokio::test]
async fn files_are_written_over_and_every_one_is_a_commit() {
    let world = with_workspace().await;
    let first = file(&world, "src/a.ts", "export const a = 1;\n").await;
    let second = file(&world, "src/a.ts", "export const a = 2;\n").await;
    assert_ne!(first["commitHash"], second["commitHash"]);
    let read = world.get("vera", "/projects/project-123/files/src/a.ts");
    assert_eq!(read.send().await.is(200).body, "export const a = 2;\n");
    for (path, status) in [
        ("../x", 422),
        (".git/hooks/pre-commit", 422),
        ("/etc/passwd", 422),
    ] {
        let body = json!({ "path": path, "content": "x" });
        let refused = world.post("olga", &format!("{AT}/files")).json(&body);
        refused.send().await.is(status);
    }
    let init = world.post("olga", &format!("{AT}/git/init")).send().await;
    assert_eq!(init.is(200).json()["success"], true);
    let commit = world.post("olga", &format!("{AT}/git/commit"));
    let commit = commit
        .json(&json!({ "message": "Initial commit" }))
        .send()
        .await;
    assert_eq!(commit.is(200).json()["commitHash"], second["commitHash"]);
    let history = world.get("vera", &format!("{AT}/git/history?limit=2"));
    let history = history.send().await.is(200).json();
    assert_eq!(history[0]["hash"], second["commitHash"]);
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[0]["author"], "olga");
}

#[tokio::test]
async fn an_output_is_parsed_as_replies_are() {
    let world = World::new().await;
    let text = "```typescript:src/utils/api.ts\nexport const api = {};\n```\n\n```ts\nconst lost = 1;\n```\n";
    let parsed = world.post("vera", "/code-generation/parse");
    let parsed = parsed
        .json(&json!({ "agentOutput": text }))
        .send()
        .await
        .is(200)
        .json();
    let file = json!({ "path": "src/utils/api.ts", "content": "export const api = {};\n", "language": "typescript" });
    assert_eq!(parsed["files"], json!([file]));
    assert_eq!(parsed["totalBlocks"], 2);
    assert_eq!(parsed["unparsedBlocks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn checks_are_waited_for() {
    let world = with_workspace().await;
    world.work();
    let package = r#"{ "name": "x", "version": "1.0.0", "scripts": { "build": "node build.js" } }"#;
    file(&world, "package.json", package).await;
    for what in [
        "install",
        "build",
        "test",
        "lint",
        "security-scan",
        "validate",
    ] {
        let ask = world.post("olga", &format!("{AT}/{what}"));
        let answer = ask.send().await.is(200);
        let result = answer.json();
        assert_eq!(result["status"], "done", "{what}: {result}");
        assert_eq!(result["success"], result["overallSuccess"]);
        let at = answer.header(header::LOCATION).to_owned();
        let report = world.get("vera", &at).send().await.is(200).json()["report"].clone();
        assert_eq!(
            result["success"],
            json!(report["verdict"] == "pass"),
            "{what}"
        );
        let names = |checks: &Value| {
            let checks = checks.as_array().unwrap().iter();
            checks.map(|one| one["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&result["checks"]), names(&report["checks"]), "{what}");
    }
    let build = world
        .post("olga", &format!("{AT}/build"))
        .send()
        .await
        .json();
    assert_eq!(build["success"], true, "{build}");
    let nobody = "/code-generation/workspaces/nobody/build";
    world.post("olga", nobody).send().await.is(404);
}

#[tokio::test]
async fn proofs_and_errors_are_bare_lists() {
    let world = World::with_project().await;
    world.reply("olga", POOR).await;
    let errors = world.get("vera", "/api/error-history?projectId=adder&resolved=false");
    let errors = errors.send().await.is(200).json();
    assert_eq!(
        (&errors[0]["gate"], &errors[0]["resolved"]),
        (&json!("g0"), &json!(false))
    );
    assert!(!errors[0]["errorMessage"].as_str().unwrap().is_empty());
    let open = world.get("vera", "/escalations").send().await.json();
    let answer = format!(
        "/escalations/{}/answer",
        open["items"][0]["id"].as_str().unwrap()
    );
    let answer = world
        .post("anna", &answer)
        .json(&json!({ "action": "retry" }));
    answer.send().await.is(200);
    world.settle().await;
    world.reply("olga", GOOD).await;
    let resolved = world.get("vera", "/api/error-history?projectId=adder&resolved=true");
    let resolved = resolved.send().await.is(200).json();
    assert!(resolved[0]["resolvedAt"].is_string(), "{resolved}");
    for gate in [
        "gateId=adder:g0",
        "gateId=G0_PENDING&projectId=adder",
        "gateId=gate-g0-pending&projectId=adder",
    ] {
        let proofs = world.get("vera", &format!("/api/proof-artifacts?{gate}"));
        let proofs = proofs.send().await.is(200).json();
        let id = proofs[0]["id"].as_str().unwrap();
        world
            .get("vera", &format!("/proofs/{id}"))
            .send()
            .await
            .is(200);
    }
    for bad in ["gateId=g0", "gateId=adder:g10", "gateId=x&projectId=adder"] {
        let refused = world.get("vera", &format!("/api/proof-artifacts?{bad}"));
        assert_eq!(refused.send().await.is(422).json()["field"], "gateId");
    }
    world
        .get("vera", "/api/proof-artifacts")
        .send()
        .await
        .is(400);
    world
        .get("vera", "/api/error-history?projectId=nobody")
        .send()
        .await
        .is(404);
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let world = World::with_project().await;
    for (is_post, path) in [
        (true, "/api/projects/adder/export-github"),
        (false, "/api/projects/adder/github-status"),
        (true, "/api/projects/adder/deploy-railway"),
        (false, "/api/projects/adder/deployment-status"),
        (true, "/api/agents/execute"),
    ] {
        let ask = if is_post {
            world.post("adam", path)
        } else {
            world.get("adam", path)
        };
        ask.send().await.is(501);
    }
}
