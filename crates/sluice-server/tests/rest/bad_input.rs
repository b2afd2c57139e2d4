//! Requests that cannot be answered as asked: each a problem that says what to do.

use axum::body::Body;
use axum::http::{Method, header};
use futures::stream;
use serde_json::json;

use crate::world::{PROJECT, World};

#[tokio::test]
async fn bodies_of_the_wrong_kind_are_refused() {
    let world = World::with_project().await;
    let post = || world.post("adam", "/projects");
    post().send().await.is(415);
    post().body("text/plain", "{}").send().await.is(415);
    let broken = post()
        .body("application/json", "{\"name\":")
        .send()
        .await
        .is(400);
    assert_eq!(broken.json()["type"], "/problems/bad-request");
    let unknown = json!({ "name": "x", "kind": "web", "colour": "red" });
    let unknown = post().json(&unknown).send().await.is(422).json();
    assert!(
        unknown["detail"].as_str().unwrap().contains("colour"),
        "{unknown}"
    );
    post()
        .json(&json!({ "name": 1, "kind": "web" }))
        .send()
        .await
        .is(422);
    post().json(&json!(["x"])).send().await.is(422);
    post()
        .json(&json!({ "name": "x", "kind": "spaceship" }))
        .send()
        .await
        .is(422);
    post()
        .json(&json!({ "name": "x", "kind": "web", "template": "no" }))
        .send()
        .await
        .is(422);
    let deep = format!(
        "{{\"subject_digest\":\"0\",\"fields\":{{\"x\":{}",
        "[".repeat(100_000)
    );
    let approve = world.post("adam", &format!("/projects/{PROJECT}/gates/g0/approve"));
    approve.body("application/json", deep).send().await.is(400);
}

#[tokio::test]
async fn replies_of_the_wrong_kind_are_refused() {
    let world = World::with_project().await;
    for path in ["/parse".to_owned(), format!("/projects/{PROJECT}/replies")] {
        let post = || world.post("olga", &path);
        post().body("application/json", "{}").send().await.is(415);
        post().send().await.is(415);
        post()
            .body("text/markdown; charset=latin1", "x")
            .send()
            .await
            .is(415);
        let bad = post()
            .markdown(vec![b'a', 0xff])
            .send()
            .await
            .is(400)
            .json();
        assert!(bad["detail"].as_str().unwrap().contains("byte 1"), "{bad}");
        let large = vec![b'a'; (16 << 20) + 1];
        let refused = post().header("content-length", &large.len().to_string());
        refused.markdown(large).send().await.is(413);
        // Without a length, in pieces.
        let pieces = stream::iter((0..17).map(|_| Ok::<_, std::io::Error>(vec![b'a'; 1 << 20])));
        post()
            .markdown(Body::from_stream(pieces))
            .send()
            .await
            .is(413);
        // A client that goes away in the middle.
        let cut = stream::iter([Ok("```ts:a\n"), Err(std::io::Error::other("gone"))]);
        post().markdown(Body::from_stream(cut)).send().await.is(400);
    }
    let full = vec![b'a'; 16 << 20];
    world
        .post("olga", "/parse")
        .markdown(full)
        .send()
        .await
        .is(200);
}

#[tokio::test]
async fn other_bodies_have_bounds_too() {
    let world = World::with_project().await;
    let long = json!({ "name": "x".repeat(2 << 20), "kind": "web" });
    world
        .post("olga", "/projects")
        .json(&long)
        .send()
        .await
        .is(413);
    let file = world
        .put("olga", &format!("/projects/{PROJECT}/files/x"))
        .header("if-none-match", "*");
    let file = file.body("application/octet-stream", vec![0; (16 << 20) + 1]);
    file.send().await.is(413);
}

#[tokio::test]
async fn routes_methods_and_ids_that_do_not_exist_are_problems() {
    let world = World::with_project().await;
    world.get("vera", "/nowhere").send().await.is(404);
    world.get("", "/nowhere").send().await.is(404);
    let wrong = world
        .ask("vera", Method::DELETE, "/projects")
        .send()
        .await
        .is(405);
    let allow = wrong.header(header::ALLOW);
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    for path in [
        "/checks/x",
        "/checks/01900000-0000-7000-8000-000000000000",
        "/checks/01900000-0000-7000-8000-000000000000/log",
        "/escalations/x",
        "/escalations/01900000-0000-7000-8000-000000000000",
        "/proofs/x",
        "/proofs/..%2f..%2fetc",
        "/projects/nobody/events",
        "/projects/adder/gates/g10",
        "/projects/adder/gates/g0/attempts/70000",
        "/projects/adder/gates/g0/attempts/x",
        "/projects/adder/commits/zzz",
        "/projects/adder/files/nothing",
    ] {
        world.get("vera", path).send().await.is(404);
    }
    for path in [
        "/escalations?state=sleepy",
        "/projects/adder/findings?resolved=perhaps",
        "/projects/adder/findings?gate=g10",
        "/events?after=x",
    ] {
        world.get("vera", path).send().await.is(400);
    }
    let header = world.get("vera", "/events").header("last-event-id", "x");
    header.send().await.is(400);
    for path in ["/exports/github", "/deployments", "/agents/writer/execute"] {
        world
            .post("adam", &format!("/projects/{PROJECT}{path}"))
            .send()
            .await
            .is(501);
    }
}

#[tokio::test]
async fn only_our_hosts_are_answered() {
    let world = World::new().await;
    let ask = |host: &str| {
        let request = axum::http::Request::builder()
            .uri("/healthz")
            .header("host", host);
        request.body(Body::empty()).unwrap()
    };
    let status = async |host: &str| {
        use tower::ServiceExt as _;
        let response = world.router.clone().oneshot(ask(host)).await.unwrap();
        response.status().as_u16()
    };
    assert_eq!(status("127.0.0.1:7700").await, 200);
    assert_eq!(status("evil.example").await, 421);
}

#[tokio::test]
async fn a_request_id_of_the_client_is_kept_when_it_is_harmless() {
    let world = World::new().await;
    let kept = world
        .get("vera", "/nowhere")
        .header("x-request-id", "abc-1.2_3");
    let kept = kept.send().await.is(404);
    assert_eq!(kept.header("x-request-id"), "abc-1.2_3");
    assert_eq!(kept.json()["instance"], "urn:request:abc-1.2_3");
    let replaced = world
        .get("vera", "/projects")
        .header("x-request-id", "a b{}");
    assert_ne!(replaced.send().await.header("x-request-id"), "a b{}");
}

#[tokio::test]
async fn the_inside_of_a_fault_stays_inside() {
    let world = World::with_project().await;
    std::fs::remove_dir_all(world.factory.data().git(PROJECT)).unwrap();
    let fault = world
        .get("vera", &format!("/projects/{PROJECT}/tree"))
        .send()
        .await
        .is(500);
    let text = String::from_utf8_lossy(&fault.body).into_owned();
    let inside = world.folder.path().display().to_string();
    assert!(!text.contains(&inside) && !text.contains(".git"), "{text}");
}
