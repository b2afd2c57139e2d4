//! Checks alone, and what checks print.

use axum::http::header;
use serde_json::{Value, json};
use sluice_factory::GateSet;

use crate::live::Client;
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

fn kinds(messages: &[(i64, String, Value)]) -> Vec<&str> {
    messages.iter().map(|(_, kind, _)| kind.as_str()).collect()
}

#[tokio::test]
async fn lines_are_seen_while_the_command_still_runs() {
    let world = with_package().await;
    let held = world.turns.clone().acquire_many_owned(64).await.unwrap();
    let path = format!("/projects/{PROJECT}/checks");
    let asked = world.post("olga", &path).send().await.is(202);
    let log = format!("{}/log", asked.header(header::LOCATION));
    let factory = world.factory.clone();
    let working = tokio::spawn(async move { factory.tick().await.unwrap() });
    let open = world.get("vera", &log).open().await;
    let live = read(open, 3).await;
    assert_eq!(kinds(&live), ["run", "started", "log"]);
    assert_eq!(
        (&live[1].2["check"], &live[2].2["check"]),
        (&json!("install"), &json!("install"))
    );
    let line = live[2].2["line"].as_str().unwrap();
    assert!(line.starts_with("$ npm"), "{line}");
    drop(held);
    assert!(working.await.unwrap());

    // Who comes back when all is over sees what was live under the same numbers, and goes on behind it.
    let whole = read(world.get("vera", &log).open().await, usize::MAX).await;
    assert_eq!(whole[..3], live);
    let back = world.get("vera", &log).header("last-event-id", "3");
    assert_eq!(read(back.open().await, usize::MAX).await, whole[3..]);
    let end = whole.last().unwrap().0.to_string();
    let back = world.get("vera", &log).header("last-event-id", &end);
    assert_eq!(read(back.open().await, usize::MAX).await, []);

    // The same tree once more: what the first run printed is shown again.
    let asked = world.post("olga", &path).send().await.is(202);
    assert!(world.factory.tick().await.unwrap());
    let log = format!("{}/log", asked.header(header::LOCATION));
    let again = read(world.get("vera", &log).open().await, usize::MAX).await;
    let of = |messages: &[(i64, String, Value)], name: &str| -> Vec<Value> {
        let lines = messages.iter().filter(|(_, kind, _)| kind == "log");
        let lines = lines.filter(|(_, _, data)| data["check"] == name);
        lines.map(|(_, _, data)| data["line"].clone()).collect()
    };
    assert_eq!(of(&again, "build"), of(&whole, "build"));
    assert!(
        again
            .iter()
            .any(|(_, kind, data)| kind == "finished" && data["cached"] == true)
    );

    // A transcript that is gone is made again from the logs.
    std::fs::remove_dir_all(world.folder.path().join("data/transcripts")).unwrap();
    std::fs::create_dir(world.folder.path().join("data/transcripts")).unwrap();
    let old = read(world.get("vera", &log).open().await, usize::MAX).await;
    assert_eq!(of(&old, "build"), of(&whole, "build"));
    assert_eq!(old.last().unwrap().1, "end");
}

#[tokio::test]
async fn what_the_checks_of_a_gate_print_is_seen() {
    let world = World::with_project().await;
    let gates = world.folder.path().join("gates");
    let file = "name = \"Build\"\npurpose = \"It builds.\"\nworker = \"writer\"\nheal_attempts = 0\nchecks = [\"build\"]\n";
    std::fs::write(gates.join("g0.toml"), file).unwrap();
    world
        .factory
        .gates_replace(GateSet::from_folder(&gates).unwrap());
    let gate = format!("/projects/{PROJECT}/gates/g0");
    world
        .get("vera", &format!("{gate}/log"))
        .send()
        .await
        .is(409);
    world
        .post("olga", &format!("{gate}/start"))
        .send()
        .await
        .is(202);
    while world.factory.tick().await.unwrap() {}
    let reply = format!("```json:package.json\n{PACKAGE}\n```\n");
    let replies = world.post("robot", &format!("/projects/{PROJECT}/replies"));
    replies.markdown(reply).send().await.is(202);
    let open = world.get("vera", &format!("{gate}/log")).open().await;
    let factory = world.factory.clone();
    let working = tokio::spawn(async move { while factory.tick().await.unwrap() {} });
    let mut client = Client::new(open);
    let mut seen = client.until("finished").await;
    while seen.last().unwrap().2["check"] != "build" {
        seen.extend(client.until("finished").await);
    }
    assert_eq!(
        (seen[0].1.as_str(), &seen[0].2["attempt"]),
        ("run", &json!(0))
    );
    let lines = seen.iter().filter(|(_, kind, _)| kind == "log");
    let lines: Vec<_> = lines
        .filter(|(_, _, data)| data["check"] == "build")
        .collect();
    assert_eq!(lines[1].2["line"], "second line");
    working.await.unwrap();
}
