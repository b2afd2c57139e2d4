//! A server on loopback that does what a test tells it, one connection after the other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the server does with a connection.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Writes.
    Say(Vec<u8>),
    /// Writes the same again and again, with a wait before each.
    Drip(Vec<u8>, Duration),
    /// Says nothing until the other side has gone.
    Hang,
    /// Breaks the connection off as a crash does.
    Reset,
}

/// What it was asked, and what became of the connections.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    /// The requests, whole.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    /// How many connections have ended.
    pub(super) ended: watch::Receiver<usize>,
}

impl Server {
    /// Plays one list of acts for each connection; the last list for all further ones.
    pub(super) async fn start(script: Vec<Vec<Act>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (ended, watching) = watch::channel(0);
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            for n in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let acts = script[n.min(script.len() - 1)].clone();
                play(stream, acts, &log).await;
                ended.send_modify(|count| *count += 1);
            }
        });
        Server {
            url,
            asked,
            ended: watching,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

async fn play(mut stream: TcpStream, acts: Vec<Act>, log: &Mutex<Vec<String>>) {
    let Some(request) = request(&mut stream).await else {
        return;
    };
    log.lock().unwrap().push(request);
    for act in acts {
        match act {
            Act::Say(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Drip(bytes, wait) => loop {
                tokio::time::sleep(wait).await;
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            },
            Act::Hang => {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                return;
            }
            Act::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
        }
    }
    let _ = stream.shutdown().await;
}

/// Reads a request with its body.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let n = stream.read(&mut buffer).await.ok()?;
        if n == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse::<usize>().unwrap())
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
    }
}

/// An answer with a body of events that ends with the connection.
pub(super) fn events(body: &str) -> Act {
    Act::Say(
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

/// An answer with a status, headers (each with its line end) and a body.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} Said\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    vec![Act::Say(text.into_bytes())]
}

/// A piece of an OpenAI stream.
pub(super) fn delta(text: &str) -> String {
    let chunk =
        serde_json::json!({ "model": "m-1", "choices": [{ "delta": { "content": text } }] });
    format!("data: {chunk}\n\n")
}

/// The end of an OpenAI stream.
pub(super) fn end(reason: &str) -> String {
    let chunk = serde_json::json!({ "choices": [{ "delta": {}, "finish_reason": reason }] });
    let usage = serde_json::json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": 3 } });
    format!("data: {chunk}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}
