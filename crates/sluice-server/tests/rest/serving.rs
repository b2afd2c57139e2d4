//! A real socket: the page of the document, large bodies, and a shutdown that ends streams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use sluice_server::Options;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::world::World;

async fn serve(world: &World) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let (factory, token) = (Arc::clone(&world.factory), shutdown.clone());
    let serving = tokio::spawn(async move {
        sluice_server::serve(factory, listener, Options::default(), token)
            .await
            .unwrap();
    });
    (address, shutdown, serving)
}

#[tokio::test]
async fn a_shutdown_ends_streams_and_then_the_server() {
    let world = World::new().await;
    let (address, shutdown, serving) = serve(&world).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer secret-vera\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains(": open") {
        let mut bytes = [0; 4096];
        let count = client.read(&mut bytes).await.unwrap();
        assert!(count > 0, "the stream ended early: {text}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    shutdown.cancel();
    let mut rest = String::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), client.read_to_string(&mut rest));
    ended.await.expect("the stream ends at once").unwrap();
    assert!(
        rest.contains("event: closed\ndata: {\"reason\":\"shutdown\""),
        "{rest}"
    );
    tokio::time::timeout(Duration::from_secs(5), serving)
        .await
        .expect("the server ends")
        .unwrap();
}

#[tokio::test]
async fn a_client_that_sends_too_much_hears_why() {
    let world = World::new().await;
    let (address, shutdown, serving) = serve(&world).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let length = 20 << 20;
    let head = format!(
        "POST /api/v1/parse HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer secret-vera\r\n\
         Content-Type: text/markdown\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&vec![b'a'; length]).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(
        answer.contains("\"type\":\"/problems/too-large\""),
        "{answer}"
    );
    shutdown.cancel();
    serving.await.unwrap();
}

async fn page(world: &World, path: &str) -> (u16, String, String) {
    let request = Request::builder().uri(path).header("host", "localhost");
    let response = world
        .router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let policy = parts.headers["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    let bytes = body.collect().await.unwrap().to_bytes();
    (
        parts.status.as_u16(),
        policy,
        String::from_utf8_lossy(&bytes).into_owned(),
    )
}

#[tokio::test]
async fn the_page_of_the_document_needs_nothing_from_elsewhere() {
    let world = World::new().await;
    let (status, policy, html) = page(&world, "/docs").await;
    assert_eq!(status, 200);
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(html.contains("<base href=\"/docs/\">"), "{html}");
    let files: Vec<&str> = html
        .split(['"', '\''])
        .filter(|part| part.ends_with(".js") || part.ends_with(".css"))
        .collect();
    assert!(files.len() >= 3, "{html}");
    for file in files {
        let name = file.trim_start_matches("./");
        assert!(!name.contains("//"), "{file} is from elsewhere");
        assert_eq!(
            page(&world, &format!("/docs/{name}")).await.0,
            200,
            "{file}"
        );
    }
    let (_, _, start) = page(&world, "/docs/swagger-initializer.js").await;
    assert!(start.contains("/api/v1/openapi.json"), "{start}");
    assert_eq!(page(&world, "/docs/nothing.js").await.0, 404);
    assert_eq!(page(&world, "/docs/..%2f..%2fCargo.toml").await.0, 404);
}

#[tokio::test]
async fn every_type_and_code_of_problem_has_its_page() {
    let world = World::new().await;
    let (_, _, problem) = page(&world, "/nowhere").await;
    let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
    let (status, policy, text) = page(&world, problem["type"].as_str().unwrap()).await;
    assert_eq!(status, 200);
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(
        text.starts_with("<!doctype html>") && text.contains("not-found"),
        "{text}"
    );
    assert_eq!(page(&world, "/problems/nothing").await.0, 404);
    // All that the documents list.
    let listed = include_str!("../../../../docs/problems.md");
    let mut seen = 0;
    for line in listed.lines().filter(|line| line.starts_with("| ")) {
        let Some(word) = line
            .split('`')
            .nth(1)
            .filter(|word| *word != "type" && *word != "code")
        else {
            continue;
        };
        let word = word.trim_start_matches("/problems/");
        let (status, _, text) = page(&world, &format!("/problems/{word}")).await;
        assert_eq!((status, text.contains(word)), (200, true), "{word}");
        seen += 1;
    }
    assert!(seen > 35, "{seen}");
    assert!(
        page(&world, "/problems")
            .await
            .2
            .contains("/problems/rate-limited")
    );
}

#[tokio::test]
async fn texts_are_compressed_and_nothing_else_is() {
    let world = World::with_project().await;
    let ask = |path: &str| {
        world
            .get("vera", path)
            .header("accept-encoding", "br, gzip")
    };
    let coding = |response: &axum::response::Response| {
        let coding = response.headers().get("content-encoding");
        coding.map(|coding| coding.to_str().unwrap().to_owned())
    };
    let document = ask("/api/v1/openapi.json").open().await;
    assert_eq!(coding(&document).as_deref(), Some("br"));
    assert_eq!(document.headers()["vary"], "accept-encoding");
    let packed = document
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .len();
    assert!(packed * 3 < sluice_server::openapi_json().len(), "{packed}");
    let gzip = world.get("vera", "/api/v1/openapi.json");
    let gzip = gzip.header("accept-encoding", "gzip").open().await;
    assert_eq!(coding(&gzip).as_deref(), Some("gzip"));
    // A stream would be held back, and a file is what it is, under its tag.
    let stream = ask("/events").open().await;
    assert_eq!(coding(&stream), None);
    let large = "a line of text\n".repeat(1000);
    let path = "/projects/adder/files/large.txt";
    let put = world.put("olga", path).header("if-none-match", "*");
    put.body("application/octet-stream", large.clone())
        .send()
        .await
        .is(201);
    let file = ask(path).open().await;
    assert_eq!(coding(&file), None);
    assert!(!file.headers()["etag"].to_str().unwrap().starts_with("W/"));
    // Other bytes have another tag, which the client may still send back.
    let commit = world
        .get("vera", "/projects/adder/branches")
        .send()
        .await
        .json();
    let work = commit["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "work")
        .unwrap();
    let commit = format!(
        "/projects/adder/commits/{}",
        work["commit"].as_str().unwrap()
    );
    let read = ask(&commit).open().await;
    assert_eq!(coding(&read).as_deref(), Some("br"));
    let tag = read.headers()["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/"), "{tag}");
    let again = ask(&commit).header("if-none-match", &tag);
    assert_eq!(again.open().await.status(), 304);
}

#[tokio::test]
async fn no_page_of_another_origin_is_let_in_and_every_answer_is_hardened() {
    let world = World::new().await;
    for path in [
        "/projects",
        "/nowhere",
        "/api/v1/openapi.json",
        "/healthz",
        "/git/x.git/info/refs",
    ] {
        let ask = world
            .get("vera", path)
            .header("origin", "http://evil.example");
        let answer = ask.open().await;
        for header in answer.headers().keys() {
            assert!(
                !header.as_str().starts_with("access-control-"),
                "{path}: {header}"
            );
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
    }
    let preflight = world.ask("vera", axum::http::Method::OPTIONS, "/projects");
    let preflight = preflight.header("origin", "http://evil.example");
    let preflight = preflight
        .header("access-control-request-method", "POST")
        .send()
        .await;
    preflight.is(405);
}

#[tokio::test]
async fn what_has_a_tag_is_sent_once() {
    let world = World::with_project().await;
    world.reply("olga", crate::world::POOR).await;
    let open = world.get("vera", "/escalations").send().await.json();
    let escalation = format!("/escalations/{}", open["items"][0]["id"].as_str().unwrap());
    let mut tags = Vec::new();
    for path in [
        "/projects/adder",
        "/projects/adder/gates/g0",
        "/projects/adder/tree",
        &escalation,
    ] {
        let first = world.get("vera", path).send().await.is(200);
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"'), "{path}: {tag}");
        let again = world.get("vera", path).header("if-none-match", &tag);
        let again = again.send().await.is(304);
        assert_eq!(
            (again.header("etag"), again.body.len()),
            (tag.as_str(), 0),
            "{path}"
        );
        tags.push((path.to_owned(), tag));
    }
    let answer = world.post("anna", &format!("{escalation}/answer"));
    answer
        .json(&serde_json::json!({ "action": "reject" }))
        .send()
        .await
        .is(200);
    world.settle().await;
    for (path, tag) in tags {
        let is_changed = !path.ends_with("tree");
        let again = world.get("vera", &path).header("if-none-match", &tag);
        let status = again.send().await.status.as_u16();
        assert_eq!(status, if is_changed { 200 } else { 304 }, "{path}");
    }
}

#[tokio::test]
async fn probes_and_the_document_are_at_their_places() {
    let world = World::new().await;
    for path in ["/healthz", "/readyz", "/api/v1/healthz", "/api/v1/readyz"] {
        let (status, _, text) = page(&world, path).await;
        assert_eq!((status, text.as_str()), (200, "ok"), "{path}");
    }
    let (_, _, served) = page(&world, "/api/v1/openapi.json").await;
    assert_eq!(served, sluice_server::openapi_json());
    assert_eq!(page(&world, "/metrics").await.0, 401);
}
