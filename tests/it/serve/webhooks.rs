//! A daemon that tells receivers what happens, killed between sending and noting, with receivers that misbehave.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};

use super::*;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OLD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PATH: &str = "/services/a-path-that-is-a-secret";
const OK: &str = "204 No Content";

/// A message as it came, still to be answered.
struct Message {
    id: String,
    sent: String,
    signature: String,
    body: String,
    stream: TcpStream,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    fn answer(mut self, status: &str) {
        // A daemon that was killed does not hear it.
        let _ = write!(
            self.stream,
            "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"
        );
    }
}

/// A receiver on loopback: its port, and the messages that come.
fn receiver() -> (u16, Receiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, messages) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if let Some(message) = read(stream.unwrap())
                && sender.send(message).is_err()
            {
                return;
            }
        }
    });
    (port, messages)
}

/// `None` when the daemon was killed in the middle.
fn read(stream: TcpStream) -> Option<Message> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    assert_eq!(head[0], format!("POST {PATH}?key=hidden HTTP/1.1"));
    let header = |name: &str| {
        let mut lines = head.iter().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(given, _)| *given == name);
        found
            .unwrap_or_else(|| panic!("no {name}: {head:?}"))
            .1
            .to_owned()
    };
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(Message {
        id: header("webhook-id"),
        sent: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: String::from_utf8(body).unwrap(),
        stream,
    })
}

fn next(messages: &Receiver<Message>) -> Message {
    messages.recv_timeout(Duration::from_secs(60)).unwrap()
}

/// Takes messages until one of this type comes.
fn until(messages: &Receiver<Message>, kind: &str) -> Value {
    loop {
        let message = next(messages);
        let found = message.json();
        message.answer(OK);
        if found["type"] == kind {
            return found["data"].clone();
        }
    }
}

fn daemon(webhooks: &str) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    gates(&folder.path().join("gates"));
    let config = format!("[gates]\ndir = \"gates\"\n[engine]\ndefault = \"native\"\n{webhooks}");
    Daemon::on(folder, &config)
}

fn webhook(name: &str, port: u16) -> String {
    format!(
        "[webhooks.{name}]\nurl = \"http://127.0.0.1:{port}{PATH}?key=hidden\"\nsecret = \"{SECRET} {OLD_SECRET}\"\n\
         allow_private = true\n"
    )
}

const GREEN: &str = "```md:docs/G0.md\n# G0\n\n## Goals\n\nA password is hunter2, and nobody outside may read that.\n```\n";

async fn reply(daemon: &Daemon) {
    let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
    let (status, _) = daemon.post("/projects", ADMIN, project).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, run) = daemon.reply(GREEN).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{run}");
}

async fn state(daemon: &Daemon, name: &str) -> Value {
    let list = daemon.get("/webhooks").await;
    let items = list["items"].as_array().unwrap();
    items.iter().find(|one| one["id"] == name).unwrap().clone()
}

/// Waits until something holds of a webhook.
async fn wait(daemon: &Daemon, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let found = state(daemon, name).await;
        if holds(&found) {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{found:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_may_have_been_sent_before_a_kill_is_sent_again_under_the_same_id() {
    let (port, messages) = receiver();
    let mut daemon = daemon(&webhook("hooks", port));
    reply(&daemon).await;
    let first = next(&messages);
    assert_eq!(first.kind(), "gate.awaiting_approval");
    // It was sent, and nobody has noted it.
    daemon.kill();
    let (id, body) = (first.id.clone(), first.body.clone());
    first.answer(OK);
    daemon.start_again();
    let again = next(&messages);
    assert_eq!((&again.id, &again.body), (&id, &body));
    again.answer(OK);
    let taken = wait(&daemon, "hooks", |one| one["waiting"] == 0).await;
    assert_eq!(taken["state"], "active", "{taken:#}");

    // Noted: not sent a second time. What happens next is.
    daemon.kill_and_start_again();
    let (_, token) = daemon
        .post(
            "/tokens",
            ADMIN,
            json!({ "name": "Anna", "role": "approver" }),
        )
        .await;
    let anna = token["token"].as_str().unwrap().to_owned();
    let view = daemon.until("g0", "awaiting_approval").await;
    let decide = json!({ "subject_digest": view["subject_digest"], "comment": "my-comment" });
    let (status, view) = daemon
        .post("/projects/adder/gates/g0/approve", &anna, decide)
        .await;
    assert!(status.is_success(), "{view}");
    // Killed at any moment from here on: both messages come, each under one id.
    daemon.kill_and_start_again();
    let (mut decided, mut sealed) = (Value::Null, Value::Null);
    while decided.is_null() || sealed.is_null() {
        let message = next(&messages);
        assert_ne!(message.id, id);
        assert!(!message.body.contains("my-comment"), "{}", message.body);
        match message.kind().as_str() {
            "gate.decided" => decided = message.json(),
            "gate.sealed" => sealed = message.json(),
            other => panic!("{other}"),
        }
        message.answer(OK);
    }
    let data = &decided["data"];
    assert_eq!(
        (&data["decision"], &data["by"]),
        (&json!("approve"), &json!("Anna"))
    );
    assert_eq!(data["link"], "/api/v1/projects/adder/gates/g0");
    assert_eq!(sealed["data"]["decision"], "approved");
    let list = daemon.get("/webhooks/hooks/deliveries").await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{items:#?}");
}

#[tokio::test]
async fn a_message_is_verified_by_programs_that_are_not_ours() {
    let (port, messages) = receiver();
    let daemon = daemon(&webhook("hooks", port));
    reply(&daemon).await;
    let message = next(&messages);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.json"), &message.body).unwrap();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/webhooks.md"));
    let page = page.unwrap();
    let example = |language: &str| {
        let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let python = format!(
        "{}\nimport sys\nsecret, id, sent, signature = sys.argv[1:]\n\
         headers = {{'webhook-id': id, 'webhook-timestamp': sent, 'webhook-signature': signature}}\n\
         sys.exit(0 if is_from_sluice(secret, headers, open('body.json', 'rb').read()) else 1)",
        example("python")
    );
    let library = "import sys\nfrom standardwebhooks import Webhook\nsecret, id, sent, signature = sys.argv[1:]\n\
                   headers = {'webhook-id': id, 'webhook-timestamp': sent, 'webhook-signature': signature}\n\
                   Webhook(secret).verify(open('body.json', 'rb').read(), headers)";
    let bash = format!("secret=$1 id=$2 sent=$3 signature=$4\n{}", example("bash"));
    let verifiers = crate::built::verifier("python");
    let programs = [
        (Path::new("python3"), vec!["-c".to_owned(), python]),
        (
            Path::new("bash"),
            vec!["-c".to_owned(), bash, "bash".to_owned()],
        ),
        (&verifiers, vec!["-c".to_owned(), library.to_owned()]),
    ];
    let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHiA=";
    for (program, arguments) in programs {
        for (secret, id, is_right) in [
            (SECRET, message.id.as_str(), true),
            (OLD_SECRET, message.id.as_str(), true),
            (other, message.id.as_str(), false),
            (SECRET, "another-id", false),
        ] {
            let ran = Command::new(program)
                .args(&arguments)
                .args([secret, id, &message.sent, &message.signature])
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert_eq!(
                ran.status.success(),
                is_right,
                "{program:?} {secret} {id}: {}{}",
                String::from_utf8_lossy(&ran.stdout),
                String::from_utf8_lossy(&ran.stderr)
            );
        }
    }
    message.answer(OK);
}

#[tokio::test]
async fn receivers_that_misbehave_hold_up_nobody_and_show_how_they_stand() {
    let (good, messages) = receiver();
    let (hangs, silent) = receiver();
    let (ends, gone) = receiver();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let config = format!(
        "{}{}{}[webhooks.inside]\nurl = \"https://localhost:{port}{PATH}?key=hidden\"\nsecret = \"{SECRET}\"\n\
         [webhooks.other]\nurl = \"http://127.0.0.1:{port}/\"\nsecret = \"{SECRET}\"\nallow_private = true\n\
         projects = [\"another\"]\n[webhooks.deaf]\nurl = \"http://127.0.0.1:{port}/\"\nsecret = \"{SECRET}\"\n\
         allow_private = true\nevents = [\"gate.ruled\"]\n",
        webhook("good", good),
        webhook("hangs", hangs),
        webhook("ends", ends),
    );
    let daemon = daemon(&config);
    reply(&daemon).await;
    // One is not answered at all, another says that it wants nothing more.
    let held = next(&silent);
    next(&gone).answer("410 Gone");
    let first = next(&messages);
    let id = first.id.clone();
    first.answer("500 Internal Server Error");
    let failing = wait(&daemon, "good", |one| one["state"] == "failing").await;
    assert_eq!(failing["last_error"], "it answered 500");
    assert_eq!(
        (&failing["waiting"], failing["next_attempt_at"].is_string()),
        (&json!(1), true)
    );
    let disabled = wait(&daemon, "ends", |one| one["state"] == "disabled").await;
    assert_eq!(disabled["waiting"], 0);
    let inside = wait(&daemon, "inside", |one| one["state"] == "failing").await;
    let said = inside["last_error"].as_str().unwrap();
    assert!(said.contains("not public"), "{said}");
    // The schedule's second try, five seconds later.
    let second = next(&messages);
    assert_eq!(second.id, id);
    second.answer(OK);
    wait(&daemon, "good", |one| one["state"] == "active").await;

    // A test that is taken puts a webhook in force again.
    let (status, sent) = daemon.post("/webhooks/ends/test", ADMIN, json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    let test = next(&gone);
    assert_eq!(
        (test.kind().as_str(), test.id.as_str()),
        ("webhook.test", sent["id"].as_str().unwrap())
    );
    test.answer(OK);
    wait(&daemon, "ends", |one| one["state"] == "active").await;
    let path = format!("/webhooks/good/deliveries/{id}/redeliver");
    let (status, _) = daemon.post(&path, ADMIN, json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let third = next(&messages);
    assert_eq!(third.id, id);
    third.answer(OK);
    let path = format!("/webhooks/good/deliveries/{id}");
    let start = Instant::now();
    while daemon.get(&path).await["state"] != "delivered" {
        assert!(start.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // Neither shows what is secret: not the list, not the messages, not the metrics, not the doctor.
    let other = state(&daemon, "other").await;
    assert_eq!(
        (&other["state"], &other["last_success_at"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(state(&daemon, "deaf").await["waiting"], 0);
    let mut shown = daemon.get("/webhooks").await.to_string();
    shown.push_str(&daemon.get("/webhooks/inside/deliveries").await.to_string());
    let url = format!("http://{}/metrics", daemon.address);
    let metrics = daemon
        .client
        .get(url)
        .bearer_auth(ADMIN)
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "sluice_webhook_deliveries_total{webhook=\"ends\",outcome=\"failed\"} 1",
        "sluice_webhook_deliveries_total{webhook=\"good\",outcome=\"delivered\"} 2",
        "sluice_webhook_deliveries_total{webhook=\"good\",outcome=\"retried\"} 1",
        "sluice_webhook_deliveries_waiting{webhook=\"inside\"} 1",
        "sluice_webhook_disabled{webhook=\"ends\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    shown.push_str(&metrics);
    let doctor = Command::new(sluice())
        .args(["doctor", "--json", "--config", "sluice.toml"])
        .env("SLUICE__SERVER__DATA", daemon.folder.path().join("data"))
        .current_dir(daemon.folder.path())
        .output()
        .unwrap();
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        doctor.contains("inside does not take its messages"),
        "{doctor}"
    );
    shown.push_str(&doctor);
    for secret in [
        &SECRET[..12],
        &OLD_SECRET[..12],
        PATH,
        "key=hidden",
        "hunter2",
    ] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    // Routes are for operators.
    let (_, token) = daemon
        .post(
            "/tokens",
            ADMIN,
            json!({ "name": "Vera", "role": "viewer" }),
        )
        .await;
    let vera = token["token"].as_str().unwrap();
    let (status, _) = daemon.ask(Method::GET, "/webhooks", vera, None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = daemon.post("/webhooks/nobody/test", ADMIN, json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // The gate went on all the while.
    drop(held);
    daemon.until("g0", "awaiting_approval").await;
}

#[tokio::test]
async fn an_escalation_is_told_of_when_it_opens_and_when_it_is_answered() {
    let (port, messages) = receiver();
    let daemon = daemon(&webhook("hooks", port));
    reply(&daemon).await;
    let (_, token) = daemon
        .post(
            "/tokens",
            ADMIN,
            json!({ "name": "Anna", "role": "approver" }),
        )
        .await;
    let anna = token["token"].as_str().unwrap().to_owned();
    let view = daemon.until("g0", "awaiting_approval").await;
    let digest = &view["subject_digest"];
    assert_eq!(
        &until(&messages, "gate.awaiting_approval")["subject_digest"],
        digest
    );
    let decide = json!({ "subject_digest": digest, "comment": "" });
    daemon
        .post("/projects/adder/gates/g0/reject", &anna, decide)
        .await;
    assert_eq!(until(&messages, "gate.decided")["decision"], "reject");
    assert_eq!(until(&messages, "gate.sealed")["decision"], "rejected");
    // Replies without the document, as often as one is waited for.
    let start = Instant::now();
    while daemon.get("/projects/adder/gates/g0").await["state"] != "escalated" {
        daemon.reply("```md:notes.md\nNothing of use.\n```\n").await;
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "it does not escalate"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let opened = until(&messages, "escalation.opened");
    let escalation = opened["escalation"].as_str().unwrap();
    assert_eq!(opened["link"], format!("/api/v1/escalations/{escalation}"));
    let path = format!("/escalations/{escalation}/answer");
    let answer = json!({ "action": "retry", "guidance": "Write docs/G0.md." });
    let (status, view) = daemon.post(&path, &anna, answer).await;
    assert!(status.is_success(), "{view}");
    let answered = until(&messages, "escalation.answered");
    assert_eq!(
        (&answered["action"], &answered["by"]),
        (&json!("retry"), &json!("Anna"))
    );
    assert_eq!(answered["guidance"], Value::Null);
}
