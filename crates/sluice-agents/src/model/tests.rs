//! A model agent against a server that does everything wrong that servers do.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Cassettes, Dialect, Key, ModelAgent, ModelSettings, Network, Retry, Source};
use crate::{Agent, AgentError, Answer, Call, CallEnd, Hear, Limits, Request, Usage};
use server::{Act, Server, answer, delta, end, events};

mod cassettes;
mod faults;
mod real;
mod server;

/// Hears, and keeps what it heard.
#[derive(Default)]
struct Ear {
    heard: Mutex<String>,
    calls: Mutex<Vec<Call>>,
    /// Told at every piece.
    stop_at_first: Option<CancellationToken>,
}

impl Hear for Ear {
    fn hear(&self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap();
        self.heard.lock().unwrap().push_str(text);
        if let Some(stop) = &self.stop_at_first {
            stop.cancel();
        }
    }

    fn called(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Ear {
    fn call(&self) -> Call {
        let calls = self.calls.lock().unwrap();
        assert_eq!(calls.len(), 1, "one call for one question");
        calls[0].clone()
    }
}

const KEY: &str = "sk-a-very-secret-key";

fn settings(url: &str) -> ModelSettings {
    ModelSettings {
        name: "local".to_owned(),
        base_url: url.to_owned(),
        dialect: None,
        api_key: Some(Key::new(KEY)),
        model: "small".to_owned(),
        max_tokens: None,
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(20),
        wall: Duration::from_secs(30),
        max_reply_bytes: 16 << 20,
        retry: Retry {
            most: 3,
            first: Duration::from_millis(1),
            longest: Duration::from_secs(5),
        },
    }
}

fn live(settings: ModelSettings) -> ModelAgent {
    ModelAgent::new(settings, Source::Live(Network::default())).unwrap()
}

fn request() -> Request {
    Request {
        project: "adder".to_owned(),
        gate: "g0".to_owned(),
        run: "r".to_owned(),
        strategy: "normal".to_owned(),
        prompt: "Write a file.".to_owned(),
        ..Request::default()
    }
}

async fn ask(agent: &ModelAgent, ear: &Ear) -> Result<Answer, AgentError> {
    agent.ask(&request(), ear, &CancellationToken::new()).await
}

fn said(error: &AgentError) -> String {
    let text = error.to_string();
    assert!(
        !text.contains(KEY) && !format!("{error:?}").contains(KEY),
        "{text}"
    );
    text
}

fn reply(text: &str) -> Answer {
    Answer::Reply {
        text: text.to_owned(),
        model: Some("small".to_owned()),
        note: None,
    }
}

#[tokio::test]
async fn a_reply_is_heard_as_it_comes() {
    let body = [delta("Hello "), delta("\u{1f980}"), end("stop")].concat();
    let server = Server::start(vec![vec![events(&body)]]).await;
    let ear = Ear::default();
    let got = ask(&live(settings(&server.url)), &ear).await.unwrap();
    assert_eq!(got, reply("Hello \u{1f980}"));
    assert_eq!(*ear.heard.lock().unwrap(), "Hello \u{1f980}");
    let call = ear.call();
    assert_eq!((call.end, call.tries), (CallEnd::Replied, 1));
    assert_eq!(call.model.as_deref(), Some("small"));
    assert_eq!(call.served.as_deref(), Some("m-1"));
    let usage = Usage {
        input: Some(12),
        output: Some(3),
        cached: None,
    };
    assert_eq!(call.usage, usage);
    let asked = server.asked.lock().unwrap()[0].clone();
    assert!(asked.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
    assert!(asked.contains(&format!("authorization: Bearer {KEY}\r\n")));
    assert!(asked.contains("Write a file."));
}

#[tokio::test]
async fn anthropic_is_spoken_too() {
    let body = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c-1\",\"usage\":{\"input_tokens\":5}}}\n\n\
                event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n\
                event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"output_tokens\":9}}\n\n\
                event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let server = Server::start(vec![vec![events(body)]]).await;
    let ear = Ear::default();
    let agent = live(ModelSettings {
        dialect: Some(Dialect::Anthropic),
        max_tokens: Some(9),
        ..settings(&server.url)
    });
    let Answer::Reply { text, note, .. } = ask(&agent, &ear).await.unwrap() else {
        panic!("a reply");
    };
    assert_eq!(text, "Hello");
    let note = note.unwrap();
    assert!(
        note.starts_with("the reply is cut: the model stopped at its limit, 9 tokens"),
        "{note}"
    );
    assert_eq!(ear.call().end, CallEnd::Cut);
    let asked = server.asked.lock().unwrap()[0].clone();
    assert!(asked.starts_with("POST /v1/messages HTTP/1.1\r\n"));
    assert!(asked.contains(&format!("x-api-key: {KEY}\r\n")));
    assert!(asked.contains("anthropic-version: 2023-06-01\r\n"));
    assert!(!asked.contains("authorization"));
}

#[tokio::test]
async fn a_request_may_name_its_model_and_narrow_the_limits() {
    let server = Server::start(vec![vec![events(&(delta("x") + &end("stop")))]]).await;
    let agent = live(ModelSettings {
        max_tokens: Some(100),
        ..settings(&server.url)
    });
    let request = Request {
        model: Some("large".to_owned()),
        limits: Limits {
            max_tokens: Some(7),
            wall: Some(Duration::from_secs(9_999)),
            idle: None,
        },
        ..request()
    };
    let ear = Ear::default();
    agent
        .ask(&request, &ear, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(ear.call().model.as_deref(), Some("large"));
    let asked = server.asked.lock().unwrap()[0].clone();
    assert!(
        asked.contains("\"model\":\"large\"") && asked.contains("\"max_tokens\":7"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_refusal_is_a_reply_that_says_so() {
    let chunk = r#"{"choices":[{"delta":{"refusal":"I will not."},"finish_reason":"stop"}]}"#;
    let filtered = r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#;
    let body = format!("data: {chunk}\n\ndata: {filtered}\n\ndata: [DONE]\n\n");
    let server = Server::start(vec![vec![events(&body)]]).await;
    let ear = Ear::default();
    let Answer::Reply { text, note, .. } = ask(&live(settings(&server.url)), &ear).await.unwrap()
    else {
        panic!("a reply");
    };
    assert_eq!(text, "I will not.");
    assert_eq!(
        note.as_deref(),
        Some("the model refused to reply, or its server did")
    );
    assert_eq!(ear.call().end, CallEnd::Refused);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body = r#"{"model":"m","choices":[{"message":{"content":"all"},"finish_reason":"stop"}]}"#;
    let json = "content-type: application/json; charset=utf-8\r\n";
    let server = Server::start(vec![answer(200, json, body)]).await;
    let ear = Ear::default();
    let got = ask(&live(settings(&server.url)), &ear).await.unwrap();
    assert_eq!(got, reply("all"));
    assert_eq!(*ear.heard.lock().unwrap(), "all");
}

#[tokio::test]
async fn taking_the_question_back_ends_the_connection() {
    let server = Server::start(vec![vec![events(&delta("Hel")), Act::Hang]]).await;
    let cancel = CancellationToken::new();
    let ear = Ear {
        stop_at_first: Some(cancel.clone()),
        ..Ear::default()
    };
    let agent = live(settings(&server.url));
    let error = agent.ask(&request(), &ear, &cancel).await.unwrap_err();
    assert!(matches!(error, AgentError::Cancelled { .. }), "{error}");
    assert_eq!(ear.call().end, CallEnd::Failed);
    let mut ended = server.ended.clone();
    // The server sees its reader go while nothing but the agent itself is left.
    ended.wait_for(|count| *count == 1).await.unwrap();
}

#[test]
fn nothing_shows_a_key() {
    assert_eq!(format!("{:?}", Key::new(KEY)), "Key(…)");
    assert!(!format!("{:?}", settings("http://127.0.0.1:1")).contains(KEY));
    // What copying adds is no part of it.
    assert_eq!(Key::new(" k\n").expose(), "k");
}

#[test]
fn a_wrong_set_up_says_what_to_write() {
    let error = |settings, network| {
        let made = ModelAgent::new(settings, Source::Live(network));
        made.err().unwrap().to_string()
    };
    insta::assert_snapshot!(
        error(settings("127.0.0.1:80"), Network::default()),
        @"local cannot be asked: agents.local.base_url takes an address as in http://127.0.0.1:8080/v1 or https://api.openai.com/v1"
    );
    let network = Network {
        extra_ca: Some(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec()),
        ..Network::default()
    };
    let text = error(settings("https://127.0.0.1:1"), network);
    assert!(text.contains("network.extra_ca cannot be read"), "{text}");
}
