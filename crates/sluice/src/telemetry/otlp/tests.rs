//! A collector on loopback is sent what happened, as a part of the caller's trace.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::config::Secret;

/// Takes one request and gives its head and body.
async fn collect(listener: TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).await.unwrap();
        all.extend_from_slice(&piece[..read]);
        let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(all[..end].to_vec())
            .unwrap()
            .to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse::<usize>().unwrap());
        if all.len() >= end + 4 + length {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            return (head, all.split_off(end + 4));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_sent_with_their_fields_in_the_callers_trace() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let collected = tokio::spawn(collect(listener));
    let mut config = Config::defaults();
    config.telemetry = Some(TelemetryConfig {
        endpoint: format!("http://{address}/"),
        headers: vec![("x-key".to_owned(), Secret::new("abc"))],
        service: "the-service".to_owned(),
    });
    let (layer, traces) = layer(&config).unwrap().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let parent = TraceParent {
        trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
        span: 7,
        is_sampled: true,
    };
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!(target: "sluice_server", "request", run.id = "r-1");
        follow().apply(&span, &parent);
        span.in_scope(|| {
            drop(tracing::info_span!(target: "sluice_factory", "run.step", gate = "g5"))
        });
        drop(tracing::info_span!(target: "hyper", "not_ours"));
    });
    traces.end().await;
    let (head, body) = collected.await.unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    assert!(head.contains("x-key: abc"), "{head}");
    let has = |wanted: &[u8]| body.windows(wanted.len()).any(|part| part == wanted);
    for wanted in [
        "the-service",
        "request",
        "run.id",
        "r-1",
        "run.step",
        "gate",
        "g5",
    ] {
        assert!(has(wanted.as_bytes()), "{wanted}");
    }
    assert!(has(&parent.trace.to_be_bytes()));
    assert!(!has(b"not_ours"));
}
