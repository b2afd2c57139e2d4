//! Checks alone, and their logs.

use axum::http::header;
use serde_json::json;

use crate::streams::read;
use crate::world::{PROJECT, World};

const PACKAGE: &str = r#"{ "name": "adder", "version": "1.0.0", "scripts": { "build": "node build.js", "test": "node --test" } }"#;

async fn with_package() -> World {
    let world = World::with_project().await;
    let path = format!("/projects/{PROJECT}/files/package.json");
    let put = world.put("olga", &path).header("if-none-match", "*");
    put.body("application/octet-stream", PACKAGE)
        .send()
        .await
        .is(201);
    world
}

#[tokio::test]
async fn checks_are_queued_run_and_reported_with_their_logs() {
    let world = with_package().await;
    // No command may end before the log is being watched.
    let held = world.turns.clone().acquire_many_owned(64).await.unwrap();
    let path = format!("/projects/{PROJECT}/checks");
    let asked = world
        .post("olga", &path)
        .json(&json!({ "only": ["build"] }))
        .send()
        .await
        .is(202);
    let check = asked.json();
    assert_eq!(check["state"], "queued");
    let at = asked.header(header::LOCATION).to_owned();
    let log = world.get("vera", &format!("{at}/log")).open().await;
    let reader = tokio::spawn(read(log, usize::MAX));
    let factory = world.factory.clone();
    let working = tokio::spawn(async move { factory.tick().await.unwrap() });
    drop(held);
    assert!(working.await.unwrap());
    let messages = reader.await.unwrap();

    let done = world.get("vera", &at).send().await.is(200).json();
    assert_eq!(done["state"], "done");
    assert!(
        done["report"]["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"] == "build")
    );
    let (last, lines) = messages.split_last().unwrap();
    assert_eq!((last.1.as_str(), &last.2["state"]), ("end", &json!("done")));
    assert!(
        lines
            .iter()
            .any(|(_, kind, data)| kind == "log" && data["line"] == "second line")
    );
    let ids: Vec<_> = messages.iter().map(|message| message.0).collect();
    assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>());

    // A reader that comes back goes on where it was.
    let rest = world
        .get("vera", &format!("{at}/log"))
        .header("last-event-id", "1")
        .open()
        .await;
    assert_eq!(read(rest, usize::MAX).await, messages[1..]);
}

#[tokio::test]
async fn checks_can_be_asked_for_without_a_body_and_not_by_a_wrong_name() {
    let world = with_package().await;
    let path = format!("/projects/{PROJECT}/checks");
    world.post("olga", &path).send().await.is(202);
    let wrong = world
        .post("olga", &path)
        .json(&json!({ "only": ["dance"] }))
        .send()
        .await;
    assert_eq!(wrong.is(422).json()["field"], "only");
    world
        .post("olga", &path)
        .json(&json!({ "ref": "nowhere" }))
        .send()
        .await
        .is(404);
    world
        .post("olga", &path)
        .json(&json!({ "onyl": [] }))
        .send()
        .await
        .is(422);
}
