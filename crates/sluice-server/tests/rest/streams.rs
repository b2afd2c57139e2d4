//! Event streams: in order, without gap or double, at the client's pace.

use std::time::Duration;

use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sluice_factory::Factory;
use sluice_server::Options;
use sluice_store::NewEvent;

use crate::world::{GOOD, PROJECT, World};

/// One message: id, kind, data.
pub(crate) type Message = (i64, String, Value);

/// Reads messages of a stream until there are `count`, or it ends.
pub(crate) async fn read(response: Response, count: usize) -> Vec<Message> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    let mut messages = Vec::new();
    while messages.len() < count {
        let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await;
        let Some(frame) = frame.expect("the next message comes soon") else {
            break;
        };
        text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        while let Some((message, rest)) = text.split_once("\n\n") {
            messages.extend(parse(message));
            text = rest.to_owned();
        }
    }
    messages.truncate(count);
    messages
}

fn parse(message: &str) -> Option<Message> {
    let field = |name: &str| {
        let mut lines = message.lines();
        lines.find_map(|line| line.strip_prefix(name).map(str::trim))
    };
    let id = field("id:")?.parse().unwrap();
    let data = serde_json::from_str(field("data:")?).unwrap();
    Some((id, field("event:")?.to_owned(), data))
}

async fn append(factory: &Factory, project: Option<&str>, n: i64) {
    let event = NewEvent {
        project: project.map(str::to_owned),
        kind: "test.note".to_owned(),
        body: json!({ "n": n, "text": "two\nlines" }),
        audit: None,
        at: jiff::Timestamp::now(),
    };
    factory.store().event_append(event).await.unwrap();
}

#[tokio::test]
async fn a_stream_tells_what_was_and_what_comes() {
    let world = World::with_project().await;
    let stream = world
        .get("vera", &format!("/projects/{PROJECT}/events"))
        .open()
        .await;
    let reader = tokio::spawn(read(stream, 3));
    append(&world.factory, None, 0).await;
    append(&world.factory, Some("other"), 1).await;
    append(&world.factory, Some(PROJECT), 2).await;
    append(&world.factory, Some(PROJECT), 3).await;
    let messages = reader.await.unwrap();
    assert_eq!(messages[0].1, "project.created");
    let told: Vec<_> = messages[1..]
        .iter()
        .map(|(_, _, data)| &data["body"]["n"])
        .collect();
    assert_eq!(told, [&json!(2), &json!(3)]);
    for (id, kind, data) in &messages {
        assert_eq!((&data["seq"], &data["kind"]), (&json!(id), &json!(kind)));
    }
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    const EVENTS: i64 = 120;
    let world = World::new().await;
    let factory = std::sync::Arc::clone(&world.factory);
    let writer = tokio::spawn(async move {
        for n in 1..=EVENTS {
            append(&factory, None, n).await;
        }
    });
    let (mut seen, mut last) = (Vec::new(), None::<i64>);
    while (seen.len() as i64) < EVENTS {
        let mut ask = world.get("vera", "/events");
        if let Some(last) = last {
            ask = ask.header("last-event-id", &last.to_string());
        }
        // Each time the connection breaks after some messages.
        let left = EVENTS as usize - seen.len();
        let messages = read(ask.open().await, left.min(7)).await;
        last = messages.last().map(|message| message.0).or(last);
        seen.extend(
            messages
                .into_iter()
                .map(|(id, _, data)| (id, data["body"]["n"].as_i64())),
        );
    }
    writer.await.unwrap();
    let expected: Vec<_> = (1..=EVENTS).map(|n| (n, Some(n))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_stream_can_begin_anywhere_and_the_header_outranks_the_query() {
    let world = World::new().await;
    for n in 1..=5 {
        append(&world.factory, None, n).await;
    }
    let first = |messages: Vec<Message>| messages[0].0;
    let stream = world.get("vera", "/events?after=3").open().await;
    assert_eq!(first(read(stream, 1).await), 4);
    let stream = world
        .get("vera", "/events?after=1")
        .header("last-event-id", "4")
        .open()
        .await;
    assert_eq!(first(read(stream, 1).await), 5);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody() {
    let world = World::with_project().await;
    let mut asleep = Vec::new();
    for _ in 0..20 {
        asleep.push(world.get("vera", "/events").open().await);
    }
    world.reply("olga", GOOD).await;
    world.decide("anna", "g0", "approve").await.is(200);
    world.settle().await;
    assert_eq!(world.gate("g0").await["state"], "approved");
    let metrics = world.get("vera", "/metrics").send().await.is(200);
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("\nsluice_event_streams 20\n"), "{text}");
    drop(asleep);
    until_streams(&world, 0).await;
}

/// Waits until so many streams are open.
pub(crate) async fn until_streams(world: &World, count: usize) {
    let line = format!("\nsluice_event_streams {count}\n");
    let wait = async {
        loop {
            let metrics = world.get("vera", "/metrics").send().await.is(200);
            if String::from_utf8(metrics.body.to_vec())
                .unwrap()
                .contains(&line)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    waited.unwrap_or_else(|_| panic!("there are never {count} streams"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go_with_a_reason_and_misses_nothing() {
    const EVENTS: i64 = 60;
    let stall = Duration::from_millis(100);
    let world = World::with_options(Options {
        stall,
        ..Options::default()
    })
    .await;
    let asleep = world.get("vera", "/events").open().await;
    for n in 1..=EVENTS {
        append(&world.factory, None, n).await;
    }
    until_streams(&world, 0).await;
    let body = asleep.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("event: closed\n"), "{last}");
    assert!(last.contains("\"reason\":\"slow\""), "{last}");
    assert!(!last.contains("id:"), "{last}");
    let seen: Vec<i64> = text
        .split("\n\n")
        .filter_map(parse)
        .map(|(id, _, _)| id)
        .collect();
    // What lay ready for it is bounded, and it goes on where it stopped.
    assert!(seen.len() < 30, "{}", seen.len());
    let after = seen.last().unwrap().to_string();
    let again = world.get("vera", "/events").header("last-event-id", &after);
    let rest = read(again.open().await, EVENTS as usize - seen.len()).await;
    let all: Vec<i64> = seen
        .into_iter()
        .chain(rest.into_iter().map(|(id, _, _)| id))
        .collect();
    assert_eq!(all, (1..=EVENTS).collect::<Vec<_>>());
}
