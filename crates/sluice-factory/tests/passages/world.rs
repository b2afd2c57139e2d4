//! One project in a data directory of its own, with an agent that says what a test tells it.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sluice_agents::{Agent, AgentError, Answer, Hear, Request};
use sluice_checks::{Checker, Settings};
use sluice_factory::view::{GateView, RunView};
use sluice_factory::{
    Actor, ActorKind, AgentTable, DataDir, Decide, Editing, EscalationId, Factory, Gate, GateSet,
    Parts, Refusal, Role, Roles, Templates,
};
use sluice_proof::Signer;
use sluice_sandbox::{Ended, EngineInfo, Job, LogSink, Sandbox, SandboxError};
use sluice_store::Store;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The gates of these tests demand one document each, so that no sandbox is needed.
pub(crate) const GATE: &str = r#"
name = "Scope"
purpose = "The scope is written down."
worker = "writer"
heal_attempts = 3
[[documents]]
path = "docs/SCOPE.md"
kind = "markdown"
sections = ["Goals"]
"#;

/// A whole reply that the gate is content with.
pub(crate) const GOOD: &str = "```md:docs/SCOPE.md\n# Scope\n\n## Goals\n\nPeople add numbers and see the sum at once.\n```\n";

/// Says what it was told to, in order, and keeps what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    replies: Mutex<VecDeque<Result<String, String>>>,
    pub(crate) asked: Mutex<Vec<Request>>,
}

impl Script {
    pub(crate) fn says(&self, reply: &str) {
        self.replies.lock().unwrap().push_back(Ok(reply.to_owned()));
    }

    pub(crate) fn breaks(&self, fault: &str) {
        self.replies
            .lock()
            .unwrap()
            .push_back(Err(fault.to_owned()));
    }

    pub(crate) fn last_prompt(&self) -> String {
        self.asked.lock().unwrap().last().unwrap().prompt.clone()
    }
}

#[async_trait]
impl Agent for Script {
    fn name(&self) -> &str {
        "script"
    }

    async fn ask(
        &self,
        request: &Request,
        _: &dyn Hear,
        _: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        self.asked.lock().unwrap().push(request.clone());
        match self.replies.lock().unwrap().pop_front() {
            Some(Ok(text)) => Ok(Answer::Reply {
                text,
                model: None,
                note: None,
            }),
            Some(Err(fault)) => Err(AgentError::Io {
                agent: "script".to_owned(),
                source: std::io::Error::other(fault),
            }),
            None => Err(AgentError::Exhausted {
                agent: "script".to_owned(),
                looked_for: "one more reply".to_owned(),
            }),
        }
    }
}

/// No gate of these tests may run anything.
struct NoSandbox(EngineInfo);

#[async_trait]
impl Sandbox for NoSandbox {
    fn engine(&self) -> &EngineInfo {
        &self.0
    }

    async fn run(
        &self,
        job: &Job,
        _: &mut dyn LogSink,
        _: &CancellationToken,
    ) -> Result<Ended, SandboxError> {
        panic!("nothing may run here, but {job:?} was asked for");
    }

    async fn reap(&self) -> Result<usize, SandboxError> {
        Ok(0)
    }
}

/// A factory with one project.
pub(crate) struct World {
    pub(crate) factory: Arc<Factory>,
    pub(crate) script: Arc<Script>,
    /// Before the folder goes.
    pub(crate) sound: Sound,
    pub(crate) folder: TempDir,
}

/// Every test leaves repositories that git finds nothing wrong with.
pub(crate) struct Sound(pub(crate) std::path::PathBuf);

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

pub(crate) const PROJECT: &str = "adder";

impl World {
    /// With the scripted agent at every gate.
    pub(crate) async fn new() -> World {
        World::with(GATE, true).await
    }

    /// With replies from outside at every gate.
    pub(crate) async fn outside() -> World {
        World::with(GATE, false).await
    }

    pub(crate) async fn with(gate: &str, is_scripted: bool) -> World {
        World::on(
            tempfile::tempdir().unwrap(),
            gate,
            is_scripted,
            no_sandbox(),
        )
        .await
    }

    /// With a sandbox, in a folder.
    pub(crate) async fn on(
        folder: TempDir,
        gate: &str,
        is_scripted: bool,
        sandbox: Arc<dyn Sandbox>,
    ) -> World {
        let script = Arc::new(Script::default());
        let agent = is_scripted.then(|| Arc::clone(&script) as Arc<dyn Agent>);
        let factory = open_on(folder.path(), gate, agent, sandbox).await;
        factory
            .project_create(PROJECT, "blank", "service", &operator())
            .await
            .unwrap();
        World {
            sound: Sound(factory.data().root().join("git")),
            factory,
            script,
            folder,
        }
    }

    pub(crate) fn repo(&self) -> sluice_workspace::Repo {
        self.factory.data().repo(PROJECT).unwrap()
    }

    pub(crate) async fn start(&self, gate: Gate) {
        self.factory
            .gate_start(PROJECT, gate, &operator())
            .await
            .unwrap();
        self.settle().await;
    }

    /// Works until there is nothing to do.
    pub(crate) async fn settle(&self) {
        while self.factory.tick().await.unwrap() {}
    }

    pub(crate) async fn gate(&self, gate: Gate) -> GateView {
        self.factory.gate_fetch(PROJECT, gate).await.unwrap()
    }

    pub(crate) async fn approve(&self, gate: Gate) {
        let decide = self.decide(gate).await;
        self.factory
            .gate_approve(PROJECT, gate, decide, &approver())
            .await
            .unwrap();
        self.settle().await;
    }

    pub(crate) async fn decide(&self, gate: Gate) -> Decide {
        Decide {
            subject_digest: self.gate(gate).await.subject_digest.unwrap(),
            comment: "fine".to_owned(),
            fields: BTreeMap::new(),
            to: None,
        }
    }

    /// Takes a gate from start to approved with one good reply.
    pub(crate) async fn pass(&self, gate: Gate) {
        self.script
            .says(&GOOD.replace("sum at once", &format!("sum at once, says {gate}")));
        self.start(gate).await;
        self.approve(gate).await;
        assert_eq!(self.gate(gate).await.state, "approved");
    }

    /// The open question of a gate.
    pub(crate) async fn question(&self, gate: Gate) -> EscalationId {
        let view = self.gate(gate).await;
        assert_eq!(view.state, "escalated");
        view.escalation.unwrap().parse().unwrap()
    }

    /// Answers a question, as far as that is possible, and goes on.
    pub(crate) async fn answer(
        &self,
        id: EscalationId,
        action: &str,
        guidance: &str,
    ) -> Result<RunView, Refusal> {
        let fields = BTreeMap::new();
        let answered = self
            .factory
            .escalation_answer(id, action, guidance, fields, &approver())
            .await;
        self.settle().await;
        answered
    }

    /// The commit of a full ref.
    pub(crate) fn at(&self, name: &str) -> Option<String> {
        let oid = self.repo().ref_get(name).unwrap();
        oid.map(|oid| oid.to_string())
    }

    /// What `work` has of a file.
    pub(crate) async fn text(&self, path: &str) -> Option<String> {
        match self.factory.file_read(PROJECT, path, None).await {
            Ok(file) => Some(String::from_utf8(file.bytes).unwrap()),
            Err(Refusal::NotFound { .. }) => None,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// What the working tree has of a file.
    pub(crate) fn on_disk(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.factory.data().work_tree(PROJECT).join(path)).ok()
    }

    /// How many attempts each state of the newest run of a gate has.
    pub(crate) async fn attempts(&self, gate: Gate) -> Vec<(u16, String)> {
        let attempts = self.factory.attempt_list(PROJECT, gate).await.unwrap();
        attempts
            .into_iter()
            .map(|one| (one.attempt, one.state))
            .collect()
    }
}

/// The word that says why something was refused.
pub(crate) fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Conflict { code, .. } | Refusal::Forbidden { code, .. } => code,
        Refusal::NotFound { .. } => "not_found",
        Refusal::Invalid { field, .. } => field,
        Refusal::PreconditionFailed { .. } => "precondition",
        Refusal::Machinery(error) => panic!("{error:#}"),
    }
}

/// The word of something that must be refused.
#[track_caller]
pub(crate) fn refused<T>(asked: Result<T, Refusal>) -> &'static str {
    match asked {
        Ok(_) => panic!("it was not refused"),
        Err(refusal) => code(&refusal),
    }
}

/// An engine that fails the test when it is used.
pub(crate) fn no_sandbox() -> Arc<dyn Sandbox> {
    Arc::new(NoSandbox(EngineInfo {
        name: "none".to_owned(),
        version: "0".to_owned(),
        image: "none".to_owned(),
        search: Vec::new(),
    }))
}

/// Opens a factory on a data directory, as a start of the daemon does.
pub(crate) async fn open(folder: &Path, gate: &str, script: Option<&Arc<Script>>) -> Arc<Factory> {
    let agent = script.map(|script| Arc::clone(script) as Arc<dyn Agent>);
    open_on(folder, gate, agent, no_sandbox()).await
}

/// A registry that may be asked and is not there.
pub(crate) const NOBODY: &str = "http://127.0.0.1:9";

/// The same with an agent at every gate, or none, and an engine.
pub(crate) async fn open_on(
    folder: &Path,
    gate: &str,
    agent: Option<Arc<dyn Agent>>,
    sandbox: Arc<dyn Sandbox>,
) -> Arc<Factory> {
    let by_gate = agent.map(|agent| Gate::ALL.map(|gate| (gate, Arc::clone(&agent))));
    let agents = AgentTable {
        by_gate: by_gate.into_iter().flatten().collect(),
        ..AgentTable::default()
    };
    open_with(folder, gate, agents, Roles::default(), sandbox).await
}

/// The same with whoever answers, and roles.
pub(crate) async fn open_with(
    folder: &Path,
    gate: &str,
    agents: AgentTable,
    roles: Roles,
    sandbox: Arc<dyn Sandbox>,
) -> Arc<Factory> {
    let data = DataDir::open(&folder.join("data")).unwrap();
    let gates = folder.join("gates");
    std::fs::create_dir_all(&gates).unwrap();
    for id in Gate::ALL {
        std::fs::write(gates.join(format!("{id}.toml")), gate).unwrap();
    }
    let key = data.key();
    if !key.exists() {
        std::fs::write(&key, Signer::generate("test").to_openssh().as_bytes()).unwrap();
    }
    let mut settings = Settings::below(data.cache());
    settings.registries.allow(NOBODY, true).unwrap();
    Factory::start(Parts {
        editing: Editing::default(),
        store: Store::open(&data.database_url()).await.unwrap(),
        signer: Signer::from_openssh(&std::fs::read_to_string(&key).unwrap()).unwrap(),
        gates: GateSet::from_folder(&gates).unwrap(),
        roles,
        templates: Templates::built_in(),
        agents,
        checker: Checker::new(Arc::clone(&sandbox), settings),
        sandbox,
        data,
    })
    .await
    .unwrap()
}

pub(crate) fn operator() -> Actor {
    actor("Olga", ActorKind::Person, Role::Operator)
}

pub(crate) fn approver() -> Actor {
    actor("Anna", ActorKind::Person, Role::Approver)
}

pub(crate) fn actor(name: &str, kind: ActorKind, role: Role) -> Actor {
    Actor {
        name: name.to_owned(),
        kind,
        role,
        token: None,
        projects: None,
    }
}
