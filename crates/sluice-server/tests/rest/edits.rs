//! Edits of people while a run is open: held, merged, in conflict, resolved, dropped.

use axum::http::header;
use serde_json::{Value, json};

use crate::world::{GOOD, PROJECT, World};

const RAW: &str = "application/octet-stream";
const MINE: &str = "# Scope\n\n## Goals\n\nPeople multiply numbers.\n";

fn at(path: &str) -> String {
    format!("/projects/{PROJECT}/{path}")
}

/// With g0 waiting for a reply.
async fn started() -> World {
    let world = World::with_project().await;
    let start = at("gates/g0/start");
    world.post("olga", &start).send().await.is(202);
    world.settle().await;
    world
}

/// With an edit of anna's that the agent's work is in conflict with, after g0 was approved.
async fn conflict() -> World {
    let world = started().await;
    let put = world
        .put("anna", &at("files/docs/SCOPE.md"))
        .header("if-none-match", "*");
    put.body(RAW, MINE).send().await.is(202);
    world.reply("olga", GOOD).await;
    world.decide("abel", "g0", "approve").await.is(200);
    world.settle().await;
    assert_eq!(world.gate("g0").await["state"], "approved");
    assert_eq!(edit(&world).await["state"], "conflict");
    world
}

async fn edit(world: &World) -> Value {
    let edit = world.get("vera", &at("edits/1")).send().await.is(200);
    let tag = format!("\"{}\"", edit.json()["version"].as_str().unwrap());
    assert_eq!(edit.header(header::ETAG), tag);
    edit.json()
}

async fn ids(world: &World, query: &str) -> Vec<u64> {
    let path = at(&format!("edits{query}"));
    let list = world.get("vera", &path).send().await.is(200).json();
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn what_is_written_while_a_run_is_open_is_held_and_comes_when_it_ends() {
    let world = started().await;
    let put = world
        .put("olga", &at("files/notes.md"))
        .header("if-none-match", "*");
    let held = put.body(RAW, "mine\n").send().await.is(202);
    assert_eq!(
        held.header(header::LOCATION),
        format!("/api/v1/projects/{PROJECT}/edits/1")
    );
    assert_eq!(held.json()["held"], 1);
    let tag = held.header(header::ETAG).to_owned();
    world
        .get("vera", &at("files/notes.md"))
        .send()
        .await
        .is(404);
    // Written again, under the tag that the first answer had.
    let put = world
        .put("olga", &at("files/notes.md"))
        .header("if-match", &tag);
    let again = put.body(RAW, "mine, and more\n").send().await.is(202);
    assert_eq!(again.json()["held"], 1);
    let delete = world
        .delete("olga", &at("files/README.md"))
        .header("if-match", "*");
    let gone = delete.send().await.is(202);
    assert_eq!(
        gone.header(header::LOCATION),
        format!("/api/v1/projects/{PROJECT}/edits/2")
    );
    assert_eq!(gone.json()["oid"], Value::Null);
    // Without a precondition, and with one that does not hold, it is as ever.
    let bare = world.put("olga", &at("files/notes.md")).body(RAW, "x");
    bare.send().await.is(428);
    let stale = world
        .put("anna", &at("files/notes.md"))
        .header("if-match", &tag);
    stale.body(RAW, "x").send().await.is(412);

    assert_eq!(ids(&world, "?state=open").await, [1, 2]);
    let first = world
        .get("vera", &at("edits?limit=1"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(first["next_cursor"], "1");
    assert_eq!(ids(&world, "?limit=1&cursor=1").await, [2]);
    let view = edit(&world).await;
    assert_eq!(
        (view["state"].as_str(), view["by"].as_str()),
        (Some("held"), Some("olga"))
    );
    assert_eq!(view["files"][0]["mine"]["text"], "mine, and more\n");
    assert_eq!(view["files"][0]["base"], Value::Null);
    let early = world
        .post("olga", &at("edits/1/resolve"))
        .json(&json!({ "take": "mine" }));
    assert_eq!(early.send().await.is(409).json()["code"], "run_open");

    world
        .post("olga", &at("gates/g0/cancel"))
        .send()
        .await
        .is(200);
    world.settle().await;
    assert_eq!(ids(&world, "?state=open").await, [0; 0]);
    assert_eq!(ids(&world, "?state=applied").await, [1, 2]);
    let notes = world
        .get("vera", &at("files/notes.md"))
        .send()
        .await
        .is(200);
    assert_eq!(notes.body, "mine, and more\n");
    world
        .get("vera", &at("files/README.md"))
        .send()
        .await
        .is(404);
    let late = world.post("olga", &at("edits/1/drop")).send().await;
    assert_eq!(late.is(409).json()["code"], "edit_ended");
}

#[tokio::test]
async fn a_conflict_shows_both_sides_and_is_resolved_by_what_a_person_says() {
    for (body, text) in [
        (json!({ "take": "mine" }), "People multiply"),
        (json!({ "take": "theirs" }), "People add"),
        (
            json!({ "files": { "docs/SCOPE.md": { "take": "mine" } } }),
            "People multiply",
        ),
        (
            json!({ "take": "mine", "files": { "docs/SCOPE.md": { "content": "Both.\n" } } }),
            "Both.",
        ),
    ] {
        let world = conflict().await;
        let view = edit(&world).await;
        let file = &view["files"][0];
        assert_eq!(file["conflict"], true);
        assert_eq!(file["mine"]["text"], MINE);
        let theirs = file["theirs"]["text"].as_str().unwrap();
        assert!(theirs.contains("People add"), "{theirs}");
        // The sides are files of commits that can be read like any other.
        let mine = view["mine"].as_str().unwrap();
        let path = at(&format!("files/docs/SCOPE.md?ref={mine}"));
        assert_eq!(world.get("vera", &path).send().await.is(200).body, MINE);

        let resolve = at("edits/1/resolve");
        let ask = |who| world.post(who, &resolve);
        ask("vera").json(&body).send().await.is(403);
        let stale = ask("anna").header("if-match", "\"another\"").json(&body);
        stale.send().await.is(412);
        let tag = format!("\"{}\"", view["version"].as_str().unwrap());
        let done = ask("anna").header("if-match", &tag).json(&body);
        let done = done.send().await.is(200).json();
        assert_eq!(
            (done["state"].as_str(), done["ended_by"].as_str()),
            (Some("resolved"), Some("anna"))
        );
        let scope = world
            .get("vera", &at("files/docs/SCOPE.md"))
            .send()
            .await
            .is(200);
        let scope = String::from_utf8(scope.body.to_vec()).unwrap();
        assert!(scope.contains(text), "{scope}");
        let again = ask("anna").json(&body).send().await;
        assert_eq!(again.is(409).json()["code"], "edit_ended");
        // What was approved is what was approved; the gate says what came after it.
        let gate = world.gate("g0").await;
        let moved = text != "People add";
        assert_eq!(gate["subject_is_head"], !moved);
        assert_eq!(
            gate["edits_since"].as_array().unwrap().len(),
            usize::from(moved)
        );
    }
}

#[tokio::test]
async fn a_resolution_that_decides_nothing_or_something_else_is_refused() {
    let world = conflict().await;
    let resolve = at("edits/1/resolve");
    for (body, status) in [
        (json!({}), 422),
        (
            json!({ "files": { "docs/OTHER.md": { "take": "mine" } } }),
            422,
        ),
        (json!({ "take": "ours" }), 422),
        (json!({ "files": { "docs/SCOPE.md": {} } }), 422),
        (
            json!({ "files": { "docs/SCOPE.md": { "take": "mine", "content": "x" } } }),
            422,
        ),
        (json!({ "sides": "mine" }), 422),
    ] {
        let answer = world.post("anna", &resolve).json(&body).send().await;
        assert_eq!(answer.status, status, "{body}: {:?}", answer.json());
    }
    assert_eq!(edit(&world).await["state"], "conflict");
    for nowhere in [
        "edits/2",
        "edits/x",
        "edits/-1",
        "edits/99999999999999999999",
    ] {
        world.get("vera", &at(nowhere)).send().await.is(404);
        let drop = at(&format!("{nowhere}/drop"));
        world.post("anna", &drop).send().await.is(404);
    }
    let list = at("edits?state=lost");
    world.get("vera", &list).send().await.is(400);

    let dropped = world.post("anna", &at("edits/1/drop")).send().await.is(200);
    assert_eq!(dropped.json()["state"], "dropped");
    let scope = world
        .get("vera", &at("files/docs/SCOPE.md"))
        .send()
        .await
        .is(200);
    assert!(String::from_utf8_lossy(&scope.body).contains("People add"));
}

#[tokio::test]
async fn what_a_working_tree_has_besides_files_is_shown() {
    let world = World::with_project().await;
    let folder = world.factory.data().work_tree(PROJECT);
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    world.factory.edits_look(PROJECT, false).await.unwrap();
    let shown = world.get("vera", &at("work-tree")).send().await.is(200);
    assert_eq!(
        shown.json()["left_alone"],
        json!([{ "path": "link", "reason": "symlink" }])
    );
    world
        .get("vera", "/projects/nowhere/work-tree")
        .send()
        .await
        .is(404);
}
