//! What is written is read again, and holds no secret.

use serde_json::json;
use url::Url;

use super::{Asked, Cassette, End};
use crate::model::transport::Heads;

fn cassette() -> Cassette {
    let url = Url::parse("https://host.example/v1/chat/completions?k=1").unwrap();
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hush is the key"}]});
    Cassette {
        asked: Asked::new(&url, &body),
        status: 200,
        headers: Heads {
            content_type: Some("text/event-stream".to_owned()),
            ..Heads::default()
        },
        pieces: vec![
            (3, b"data: caf\xc3".to_vec()),
            (4, b"\xa9 hush\n\n".to_vec()),
            (5, b"data: [DONE]\n\n".to_vec()),
        ],
        end: End::Broken {
            what: "reset".to_owned(),
        },
    }
}

#[test]
fn what_is_written_is_read_again() {
    let cassette = cassette();
    let read = Cassette::parse(&cassette.to_text(None)).unwrap();
    assert_eq!(read, cassette);
}

#[test]
fn no_secret_and_no_host_is_kept() {
    let text = cassette().to_text(Some("hush"));
    assert!(
        !text.contains("hush") && !text.contains("host.example"),
        "{text}"
    );
    assert!(!text.contains("k=1"), "{text}");
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let url = Url::parse("http://a/v1/messages").unwrap();
    let one = Asked::new(&url, &json!({"a": [{"b": 1, "c": 2}], "d": 3}));
    let two = Asked::new(&url, &json!({"d": 3, "a": [{"c": 2, "b": 1}]}));
    let three = Asked::new(&url, &json!({"d": 3, "a": [{"c": 2, "b": 2}]}));
    assert_eq!(one.sha256, two.sha256);
    assert_ne!(one.sha256, three.sha256);
}

#[test]
fn a_broken_file_says_where() {
    let text = cassette().to_text(None);
    let lines: Vec<&str> = text.lines().collect();
    let error = |lines: &[&str]| Cassette::parse(&lines.join("\n")).unwrap_err();
    assert_eq!(error(&[]), "it ends early; the recording was broken off");
    assert_eq!(
        error(&lines[..4]),
        "it ends early; the recording was broken off"
    );
    assert!(error(&[lines[0], "{}"]).starts_with("line 2: missing field `status`"));
    assert_eq!(
        error(&[lines[0], lines[1], "{\"ms\":1}"]),
        "line 3: a piece has text or base64"
    );
    let other = lines[0].replace("cassette/v1", "cassette/v9");
    assert!(error(&[&other]).contains("sluice-cassette/v9"));
}
