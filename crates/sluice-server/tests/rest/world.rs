//! A factory with its router, people with tokens, and a client that checks what it is answered.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_agents::Agent;
use sluice_checks::{Checker, Settings};
use sluice_factory::{
    ActorKind, AgentTable, DataDir, Editing, Factory, Gate, GateSet, Parts, Role, Roles, Templates,
};
use sluice_proof::Signer;
use sluice_sandbox::{End, Ended, EngineInfo, Job, LogSink, Sandbox, SandboxError, Stream, Upper};
use sluice_server::Options;
use sluice_store::{NewToken, Store};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::shapes::Document;

const GATE: &str = r#"
name = "Scope"
purpose = "The scope is written down."
worker = "writer"
heal_attempts = 0
[[documents]]
path = "docs/SCOPE.md"
kind = "markdown"
sections = ["Goals"]
"#;

const ROLE: &str = "+++\nrole = \"writer\"\ngates = [\"g0\", \"g1\"]\ndescription = \"Writes the scope.\"\n+++\nWrite.\n";

/// A reply that the gates are content with.
pub(crate) const GOOD: &str =
    "```md:docs/SCOPE.md\n# Scope\n\n## Goals\n\nPeople add numbers and see the sum.\n```\n";
/// A reply that they are not content with; it spends the only attempt.
pub(crate) const POOR: &str = "```md:docs/SCOPE.md\n# Scope\n\nNothing yet.\n```\n";

/// The project of the tests.
pub(crate) const PROJECT: &str = "adder";

/// Runs nothing: each command prints its arguments, waits for its turn, prints a second line and ends well.
struct Printer {
    info: EngineInfo,
    turns: Arc<Semaphore>,
}

#[async_trait]
impl Sandbox for Printer {
    fn engine(&self) -> &EngineInfo {
        &self.info
    }

    async fn run(
        &self,
        job: &Job,
        log: &mut dyn LogSink,
        _: &CancellationToken,
    ) -> Result<Ended, SandboxError> {
        if let Upper::Keep(folder) = &job.upper {
            std::fs::create_dir_all(folder).unwrap();
        }
        let line = format!("$ {}\n", job.argv.join(" "));
        log.chunk(Stream::Out, line.as_bytes());
        // What a tool is asked before an installation is no check.
        let _turn = match job.name.contains("registries") {
            true => None,
            false => Some(self.turns.acquire().await.unwrap()),
        };
        log.chunk(Stream::Out, b"second line\n");
        Ok(Ended {
            end: End::Exited(0),
            wall: Duration::from_millis(1),
            peak_memory: None,
            unenforced: Vec::new(),
            requests: Vec::new(),
        })
    }

    async fn reap(&self) -> Result<usize, SandboxError> {
        Ok(0)
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{body}");
        self
    }
}

/// A request that is being put together.
pub(crate) struct Ask<'a> {
    world: &'a World,
    request: axum::http::request::Builder,
    body: Body,
    path: String,
    method: Method,
}

impl Ask<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Comes from an address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        self.request = self.request.extension(ConnectInfo(address));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn markdown(self, text: impl Into<Body>) -> Self {
        self.body("text/markdown", text)
    }

    pub(crate) fn body(mut self, kind: &str, body: impl Into<Body>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, kind);
        self.body = body.into();
        self
    }

    /// Sends it; the answer's body is not read yet.
    pub(crate) async fn open(self) -> axum::response::Response {
        let request = self.request.body(self.body).unwrap();
        self.world.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends it and holds the answer against the document.
    pub(crate) async fn send(self) -> Answer {
        let (world, path, method) = (self.world, self.path.clone(), self.method.clone());
        let response = self.open().await;
        let (parts, body) = response.into_parts();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        };
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("x-request-id").is_empty());
        assert!(!answer.header(header::CACHE_CONTROL).is_empty());
        let kind = answer.header(header::CONTENT_TYPE).to_owned();
        world
            .document
            .check(&method, &path, answer.status, &kind, &answer.body);
        answer
    }
}

/// A daemon without a socket.
pub(crate) struct World {
    pub(crate) factory: Arc<Factory>,
    pub(crate) router: Router,
    pub(crate) document: Document,
    /// Commands in sandboxes wait until there is one for each.
    pub(crate) turns: Arc<Semaphore>,
    /// Before the folder goes.
    _sound: Sound,
    pub(crate) folder: TempDir,
}

/// Every test leaves repositories that git finds nothing wrong with.
struct Sound(std::path::PathBuf);

impl Drop for Sound {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for repository in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let checked = std::process::Command::new("git")
                .args(["fsck", "--strict", "--full", "--no-dangling"])
                .current_dir(repository.path())
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .output()
                .unwrap();
            assert!(checked.status.success(), "{checked:?}");
        }
    }
}

impl World {
    pub(crate) async fn new() -> World {
        World::with_agent(None).await
    }

    /// A daemon that is told more about its surroundings.
    pub(crate) async fn with_options(options: Options) -> World {
        World::with(None, options).await
    }

    /// A daemon whose G0 is an agent's.
    pub(crate) async fn with_agent(agent: Option<Arc<dyn Agent>>) -> World {
        World::with(agent, Options::default()).await
    }

    async fn with(agent: Option<Arc<dyn Agent>>, options: Options) -> World {
        let folder = tempfile::tempdir().unwrap();
        let turns = Arc::new(Semaphore::new(64));
        let factory = open(folder.path(), Arc::clone(&turns), agent).await;
        let world = World {
            router: sluice_server::router(Arc::clone(&factory), options),
            factory,
            document: Document::served(),
            turns,
            _sound: Sound(folder.path().join("data/git")),
            folder,
        };
        for (name, role, kind) in [
            ("vera", Role::Viewer, ActorKind::Person),
            ("olga", Role::Operator, ActorKind::Person),
            ("anna", Role::Approver, ActorKind::Person),
            ("abel", Role::Approver, ActorKind::Person),
            ("adam", Role::Admin, ActorKind::Person),
            ("robot", Role::Admin, ActorKind::Agent),
        ] {
            world.token(name, role, kind).await;
        }
        world
    }

    /// With the project.
    pub(crate) async fn with_project() -> World {
        let world = World::new().await;
        let new = json!({ "name": PROJECT, "kind": "service", "template": "blank" });
        world
            .post("olga", "/projects")
            .json(&new)
            .send()
            .await
            .is(201);
        world
    }

    /// Gives somebody a token; its secret is `secret-` and the name.
    pub(crate) async fn token(&self, name: &str, role: Role, kind: ActorKind) {
        let new = NewToken {
            name: name.to_owned(),
            role,
            kind,
            projects: None,
            expires_at: None,
            at: Timestamp::now(),
        };
        let secret = format!("secret-{name}");
        self.factory
            .store()
            .token_put_fixed(&secret, new, &[])
            .await
            .unwrap();
    }

    /// The answer to a request as it is.
    pub(crate) async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// A request of somebody; nobody has no token. `path` starts below the base unless it names it.
    pub(crate) fn ask(&self, who: &str, method: Method, path: &str) -> Ask<'_> {
        let path = match path {
            root if root.starts_with("/api/")
                || root.starts_with("/healthz")
                || root.starts_with("/readyz")
                || root.starts_with("/code-generation/")
                || root.starts_with("/git/") =>
            {
                root.to_owned()
            }
            below => format!("/api/v1{below}"),
        };
        let mut request = Request::builder()
            .method(method.clone())
            .uri(&path)
            .header(header::HOST, "localhost:7700");
        if !who.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer secret-{who}"));
        }
        Ask {
            world: self,
            request,
            body: Body::empty(),
            path,
            method,
        }
    }

    pub(crate) fn get(&self, who: &str, path: &str) -> Ask<'_> {
        self.ask(who, Method::GET, path)
    }

    pub(crate) fn post(&self, who: &str, path: &str) -> Ask<'_> {
        self.ask(who, Method::POST, path)
    }

    pub(crate) fn put(&self, who: &str, path: &str) -> Ask<'_> {
        self.ask(who, Method::PUT, path)
    }

    pub(crate) fn delete(&self, who: &str, path: &str) -> Ask<'_> {
        self.ask(who, Method::DELETE, path)
    }

    /// Works in the background, until the world ends.
    pub(crate) fn work(&self) {
        tokio::spawn(Arc::clone(&self.factory).run(2));
    }

    /// Works until there is nothing to do.
    pub(crate) async fn settle(&self) {
        while self.factory.tick().await.unwrap() {}
    }

    /// Hands a reply in and works on it.
    pub(crate) async fn reply(&self, who: &str, text: &'static str) {
        let path = format!("/projects/{PROJECT}/replies");
        self.post(who, &path).markdown(text).send().await.is(202);
        self.settle().await;
    }

    /// A gate as it stands.
    pub(crate) async fn gate(&self, gate: &str) -> Value {
        let path = format!("/projects/{PROJECT}/gates/{gate}");
        self.get("vera", &path).send().await.is(200).json()
    }

    /// A decision on what stands at a gate.
    pub(crate) async fn decide(&self, who: &str, gate: &str, what: &str) -> Answer {
        let digest = self.gate(gate).await["subject_digest"].clone();
        let path = format!("/projects/{PROJECT}/gates/{gate}/{what}");
        let body = json!({ "subject_digest": digest, "comment": "seen" });
        self.post(who, &path).json(&body).send().await
    }
}

async fn open(folder: &Path, turns: Arc<Semaphore>, agent: Option<Arc<dyn Agent>>) -> Arc<Factory> {
    let data = DataDir::open(&folder.join("data")).unwrap();
    let gates = folder.join("gates");
    std::fs::create_dir_all(&gates).unwrap();
    for id in Gate::ALL {
        std::fs::write(gates.join(format!("{id}.toml")), GATE).unwrap();
    }
    let sandbox: Arc<dyn Sandbox> = Arc::new(Printer {
        info: EngineInfo {
            name: "printer".to_owned(),
            version: "0".to_owned(),
            image: "none".to_owned(),
            search: Vec::new(),
        },
        turns,
    });
    Factory::start(Parts {
        editing: Editing::default(),
        store: Store::open(&data.database_url()).await.unwrap(),
        signer: Signer::generate("test"),
        gates: GateSet::from_folder(&gates).unwrap(),
        roles: Roles::from_texts([("writer.md", ROLE)]).unwrap(),
        templates: Templates::built_in(),
        agents: AgentTable {
            by_gate: agent.map(|agent| (Gate::G0, agent)).into_iter().collect(),
            ..AgentTable::default()
        },
        checker: Checker::new(Arc::clone(&sandbox), Settings::below(data.cache())),
        sandbox,
        data,
    })
    .await
    .unwrap()
}
