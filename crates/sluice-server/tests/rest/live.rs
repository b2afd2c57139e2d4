//! A reply is seen while its agent still writes it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sluice_agents::{Agent, AgentError, Answer, Hear, Request};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::world::{PROJECT, World};

/// What the agent is told to do.
enum Cue {
    Say(&'static str),
    End,
    Break,
}

/// Says what it is told, when it is told.
struct Talker(Mutex<UnboundedReceiver<Cue>>);

#[async_trait]
impl Agent for Talker {
    fn name(&self) -> &str {
        "talker"
    }

    async fn ask(
        &self,
        _: &Request,
        heard: &dyn Hear,
        cancel: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        let agent = "talker".to_owned();
        let mut cues = self.0.lock().await;
        let mut text = String::new();
        loop {
            let cue = tokio::select! {
                () = cancel.cancelled() => return Err(AgentError::Cancelled { agent }),
                cue = cues.recv() => cue,
            };
            match cue {
                Some(Cue::Say(more)) => {
                    text.push_str(more);
                    heard.hear(more.as_bytes());
                }
                Some(Cue::End) => {
                    let (model, note) = (None, None);
                    return Ok(Answer::Reply { text, model, note });
                }
                Some(Cue::Break) => {
                    let source = std::io::Error::other("the line is dead");
                    return Err(AgentError::Io { agent, source });
                }
                None => std::future::pending().await,
            }
        }
    }
}

/// A client that reads one message after the other.
pub(crate) struct Client {
    body: Body,
    text: String,
}

impl Client {
    pub(crate) fn new(response: Response) -> Client {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Client {
            body: response.into_body(),
            text: String::new(),
        }
    }

    async fn next(&mut self) -> (String, String, Value) {
        // Heartbeats are no messages.
        let soon = Duration::from_secs(20);
        let message = tokio::time::timeout(soon, self.message()).await;
        message.expect("the next message comes soon")
    }

    async fn message(&mut self) -> (String, String, Value) {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = message.lines();
                    lines
                        .find_map(|line| line.strip_prefix(name).map(|rest| rest.trim().to_owned()))
                };
                let told = field("id:").map(|id| {
                    let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                    (id, field("event:").unwrap(), data)
                });
                self.text = rest.to_owned();
                if let Some(told) = told {
                    return told;
                }
                continue;
            }
            let frame = self.body.frame().await;
            let data = frame.expect("the stream is open").unwrap();
            self.text
                .push_str(std::str::from_utf8(&data.into_data().unwrap()).unwrap());
        }
    }

    /// Reads up to a message of the kind, that one included.
    pub(crate) async fn until(&mut self, kind: &str) -> Vec<(String, String, Value)> {
        let mut read = vec![self.next().await];
        while read.last().unwrap().1 != kind {
            read.push(self.next().await);
        }
        read
    }
}

async fn start() -> (World, UnboundedSender<Cue>) {
    let (cue, cues) = unbounded_channel();
    let talker: Arc<dyn Agent> = Arc::new(Talker(Mutex::new(cues)));
    let world = World::with_agent(Some(talker)).await;
    let project = json!({ "name": PROJECT, "template": "blank", "kind": "service" });
    let made = world.post("olga", "/projects").json(&project).send().await;
    made.is(201);
    (world, cue)
}

fn live() -> String {
    format!("/projects/{PROJECT}/gates/g0/live")
}

#[tokio::test]
async fn a_file_is_seen_before_the_reply_is_whole_and_again_by_who_comes_back() {
    let (world, cue) = start().await;
    let say = |text| cue.send(Cue::Say(text)).ok().unwrap();
    let mut first = Client::new(world.get("vera", &live()).open().await);
    let path = format!("/projects/{PROJECT}/gates/g0/start");
    world.post("olga", &path).send().await.is(202);
    let loops = tokio::spawn(Arc::clone(&world.factory).run(1));

    say("Here it is.\n\n```ts:src/a.ts\nexport const a = 1;\n");
    let mut seen = first.until("file-text").await;
    let kinds: Vec<&str> = seen.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["reply-opened", "file-opened", "file-text"]);
    assert_eq!(seen[0].2["agent"], "talker");
    assert_eq!(seen[1].2["path"], "src/a.ts");
    assert_eq!(seen[2].2["text"], "export const a = 1;\n");

    let again = world
        .get("vera", &live())
        .header("last-event-id", &seen[1].0);
    let mut second = Client::new(again.open().await);
    assert_eq!(second.next().await, seen[2]);
    // In pieces for the one and at once for the other: the events are the same.
    say("export const");
    say(" b = '\u{e4}';\n```\n");
    cue.send(Cue::End).ok().unwrap();
    seen.extend(first.until("reply-closed").await);
    assert_eq!(
        seen.last().unwrap().2,
        json!({ "whole": true, "cut": false })
    );
    assert!(seen.iter().any(|(_, kind, _)| kind == "file-closed"));
    assert_eq!(second.until("reply-closed").await, seen[3..]);

    world.factory.shutdown();
    loops.await.unwrap();
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_closed_as_not_whole() {
    let (world, cue) = start().await;
    let mut client = Client::new(world.get("vera", &live()).open().await);
    let path = format!("/projects/{PROJECT}/gates/g0/start");
    world.post("olga", &path).send().await.is(202);
    let loops = tokio::spawn(Arc::clone(&world.factory).run(1));

    cue.send(Cue::Say("```ts:src/a.ts\nlet a;\n")).ok().unwrap();
    client.until("file-text").await;
    cue.send(Cue::Break).ok().unwrap();
    let broken = client.until("reply-closed").await;
    assert_eq!(broken.last().unwrap().2["whole"], false);
    assert!(broken.iter().all(|(_, kind, _)| kind != "file-closed"));

    world.factory.shutdown();
    loops.await.unwrap();
}

#[tokio::test]
async fn what_is_no_place_or_no_gate_is_refused() {
    let (world, _cue) = start().await;
    for id in ["1", "x-1", "1-", "-", "1-2-3", "9999999999999999999999-1"] {
        let ask = world.get("vera", &live()).header("last-event-id", id);
        ask.send().await.is(400);
    }
    let other = format!("/projects/{PROJECT}/gates/g10/live");
    world.get("vera", &other).send().await.is(404);
    let other = "/projects/nobody/gates/g0/live";
    world.get("vera", other).send().await.is(404);
}
