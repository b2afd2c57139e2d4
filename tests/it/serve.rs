//! A daemon as a team runs it: a real process, driven over HTTP, with a command as an agent, killed on the way.
#![expect(clippy::unwrap_used, reason = "a story ends where something fails")]

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::sluice;

mod backups;
mod edits;
mod models;
mod oidc;
mod reloads;
mod stop;
mod webhooks;

/// The administrator's token of [`spawn`].
pub(crate) const ADMIN: &str = "an-administrator-s-secret";

/// Gates that one small file passes; g1 runs a real test in a sandbox.
fn gates(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for n in 0..10 {
        let checks = if n == 1 { "checks = [\"test\"]\n" } else { "" };
        let text = format!(
            "name = \"Gate {n}\"\npurpose = \"A test of the daemon.\"\nworker = \"backend\"\n{checks}\
             [[documents]]\npath = \"docs/G{n}.md\"\nkind = \"markdown\"\nsections = [\"Goals\"]\n"
        );
        std::fs::write(folder.join(format!("g{n}.toml")), text).unwrap();
    }
}

/// Answers g0 with a document; the prompt must reach it, or the document says so.
const WRITER: &str = r#"prompt=$(cat); case "$prompt" in *"docs/G0.md"*) said="the task was read";; *) said="no task";; esac
printf '```md:docs/G0.md\n# G0\n\n## Goals\n\nPeople add numbers, and %s at once.\n```\n' "$said""#;

struct Daemon {
    child: Child,
    folder: TempDir,
    address: String,
    client: Client,
}

impl Daemon {
    fn start(engine: &str) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        gates(&folder.path().join("gates"));
        let config = format!(
            "[gates]\ndir = {gates:?}\n[engine]\ndefault = {engine:?}\n[agents.writer]\nkind = \"command\"\n\
             gates = [\"g0\"]\nargv = [\"/bin/sh\", \"-c\", {script}]\nwall_s = 60\n",
            gates = folder.path().join("gates"),
            script = json!(WRITER),
        );
        Daemon::on(folder, &config)
    }

    fn on(folder: TempDir, config: &str) -> Daemon {
        std::fs::write(folder.path().join("sluice.toml"), config).unwrap();
        let (child, address) = spawn(folder.path());
        let _ = rustls::crypto::ring::default_provider().install_default();
        Daemon {
            child,
            folder,
            address,
            client: Client::new(),
        }
    }

    /// As a power cut does, then a start on the same data.
    fn kill_and_start_again(&mut self) {
        self.kill();
        self.start_again();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn start_again(&mut self) {
        (self.child, self.address) = spawn(self.folder.path());
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}/api/v1{path}", self.address);
        let mut request = self.client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (
            status,
            serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default(),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask(Method::GET, path, ADMIN, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, token, Some(body)).await
    }

    /// Waits until a gate is in a state.
    async fn until(&self, gate: &str, state: &str) -> Value {
        let start = Instant::now();
        loop {
            let view = self.get(&format!("/projects/adder/gates/{gate}")).await;
            if view["state"] == state {
                return view;
            }
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "{gate} does not become {state}: {view:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the agent is told at an attempt, as soon as it is written.
    async fn request(&self, gate: &str, attempt: u16) -> String {
        let path = format!("/projects/adder/gates/{gate}/attempts/{attempt}");
        let start = Instant::now();
        loop {
            let (status, view) = self.ask(Method::GET, &path, ADMIN, None).await;
            if status == StatusCode::OK {
                return view["request"].as_str().unwrap().to_owned();
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{path}: {view}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn reply(&self, text: &str) -> (StatusCode, Value) {
        let url = format!("http://{}/api/v1/projects/adder/replies", self.address);
        let request = self
            .client
            .post(url)
            .bearer_auth(ADMIN)
            .header("content-type", "text/markdown");
        let response = request.body(text.to_owned()).send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or_default())
    }

    /// The numbers of the events after `after`, as a stream gives them.
    async fn events(&self, after: i64, wanted: usize) -> Vec<i64> {
        let url = format!("http://{}/api/v1/projects/adder/events", self.address);
        let request = self
            .client
            .get(url)
            .bearer_auth(ADMIN)
            .header("last-event-id", after.to_string());
        let mut response = request.send().await.unwrap();
        let mut text = String::new();
        let mut ids = Vec::new();
        while ids.len() < wanted {
            let chunk = tokio::time::timeout(Duration::from_secs(20), response.chunk()).await;
            text.push_str(&String::from_utf8_lossy(&chunk.unwrap().unwrap().unwrap()));
            ids = text
                .lines()
                .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
                .collect();
        }
        ids
    }

    fn git(&self) -> PathBuf {
        self.folder.path().join("data/git/adder.git")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a daemon on `folder/data`, with `folder/sluice.toml` if it is there; its process and its address.
pub(crate) fn spawn(folder: &Path) -> (Child, String) {
    spawn_by(Command::new(sluice()), folder)
}

/// As [`spawn`], with the program that `command` starts.
fn spawn_by(mut command: Command, folder: &Path) -> (Child, String) {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let mut child = command
        .args(["serve", "--data", "data", "--listen", &address])
        .current_dir(folder)
        .env("SLUICE__ADMIN_TOKEN", ADMIN)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        if child.try_wait().unwrap().is_some() {
            let mut said = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!("the daemon ended: {said}");
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the daemon does not listen"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    // Nobody reads the pipe on: an open end that is never full is enough for what is said at start.
    (child, address)
}

async fn story(engine: &str) {
    let mut daemon = Daemon::start(engine);
    let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
    let (status, _) = daemon.post("/projects", ADMIN, project.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, problem) = daemon.post("/projects", ADMIN, project).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (StatusCode::CONFLICT, Some("name_taken"))
    );
    let (_, token) = daemon
        .post(
            "/tokens",
            ADMIN,
            json!({ "name": "Anna", "role": "approver" }),
        )
        .await;
    let anna = token["token"].as_str().unwrap().to_owned();

    // g0: the command answers, in a sandbox of the same engine.
    let (status, view) = daemon
        .post("/projects/adder/gates/g0/start", ADMIN, json!({}))
        .await;
    assert!(status.is_success(), "{view}");
    let view = daemon.until("g0", "awaiting_approval").await;
    let document = daemon.client.get(format!(
        "http://{}/api/v1/projects/adder/files/docs/G0.md",
        daemon.address
    ));
    let text = document
        .bearer_auth(ADMIN)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains("the task was read"), "{text}");
    let decide = json!({ "subject_digest": view["subject_digest"], "comment": "fine" });
    daemon.kill_and_start_again();
    let (status, _) = daemon
        .post("/projects/adder/gates/g0/approve", &anna, decide.clone())
        .await;
    assert!(status.is_success());
    daemon.until("g0", "approved").await;
    let (status, problem) = daemon
        .post("/projects/adder/gates/g0/approve", &anna, decide)
        .await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");

    // g1: a reply from outside, killed as soon as it is acknowledged; the test runs in a sandbox.
    let manifest = r#"{ "name": "adder", "private": true, "type": "module", "scripts": { "test": "node --test" } }"#;
    let good = format!(
        "```json:package.json\n{manifest}\n```\n```js:add.js\nexport const add = (a, b) => a + b;\n```\n\
         ```js:add.test.js\nimport test from 'node:test';\nimport assert from 'node:assert';\n\
         import {{ add }} from './add.js';\ntest('adds', () => assert.equal(add(2, 3), 5));\n```\n\
         ```md:docs/G1.md\n# G1\n\n## Goals\n\nTwo numbers become one, and a test says so.\n```\n"
    );
    let red = good.replace("a + b", "a - b");
    let (status, run) = daemon.reply(&red).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{run}");
    daemon.kill_and_start_again();
    daemon.until("g1", "healing").await;
    let attempt = daemon.get("/projects/adder/gates/g1/attempts/0").await;
    let findings = attempt["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|one| one["path"] == "add.test.js"),
        "{findings:#?}"
    );
    assert_eq!(attempt["files"].as_array().unwrap().len(), 4);
    let request = daemon.request("g1", 1).await;
    assert!(request.contains("add.test.js"), "{request}");
    let heal = "```js:add.js\nexport const add = (a, b) => a + b;\n```\n";
    let (status, _) = daemon.reply(heal).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let view = daemon.until("g1", "awaiting_approval").await;
    let decide = json!({ "subject_digest": view["subject_digest"], "comment": "" });
    let (status, problem) = daemon
        .post("/projects/adder/gates/g1/approve", ADMIN, decide.clone())
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (StatusCode::FORBIDDEN, Some("own_work"))
    );
    let (status, _) = daemon
        .post("/projects/adder/gates/g1/approve", &anna, decide)
        .await;
    assert!(status.is_success());
    daemon.until("g1", "approved").await;

    // The error history knows what was mended; the events have neither gap nor double over the restarts.
    let resolved = daemon.get("/projects/adder/findings?resolved=true").await;
    assert!(!resolved["items"].as_array().unwrap().is_empty());
    let all = daemon.events(0, 20).await;
    let rest = daemon.events(all[9], all.len() - 10).await;
    assert_eq!(all[10..], rest[..all.len() - 10]);
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");

    let proofs = daemon.get("/projects/adder/gates/g1/proofs").await;
    for proof in proofs["items"].as_array().unwrap() {
        let digest = proof["digest"].as_str().unwrap();
        let url = format!("http://{}/api/v1/proofs/{digest}", daemon.address);
        let bytes = daemon
            .client
            .get(url)
            .bearer_auth(ADMIN)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(sluice_proof::sha256_hex(&bytes), digest);
    }
    let verified = Command::new(sluice())
        .arg("verify")
        .arg(daemon.git())
        .arg("--json")
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    let fsck = Command::new("git")
        .arg("-C")
        .arg(daemon.git())
        .args(["fsck", "--strict"])
        .output()
        .unwrap();
    assert!(
        fsck.status.success(),
        "{}",
        String::from_utf8_lossy(&fsck.stderr)
    );
}

#[tokio::test]
async fn a_daemon_on_the_native_engine_survives_kills_and_proves_its_gates() {
    story("native").await;
}

#[tokio::test]
async fn a_daemon_on_docker_survives_kills_and_proves_its_gates() {
    story("docker").await;
}
