//! The daemon's own image: built from the `Dockerfile`, run as it says, and asked over HTTP.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::sluice;
use crate::demo::program::{self, Ran};

const ADMIN: &str = "an-administrator-s-secret";

/// The image, and what was made with it; nothing of it stays.
struct Image {
    tag: String,
    /// The data directory is in it, under the same path on this machine and inside.
    folder: TempDir,
    containers: Vec<String>,
}

impl Image {
    /// Built by the script, out of the program that these tests were built with.
    fn build() -> Image {
        let root = program::root();
        let binary = sluice()
            .strip_prefix(root)
            .expect("the image takes a program below the repository");
        let tag = format!("sluice-test:{}", std::process::id());
        let mut command = Command::new("bash");
        program::clean(&mut command);
        let built = Ran::of(
            command
                .arg("scripts/image.sh")
                .arg(binary)
                .arg(&tag)
                .current_dir(root),
        );
        let image = Image {
            tag,
            folder: tempfile::tempdir().expect("a folder"),
            containers: Vec::new(),
        };
        assert_eq!(built.code, 0, "{built}");
        image
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// A program of the image as root on the folder that holds the data.
    fn as_root(&self, argv: &[&str]) -> Ran {
        let folder = self.folder.path().display();
        let mut command = docker(&["run", "--rm", "--user", "0", "--network", "none"]);
        command.args(["--volume", &format!("{folder}:{folder}")]);
        Ran::of(
            command
                .args(["--entrypoint", argv[0], &self.tag])
                .args(&argv[1..]),
        )
    }

    /// The daemon with the host's engine, as the `Dockerfile` says.
    fn start(&mut self) -> String {
        let data = self.data();
        let made = self.as_root(&[
            "install",
            "--directory",
            "--owner=1000",
            "--group=1000",
            &data,
        ]);
        assert_eq!(made.code, 0, "{made}");
        let socket = "/var/run/docker.sock";
        let group = Ran::of(Command::new("stat").args(["--format", "%g", socket]));
        let mut command = docker(&["run", "--detach", "--publish", "127.0.0.1::7700"]);
        command
            .args(["--volume", &format!("{data}:{data}")])
            .args(["--volume", &format!("{socket}:{socket}")])
            .args(["--group-add", group.out.trim()])
            .args(["--env", &format!("SLUICE__ADMIN_TOKEN={ADMIN}"), &self.tag])
            .args(["serve", "--data", &data, "--listen", "0.0.0.0:7700"]);
        let started = Ran::of(&mut command);
        assert_eq!(started.code, 0, "{started}");
        let container = started.out.trim().to_owned();
        self.containers.push(container.clone());
        container
    }

    /// Whether the daemon's sandboxes were on the host's engine and are gone from it.
    fn left_nothing(&self) {
        let digest = sluice_proof::sha256_hex(self.data().as_bytes());
        let label = format!("label=sluice.daemon=serve-{}", &digest[..16]);
        // All that the engine remembers, up to now.
        let until = said(&["info", "--format", "{{.SystemTime}}"]);
        let made = said(&[
            "events",
            "--since",
            "1h",
            "--until",
            &until,
            "--filter",
            "event=create",
            "--filter",
            &label,
        ]);
        assert_ne!(made, "", "no sandbox carried {label}");
        for list in [
            &["ps", "--all", "--quiet", "--filter"][..],
            &["volume", "ls", "--quiet", "--filter"],
        ] {
            let left = said(&[list, &[&label]].concat());
            assert_eq!(left, "", "docker {list:?}");
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        for container in &self.containers {
            Ran::of(&mut docker(&["rm", "--force", "--volumes", container]));
        }
        // What the daemon wrote is not this user's to remove.
        let data = self.data();
        self.as_root(&["rm", "-rf", "--", &data]);
        Ran::of(&mut docker(&["rmi", "--force", &self.tag]));
    }
}

fn docker(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments);
    command
}

/// What `docker` says about something.
fn said(arguments: &[&str]) -> String {
    let ran = Ran::of(&mut docker(arguments));
    assert_eq!(ran.code, 0, "docker {arguments:?}: {ran}");
    ran.out.trim().to_owned()
}

/// A daemon in a container.
struct Daemon {
    container: String,
    address: String,
    client: Client,
}

impl Daemon {
    /// Waits until it answers.
    async fn reach(container: &str) -> Daemon {
        // Others may have set it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let daemon = Daemon {
            container: container.to_owned(),
            address: said(&["port", container, "7700/tcp"]),
            client: Client::new(),
        };
        let is_loopback =
            daemon.address.starts_with("127.0.0.1:") && daemon.address.lines().count() == 1;
        assert!(is_loopback, "published elsewhere too: {}", daemon.address);
        let start = Instant::now();
        let url = format!("http://{}/healthz", daemon.address);
        while !matches!(daemon.client.get(&url).send().await, Ok(answer) if answer.status() == StatusCode::OK)
        {
            let is_running = said(&["inspect", "--format", "{{.State.Running}}", container]);
            let log = Ran::of(&mut docker(&["logs", container]));
            assert_eq!(is_running, "true", "the daemon ended: {log}");
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "it does not answer: {log}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        daemon
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: impl Into<reqwest::Body>,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}/api/v1{path}", self.address);
        let mut request = self.client.request(method.clone(), url).bearer_auth(token);
        if method == Method::PUT {
            request = request.header("if-none-match", "*");
        } else {
            request = request.header("content-type", "application/json");
        }
        let answer = request.body(body).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// A real check of two files: the host's engine mounts what lies in the container's data directory.
    async fn checks(&self) {
        let files = [
            (
                "package.json",
                r#"{"name":"adder","scripts":{"test":"node --test"}}"#,
            ),
            (
                "test/add.test.mjs",
                "import test from 'node:test';\ntest('adds', () => {});\n",
            ),
        ];
        for (path, text) in files {
            let path = format!("/projects/adder/files/{path}");
            let (status, value) = self.ask(Method::PUT, &path, ADMIN, text).await;
            assert_eq!(status, StatusCode::CREATED, "{value}");
        }
        let (status, check) = self
            .ask(
                Method::POST,
                "/projects/adder/checks",
                ADMIN,
                r#"{"only":["test"]}"#,
            )
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{check}");
        let path = format!("/checks/{}", check["id"].as_str().expect("an id"));
        let start = Instant::now();
        let ended = loop {
            let (_, view) = self.ask(Method::GET, &path, ADMIN, "").await;
            if view["ended_at"].is_string() {
                break view;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "{view:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!(ended["report"]["verdict"], "pass", "{ended:#}");
        assert_eq!(ended["report"]["engine"], "docker", "{ended:#}");
        let checks = ended["report"]["checks"].as_array().expect("checks");
        let test = checks
            .iter()
            .find(|check| check["name"] == "test")
            .expect("the test");
        assert_eq!(test["tests"]["passed"], 1, "{ended:#}");
    }

    /// As an operator stops it; a daemon that does not listen would be killed after the minute.
    fn stop(&self) {
        said(&["stop", "--time", "60", &self.container]);
        let end = said(&[
            "inspect",
            "--format",
            "{{.State.ExitCode}} {{.State.OOMKilled}}",
            &self.container,
        ]);
        let log = Ran::of(&mut docker(&["logs", &self.container]));
        assert_eq!(end, "0 false", "it did not stop by itself: {log}");
    }
}

#[tokio::test]
async fn the_image_serves_as_an_ordinary_user_and_stops_when_told() {
    let mut image = Image::build();
    assert_eq!(
        said(&["inspect", "--format", "{{.Config.User}}", &image.tag]),
        "1000:1000"
    );
    let version = said(&["run", "--rm", &image.tag, "--version"]);
    assert!(version.starts_with("sluice "), "{version}");

    let container = image.start();
    let daemon = Daemon::reach(&container).await;
    assert_eq!(said(&["exec", &container, "id", "-u"]), "1000");
    // The image's own look at itself, which the engine takes only every half minute.
    let probe = said(&[
        "inspect",
        "--format",
        "{{json .Config.Healthcheck.Test}}",
        &image.tag,
    ]);
    let probe: Vec<String> = serde_json::from_str(&probe).expect("a list");
    let mut command = docker(&["exec", &container]);
    let healthy = Ran::of(command.args(&probe[1..]));
    assert_eq!((probe[0].as_str(), healthy.code), ("CMD", 0), "{healthy}");

    let project = json!({ "name": "adder", "template": "blank", "kind": "service" }).to_string();
    let (status, _) = daemon
        .ask(
            Method::POST,
            "/projects",
            "somebody-s-guess",
            project.clone(),
        )
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, value) = daemon.ask(Method::POST, "/projects", ADMIN, project).await;
    assert_eq!(status, StatusCode::CREATED, "{value}");
    daemon.checks().await;
    daemon.stop();

    // Its data are there at the next start.
    said(&["start", &container]);
    let daemon = Daemon::reach(&container).await;
    let (status, value) = daemon.ask(Method::GET, "/projects/adder", ADMIN, "").await;
    assert_eq!(
        (status, &value["state"]),
        (StatusCode::OK, &json!("ready")),
        "{value}"
    );
    daemon.stop();
    image.left_nothing();

    // Nobody gave it an engine: it says so and does not pretend to work.
    let ran = Ran::of(&mut docker(&[
        "run",
        "--rm",
        "--publish",
        "127.0.0.1::7700",
        &image.tag,
    ]));
    assert_eq!(ran.code, 3, "{ran}");
    assert!(
        ran.err.contains("no engine can run sandboxes here") && ran.err.contains("sluice doctor"),
        "{ran}"
    );
}
