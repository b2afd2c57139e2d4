//! Requests under an `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use futures::future::join_all;
use serde_json::{Value, json};
use sluice_server::Options;
use sluice_store::{KeyOutcome, KeyedRequest};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::world::{Answer, Ask, PROJECT, World};

const KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";

fn new_project(name: &str) -> Value {
    json!({ "name": name, "kind": "web" })
}

fn make<'a>(world: &'a World, who: &str, key: &str, name: &str) -> Ask<'a> {
    let ask = world.post(who, "/projects").header(KEY, key);
    ask.json(&new_project(name))
}

/// How often something happened.
async fn count(world: &World, kind: &str) -> usize {
    let audit = world.get("vera", "/audit?limit=200").send().await.json();
    let events = audit["items"].as_array().unwrap().iter();
    events.filter(|event| event["kind"] == kind).count()
}

#[tokio::test]
async fn a_request_under_a_key_is_done_once() {
    let world = World::new().await;
    let first = make(&world, "olga", "a key", "x").send().await.is(201);
    assert_eq!(first.header(REPLAYED), "");
    for _ in 0..3 {
        let again = make(&world, "olga", "a key", "x").send().await.is(201);
        assert_eq!(again.header(REPLAYED), "true");
        assert_eq!(again.body, first.body);
        assert_eq!(again.header(header::LOCATION), "/api/v1/projects/x");
        assert_eq!(again.header(header::CONTENT_TYPE), "application/json");
    }
    assert_eq!(count(&world, "project.created").await, 1);
    // Without it, or under another one, it is another request.
    let other = make(&world, "olga", "another", "x").send().await.is(409);
    assert_eq!(other.json()["code"], "name_taken");
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller_on_one_route() {
    let world = World::with_project().await;
    make(&world, "olga", "k", "x").send().await.is(201);
    let refused = make(&world, "olga", "k", "y").send().await.is(422).json();
    assert_eq!(refused["field"], "Idempotency-Key");
    make(&world, "adam", "k", "y").send().await.is(201);
    let check = format!("/projects/{PROJECT}/checks");
    let check = world.post("olga", &check).header(KEY, "k");
    check.send().await.is(202);
    // It means nothing where nothing is posted.
    let list = world.get("olga", "/projects").header(KEY, "k");
    list.send().await.is(200);
}

#[tokio::test]
async fn of_thirty_requests_at_once_one_is_done() {
    let world = World::new().await;
    let racing = (0..30).map(|_| make(&world, "olga", "k", "x").send());
    let answers = join_all(racing).await;
    let fresh = |answer: &&Answer| answer.status == 201 && answer.header(REPLAYED).is_empty();
    assert_eq!(answers.iter().filter(fresh).count(), 1);
    for answer in &answers {
        let waits = answer.status == 409 && answer.json()["code"] == "key_in_flight";
        assert!(answer.status == 201 || waits, "{answer:?}");
    }
    assert_eq!(count(&world, "project.created").await, 1);
    make(&world, "olga", "k", "x").send().await.is(201);
}

#[tokio::test]
async fn a_refusal_is_given_again_and_a_fault_is_not() {
    let world = World::with_project().await;
    let path = format!("/projects/{PROJECT}/gates/g0/approve");
    let approve = || {
        let ask = world.post("anna", &path).header(KEY, "k");
        ask.json(&json!({ "subject_digest": "0" })).send()
    };
    let first = approve().await.is(409);
    let again = approve().await.is(409);
    assert_eq!(again.header(REPLAYED), "true");
    let (first, again) = (first.json(), again.json());
    for member in ["type", "title", "detail", "code"] {
        assert_eq!(first[member], again[member]);
    }
    assert_ne!(first["instance"], again["instance"]);

    let git = world.factory.data().git(PROJECT);
    let aside = git.with_extension("aside");
    std::fs::rename(&git, &aside).unwrap();
    let check = || {
        let path = format!("/projects/{PROJECT}/checks");
        world.post("olga", &path).header(KEY, "k").send()
    };
    check().await.is(500);
    std::fs::rename(&aside, &git).unwrap();
    let checked = check().await.is(202);
    assert_eq!(checked.header(REPLAYED), "");
    assert_eq!(check().await.is(202).json()["id"], checked.json()["id"]);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_kept() {
    let world = World::new().await;
    let make = || {
        let ask = world.post("adam", "/tokens").header(KEY, "k");
        ask.json(&json!({ "name": "Nina", "role": "viewer" }))
            .send()
    };
    let made = make().await.is(201).json();
    let secret = made["token"].as_str().unwrap();
    let again = make().await.is(409).json();
    assert_eq!(again["code"], "shown_once");
    let id = made["id"].as_str().unwrap();
    assert!(again["detail"].as_str().unwrap().contains(id), "{again}");
    for file in std::fs::read_dir(world.factory.data().root()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{} has the secret", path.display());
        }
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let world = World::new().await;
    let longest = "k".repeat(255);
    for bad in ["", " ", "ä", &format!("{longest}k")] {
        let refused = make(&world, "olga", bad, "x").send().await.is(400).json();
        assert!(
            refused["detail"]
                .as_str()
                .unwrap()
                .contains("Idempotency-Key")
        );
    }
    let two = make(&world, "olga", "a", "x").header(KEY, "b");
    two.send().await.is(400);
    make(&world, "olga", &longest, "x").send().await.is(201);
    // A body that is too large is refused as without a key.
    let large = world.post("olga", "/projects").header(KEY, "large");
    let large = large.json(&new_project(&"x".repeat(2 << 20)));
    large.send().await.is(413);
}

#[tokio::test]
async fn a_client_that_went_away_finds_its_answer() {
    let world = World::new().await;
    for round in 0..20 {
        let (key, name) = (format!("k{round}"), format!("p{round}"));
        let gone = make(&world, "olga", &key, &name).open();
        // The connection breaks somewhere on the way.
        let _ = tokio::time::timeout(Duration::from_micros(500 * round), gone).await;
        let answer = async {
            loop {
                let answer = make(&world, "olga", &key, &name).send().await;
                if answer.status != 409 {
                    return answer;
                }
                assert_eq!(answer.json()["code"], "key_in_flight");
                tokio::task::yield_now().await;
            }
        };
        answer.await.is(201);
    }
    assert_eq!(count(&world, "project.created").await, 20);
}

#[tokio::test]
async fn what_a_dead_daemon_was_at_may_be_asked_again() {
    let world = World::new().await;
    let root = world.factory.data().root().as_os_str().as_encoded_bytes();
    let admin = world.get("adam", "/tokens?limit=200").send().await.json();
    let tokens = admin["items"].as_array().unwrap();
    let olga = tokens.iter().find(|token| token["name"] == "olga").unwrap();
    // As a process leaves it that is killed while it answers.
    let left = KeyedRequest {
        principal: olga["id"].as_str().unwrap().to_owned(),
        route: "POST /api/v1/projects".to_owned(),
        key: "k".to_owned(),
        request: "left".to_owned(),
        owner: sluice_proof::sha256_hex(root),
    };
    let now = jiff::Timestamp::now();
    let claimed = world.factory.store().key_claim(&left, now).await.unwrap();
    assert!(matches!(claimed, KeyOutcome::Claimed(_)));
    make(&world, "olga", "k", "x").send().await.is(422);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shutdown = CancellationToken::new();
    let (factory, end) = (Arc::clone(&world.factory), shutdown.clone());
    let serving = tokio::spawn(async move {
        sluice_server::serve(factory, listener, Options::default(), end).await
    });
    let answer = async {
        loop {
            let answer = make(&world, "olga", "k", "x").send().await;
            if answer.status != 422 {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
    answer.expect("the key is given back").is(201);
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}
