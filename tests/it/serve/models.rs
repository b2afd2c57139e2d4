//! A daemon with a model agent that is set up in three lines, against a server on loopback that speaks as one.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{ADMIN, Daemon, gates};

/// What the server does with one request.
#[derive(Debug, Clone)]
enum Turn {
    /// Streams this reply.
    Reply(String),
    /// Streams this much of a reply, and goes on when the other side has gone.
    Stall(String),
    /// Answers a status.
    Status(u16),
}

/// A server of models.
struct Server {
    address: String,
    /// The headers and bodies of the requests.
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Server {
    /// Takes one turn for each request, in order.
    fn start(turns: Vec<Turn>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let mut turns = VecDeque::from(turns);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let Some(request) = request(&stream) else {
                    continue;
                };
                log.lock().unwrap().push(request);
                let turn = turns.pop_front().unwrap_or(Turn::Status(500));
                // Whoever asked may be killed at any moment.
                let _ = answer(stream, &turn);
            }
        });
        Server { address, asked }
    }
}

fn request(stream: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<usize>().unwrap())
    })?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, serde_json::from_slice(&body).unwrap()))
}

fn answer(mut stream: TcpStream, turn: &Turn) -> std::io::Result<()> {
    let (text, is_whole) = match turn {
        Turn::Reply(text) => (text, true),
        Turn::Stall(text) => (text, false),
        Turn::Status(status) => {
            return write!(
                stream,
                "HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
        }
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    )?;
    let pieces: Vec<char> = text.chars().collect();
    for piece in pieces.chunks(7) {
        let text: String = piece.iter().collect();
        let chunk = json!({ "model": "served-1", "choices": [{ "delta": { "content": text } }] });
        write!(stream, "data: {chunk}\n\n")?;
    }
    if !is_whole {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest)?;
        return Ok(());
    }
    let stop = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let usage =
        json!({ "choices": [], "usage": { "prompt_tokens": 2000, "completion_tokens": 100 } });
    write!(stream, "data: {stop}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}

fn document(gate: &str, heading: &str) -> Turn {
    Turn::Reply(format!(
        "Here it is.\n\n```md:docs/{}.md\n# The document\n\n## {heading}\n\nPeople add numbers \u{1f980} and see the sum.\n```\n",
        gate.to_uppercase()
    ))
}

/// Documents for every gate, without a command to run.
fn daemon(server: &Server, more: &str) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    gates(&folder.path().join("gates"));
    let g1 = folder.path().join("gates/g1.toml");
    let text = std::fs::read_to_string(&g1).unwrap();
    std::fs::write(&g1, text.replace("checks = [\"test\"]\n", "")).unwrap();
    let config = format!(
        "[gates]\ndir = {:?}\n[engine]\ndefault = \"native\"\n{more}\n\
         [agents.local]\nbase_url = \"http://{}\"\nmodel = \"priced\"\n",
        folder.path().join("gates"),
        server.address,
    );
    Daemon::on(folder, &config)
}

async fn approved(daemon: &Daemon, gate: &str, token: &str) {
    let view = daemon.until(gate, "awaiting_approval").await;
    let decide = json!({ "subject_digest": view["subject_digest"], "comment": "fine" });
    let path = format!("/projects/adder/gates/{gate}/approve");
    let (status, problem) = daemon.post(&path, token, decide).await;
    assert!(status.is_success(), "{problem}");
    daemon.until(gate, "approved").await;
}

async fn start(daemon: &Daemon, gate: &str) {
    let path = format!("/projects/adder/gates/{gate}/start");
    let (status, view) = daemon.post(&path, ADMIN, json!({})).await;
    assert!(status.is_success(), "{view}");
}

#[tokio::test]
async fn three_lines_take_a_project_from_g0_to_g9() {
    let mut turns = vec![
        // Broken off by a kill; asked again, red; healed.
        Turn::Stall("```md:docs/G0.md\n# The doc".to_owned()),
        document("g0", "Aims"),
        document("g0", "Goals"),
        // Busy for once.
        Turn::Status(503),
    ];
    turns.extend((1..10).map(|n| document(&format!("g{n}"), "Goals")));
    let server = Server::start(turns);
    let mut daemon = daemon(&server, "");
    let prices = daemon.folder.path().join("prices.toml");
    let text =
        "date = \"2026-11-22\"\ncurrency = \"EUR\"\n[models.priced]\ninput = 1.0\noutput = 10.0\n";
    std::fs::write(&prices, text).unwrap();
    let file = daemon.folder.path().join("sluice.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{config}[prices]\nfile = \"prices.toml\"\n")).unwrap();
    daemon.kill_and_start_again();
    let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
    let (status, _) = daemon.post("/projects", ADMIN, project).await;
    assert_eq!(status, StatusCode::CREATED);
    let mut tokens = Vec::new();
    for role in ["approver", "viewer"] {
        let new = json!({ "name": role, "role": role });
        let (_, token) = daemon.post("/tokens", ADMIN, new).await;
        tokens.push(token["token"].as_str().unwrap().to_owned());
    }

    start(&daemon, "g0").await;
    let waited = std::time::Instant::now();
    while server.asked.lock().unwrap().is_empty() {
        assert!(waited.elapsed().as_secs() < 60, "nobody asks");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    daemon.kill_and_start_again();
    let view = daemon.until("g0", "awaiting_approval").await;
    let decide = json!({ "subject_digest": view["subject_digest"], "comment": "" });
    let (status, _) = daemon
        .post("/projects/adder/gates/g0/approve", &tokens[1], decide)
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    approved(&daemon, "g0", &tokens[0]).await;
    for n in 1..10 {
        let gate = format!("g{n}");
        start(&daemon, &gate).await;
        approved(&daemon, &gate, &tokens[0]).await;
    }

    let attempt = daemon.get("/projects/adder/gates/g0/attempts/1").await;
    assert_eq!(attempt["agent"], "local");
    assert_eq!(attempt["model"], "priced");
    let call = &attempt["calls"][0];
    assert_eq!(
        (&call["served"], &call["outcome"]),
        (&json!("served-1"), &json!("replied"))
    );
    assert_eq!(call["cost"], json!({ "amount": 0.003, "currency": "EUR" }));
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 13);
    assert!(
        asked[0].0.starts_with("POST /v1/chat/completions "),
        "{}",
        asked[0].0
    );
    let prompt = |n: usize| {
        asked[n].1["messages"][0]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(prompt(0), prompt(1), "the same request after a kill");
    assert!(prompt(2).contains("Goals") && prompt(2).contains("attempt 1"));

    let agent = daemon.get("/agents/backend").await;
    assert_eq!(agent["models"], json!(["local/priced"]));
    let usage = agent["usage"].as_array().unwrap();
    assert_eq!(usage.len(), 10, "{usage:#?}");
    assert_eq!(
        (&usage[0]["attempts"], &usage[0]["passed"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(usage[1]["tries"], 2);
    let url = format!("http://{}/api/v1/metrics", daemon.address);
    let metrics = daemon
        .client
        .get(url)
        .bearer_auth(ADMIN)
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let line = "sluice_agent_tokens_total{role=\"backend\",agent=\"local\",model=\"priced\",gate=\"g9\",kind=\"output\"} 100";
    assert!(metrics.contains(line), "{metrics}");
    let verified = std::process::Command::new(crate::built::sluice())
        .args(["verify", "."])
        .current_dir(daemon.git())
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

#[tokio::test]
async fn a_model_that_never_gets_it_right_leads_to_a_person() {
    let turns = (0..4)
        .map(|n| document("g0", &format!("Aims {n}")))
        .collect();
    let server = Server::start(turns);
    let daemon = daemon(&server, "");
    let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
    daemon.post("/projects", ADMIN, project).await;
    start(&daemon, "g0").await;
    let view = daemon.until("g0", "escalated").await;
    assert!(view["escalation"].is_string());
    assert_eq!(server.asked.lock().unwrap().len(), 4);
}
