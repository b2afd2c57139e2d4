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
async fn every_type_of_problem_has_its_page() {
    let world = World::new().await;
    let (_, _, problem) = page(&world, "/nowhere").await;
    let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
    let (status, _, text) = page(&world, problem["type"].as_str().unwrap()).await;
    assert_eq!(status, 200);
    assert!(text.contains("not-found"), "{text}");
    assert_eq!(page(&world, "/problems/nothing").await.0, 404);
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
