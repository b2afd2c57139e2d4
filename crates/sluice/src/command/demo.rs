//! `sluice demo`: the whole passage on the built-in project, with recorded replies and a person that is
//! played.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};
use sluice_agents::Recorded;
use sluice_checks::Toolchain;
use sluice_factory::view::{EventView, GateView};
use sluice_factory::{Actor, ActorKind, AgentTable, DataDir, Decide, Factory, Refusal, Role};
use sluice_gates::Gate;
use sluice_workspace::Repo;
use tokio_util::sync::CancellationToken;

use crate::built_in;
use crate::cli::Demo;
use crate::command::{interrupt, verify};
use crate::config::Config;
use crate::engine::{self, EngineHome, Work};
use crate::exit::Exit;
use crate::output::{Output, one_line};
use crate::wiring::{Wired, wire};

/// The demo project's description.
#[derive(Deserialize)]
struct Project {
    name: String,
    kind: String,
}

/// What the played person says at a gate.
#[derive(Deserialize, Default)]
struct Approval {
    #[serde(default)]
    comment: String,
    #[serde(default)]
    fields: BTreeMap<String, Value>,
}

/// Runs the demo.
pub(crate) async fn run(options: &Demo, config: &Config, output: Output) -> Result<(), Exit> {
    let start = Instant::now();
    // From the first moment: whoever ends the demo early finds nothing of it afterwards.
    let cancel = CancellationToken::new();
    let _watching = interrupt::cancels(cancel.clone());
    let temporary = match &options.keep {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("sluice-demo-")
                .tempdir()
                .map_err(|error| {
                    Exit::failed(format!("cannot make a folder for the demo: {error}"))
                })?,
        ),
    };
    let folder: PathBuf = match (&options.keep, &temporary) {
        (Some(folder), _) => folder.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    let data = DataDir::open(&folder)
        .map_err(|error| Exit::usage(format!("cannot use {}: {error}", folder.display())))?;
    let project: Project = toml::from_str(built_in::DEMO_PROJECT)
        .map_err(|error| Exit::failed(format!("the demo project is not valid: {error}")))?;
    if data.git(&project.name).exists() {
        let message = format!("{} holds a {} already", data.root().display(), project.name);
        return Err(Exit::usage(message).mend("name an empty or new folder with --keep"));
    }
    let state = data.run().join("sandboxes");
    let owner = format!("demo-{}", std::process::id());
    let home = EngineHome {
        state: &state,
        owner: &owner,
    };
    let chosen = engine::choose(
        options.engine,
        config,
        home,
        Work::Project(&[Toolchain::Node]),
        output,
    )
    .await?;
    let name = chosen.sandbox.engine().name.clone();
    need_node(&name)?;
    line(
        output,
        format_args!(
            "Sluice demo: project {} ({}); {}",
            project.name, project.kind, chosen.said
        ),
    );
    let recorded = Arc::new(Recorded::embedded("recorded", built_in::DEMO_REPLIES));
    let agents = AgentTable {
        by_gate: Gate::ALL
            .into_iter()
            .map(|gate| (gate, recorded.clone() as _))
            .collect(),
        ..AgentTable::default()
    };
    let database = Some(data.database_url());
    let wired = wire(config, data, database.as_deref(), chosen.sandbox, agents).await?;
    let mut show = Show::new(&wired, &project.name, output, cancel);
    let passage = show.passage(&project.kind).await;
    wired.factory.shutdown();
    passage?;
    let git = wired.factory.data().git(&project.name);
    let report = verify::report(&Repo::open(&git)?, None, None);
    line(
        output,
        format_args!(
            "\n$ sluice verify {}\n{}",
            git.display(),
            report.to_string().trim_end()
        ),
    );
    let verified = report.verified;
    let seconds = start.elapsed().as_secs();
    let gates = wired.factory.gate_list(&project.name).await.map_err(exit)?;
    if temporary.is_none() {
        line(
            output,
            format_args!(
                "\nG0 to G9 in {seconds} s. Look at it:\n  git clone {git} {name} && cd {name} && git fetch origin \
             'refs/gates/*:refs/gates/*'\n  git log --oneline --graph; git show refs/gates/g6:decision.json\n  \
             sluice verify",
                git = git.display(),
                name = project.name,
            ),
        );
    } else {
        line(
            output,
            format_args!(
                "\nG0 to G9 in {seconds} s. The data is removed now; `sluice demo --keep DIR` keeps it to look at."
            ),
        );
    }
    if output.is_json() {
        output.document(&json!({
            "project": project.name,
            "engine": name,
            "seconds": seconds,
            "verified": verified,
            "git": git,
            "kept": temporary.is_none(),
            "gates": gates,
            "steps": show.steps,
        }))?;
    }
    if verified {
        Ok(())
    } else {
        Err(Exit::failed("the proofs do not verify"))
    }
}

/// Plays the person and shows what happens.
struct Show {
    factory: Arc<Factory>,
    project: String,
    output: Output,
    person: Actor,
    names: HashMap<String, String>,
    seen: i64,
    steps: Vec<Value>,
    cancel: CancellationToken,
    /// Why the packages could not be installed, though nothing is wrong with the project.
    stuck: Option<String>,
}

impl Show {
    fn new(wired: &Wired, project: &str, output: Output, cancel: CancellationToken) -> Show {
        let gates = wired.factory.gates();
        Show {
            factory: Arc::clone(&wired.factory),
            project: project.to_owned(),
            output,
            person: Actor {
                name: "Ada (played)".to_owned(),
                kind: ActorKind::Person,
                role: Role::Approver,
                token: None,
                projects: None,
            },
            names: Gate::ALL
                .into_iter()
                .map(|gate| (gate.as_str().to_owned(), gates.file(gate).name.clone()))
                .collect(),
            seen: 0,
            steps: Vec::new(),
            cancel,
            stuck: None,
        }
    }

    async fn passage(&mut self, kind: &str) -> Result<(), Exit> {
        self.factory
            .project_create(&self.project, "blank", kind, &self.person)
            .await
            .map_err(exit)?;
        for gate in Gate::ALL {
            self.factory
                .gate_start(&self.project, gate, &self.person)
                .await
                .map_err(exit)?;
            self.drive(gate).await?;
        }
        Ok(())
    }

    /// Works until the gate is passed, answering what a person is asked.
    async fn drive(&mut self, gate: Gate) -> Result<(), Exit> {
        loop {
            while self.tick().await? {}
            let view = self
                .factory
                .gate_fetch(&self.project, gate)
                .await
                .map_err(exit)?;
            match view.state.as_str() {
                "approved" | "not_applicable" => return Ok(()),
                "awaiting_approval" => self.approve(gate, &view).await?,
                "escalated" => self.answer(gate, &view).await?,
                "rejected" | "cancelled" | "held" => {
                    return Err(Exit::failed(format!(
                        "{gate} is {}, which the demo does not expect",
                        view.state
                    )));
                }
                _ => self.wait(&view).await?,
            }
        }
    }

    async fn tick(&mut self) -> Result<bool, Exit> {
        // Told apart from the work itself, so that long checks are followed while they run.
        let factory = Arc::clone(&self.factory);
        let mut work = tokio::spawn(async move { factory.tick().await });
        let mut events = self.factory.store().events_watch();
        let mut is_stopping = false;
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                // The work ends by itself then, and what it left in the sandboxes with it.
                () = self.cancel.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    self.factory.shutdown();
                }
                _ = events.changed() => self.tell().await?,
            }
        };
        self.tell().await?;
        if self.cancel.is_cancelled() {
            return Err(Exit::failed("interrupted"));
        }
        if let Some(why) = self.stuck.take() {
            return Err(Exit::missing(format!("the packages cannot be installed: {why}")).mend(
                "see that this machine reaches the npm registry. npm's own setting names another one \
                 (NPM_CONFIG_REGISTRY, or registry= in ~/.npmrc), network.extra_ca in sluice.toml a certificate \
                 authority",
            ));
        }
        done.map_err(|error| Exit::failed(error.to_string()))?
            .map_err(|error| Exit::failed(format!("{error:#}")))
    }

    /// Nothing to do now: a fault of the machinery is waiting to be tried again.
    async fn wait(&self, view: &GateView) -> Result<(), Exit> {
        let Some(fault) = &view.fault else {
            return Err(Exit::failed(format!(
                "the demo stands still at {}: {}",
                view.gate, view.waits_for_text
            )));
        };
        let record = self.factory.store().run_fetch_open(&self.project).await;
        let faults = record.ok().flatten().map_or(0, |record| record.fault_count);
        if faults > 3 {
            return Err(Exit::failed(fault.clone()));
        }
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_millis(200)) => Ok(()),
            () = self.cancel.cancelled() => Err(Exit::failed("interrupted")),
        }
    }

    async fn approve(&mut self, gate: Gate, view: &GateView) -> Result<(), Exit> {
        let said = built_in::DEMO_APPROVALS
            .into_iter()
            .find(|(id, _)| *id == gate.as_str())
            .map(|(_, text)| toml::from_str::<Approval>(text))
            .transpose()
            .map_err(|error| {
                Exit::failed(format!(
                    "the demo's approval of {gate} is not valid: {error}"
                ))
            })?
            .unwrap_or_default();
        let decide = Decide {
            subject_digest: view.subject_digest.clone().unwrap_or_default(),
            comment: said.comment,
            fields: said.fields,
            to: None,
        };
        self.factory
            .gate_approve(&self.project, gate, decide, &self.person)
            .await
            .map_err(exit)?;
        self.tell().await
    }

    async fn answer(&mut self, gate: Gate, view: &GateView) -> Result<(), Exit> {
        let guidance = built_in::DEMO_ANSWERS
            .into_iter()
            .find(|(id, _)| *id == gate.as_str())
            .map(|(_, text)| text.trim())
            .ok_or_else(|| Exit::failed(format!("the demo has no answer for {gate}")))?;
        let id = view
            .escalation
            .as_deref()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| Exit::failed(format!("{gate} is escalated without a question")))?;
        self.factory
            .escalation_answer(id, "retry", guidance, BTreeMap::new(), &self.person)
            .await
            .map_err(exit)?;
        self.tell().await
    }

    /// Shows the events since the last time.
    async fn tell(&mut self) -> Result<(), Exit> {
        let events = self
            .factory
            .event_list(self.seen, Some(&self.project), 1000)
            .await
            .map_err(exit)?;
        for event in events {
            self.seen = event.seq;
            let said = |key: &str| event.body.get(key).and_then(Value::as_str);
            if event.kind == "check.finished"
                && said("check") == Some("install")
                && said("verdict") == Some("unknown")
            {
                self.stuck = Some(why(said("note").unwrap_or("npm gave no answer")));
            }
            if let Some((what, text)) = tell(&event) {
                let gate = event
                    .body
                    .get("gate")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let name = self.names.get(gate).map_or("", String::as_str);
                line(
                    self.output,
                    format_args!("{:<3} {name:<13} {what:<10} {text}", gate.to_uppercase()),
                );
                self.steps
                    .push(json!({ "gate": gate, "step": what, "text": text, "at": event.at }));
            }
        }
        Ok(())
    }
}

/// An event as one line of the story; `None` for those that a reader can do without.
fn tell(event: &EventView) -> Option<(&'static str, String)> {
    let text = |key: &str| {
        event
            .body
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let attempt = event
        .body
        .get("attempt")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    Some(match event.kind.as_str() {
        "attempt.taken" => ("reply", format!("attempt {attempt}: {}", text("text"))),
        "check.finished" => ("check", check(&event.body)),
        "attempt.checked" => match text("verdict") {
            "pass" => (
                "green",
                format!("attempt {attempt}{}", accepted(&event.body)),
            ),
            _ => (
                "red",
                format!("attempt {attempt}: {}", list(&event.body, "failing")),
            ),
        },
        "run.strategy" => ("strategy", text("note").to_owned()),
        "run.moved" if text("state") == "escalated" => (
            "escalated",
            "every attempt is spent; a person is asked".to_owned(),
        ),
        "run.fault" => ("fault", text("fault").to_owned()),
        "escalation.answered" => {
            let said = text("guidance")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            (
                "answered",
                format!("{} by {}: {said}", text("action"), text("by")),
            )
        }
        "gate.decided" => {
            let fields = event
                .body
                .get("fields")
                .and_then(Value::as_object)
                .filter(|fields| !fields.is_empty())
                .map(|fields| {
                    let pairs = fields.iter().map(|(key, value)| {
                        format!("{key} = {}", value.as_str().unwrap_or_default())
                    });
                    format!(" ({})", pairs.collect::<Vec<_>>().join(", "))
                })
                .unwrap_or_default();
            (
                "decided",
                format!("{} by {}{fields}", text("decision"), text("by")),
            )
        }
        "gate.sealed" => {
            let subject = event
                .body
                .pointer("/subject/commit")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let commit = text("commit");
            let gate = text("gate");
            let main = if text("decision") == "approved" {
                format!("; main is {}", &subject[..subject.len().min(10)])
            } else {
                String::new()
            };
            (
                "sealed",
                format!(
                    "{} in refs/gates/{gate} {}{main}",
                    text("decision"),
                    &commit[..commit.len().min(10)]
                ),
            )
        }
        _ => return None,
    })
}

fn check(body: &Value) -> String {
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let ms = body
        .get("wall_ms")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let time = if body.get("cached") == Some(&Value::Bool(true)) {
        "cached".to_owned()
    } else {
        format!("{}.{} s", ms / 1000, ms % 1000 / 100)
    };
    let tests = body
        .get("tests")
        .filter(|tests| tests.is_object())
        .map_or_else(String::new, |tests| {
            let count = |key: &str| tests.get(key).and_then(Value::as_u64).unwrap_or_default();
            format!(", {} passed, {} failed", count("passed"), count("failed"))
        });
    let first = body
        .get("first")
        .filter(|first| first.is_object())
        .map_or_else(String::new, |first| {
            let text = |key: &str| first.get(key).and_then(Value::as_str).unwrap_or_default();
            let line = first
                .get("line")
                .and_then(Value::as_u64)
                .map_or_else(String::new, |line| format!(":{line}"));
            let message = text("message").lines().next().unwrap_or_default();
            // A failing test's message starts with its name, which is the rule too.
            let rule = text("rule");
            let rule = if rule.is_empty() || message.starts_with(rule) {
                String::new()
            } else {
                format!("{rule} ")
            };
            format!(
                "; {}{line} {rule}{}",
                text("path"),
                message.chars().take(100).collect::<String>()
            )
        });
    let note = match text("verdict") {
        "unknown" => format!(
            "; {}",
            why(text("note")).split(" - ").next().unwrap_or_default()
        ),
        _ => String::new(),
    };
    let (name, verdict) = (text("check"), text("verdict"));
    one_line(&format!(
        "{name:<8} {verdict:<7} {time}{tests}{first}{note}"
    ))
}

/// A tool's excuse in one line, without its stack.
fn why(note: &str) -> String {
    let lines = note
        .lines()
        .take_while(|line| !line.trim_start().starts_with("at "));
    let text = lines.collect::<Vec<_>>().join(" ");
    one_line(&text).chars().take(300).collect()
}

fn accepted(body: &Value) -> String {
    match list(body, "accepted_unknown") {
        none if none.is_empty() => String::new(),
        checks => format!("; {checks} could not answer: approving accepts that"),
    }
}

fn list(body: &Value, key: &str) -> String {
    let items = body.get(key).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The native engine uses the machine's own Node; without one every check would be `unknown`.
fn need_node(engine: &str) -> Result<(), Exit> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if engine != "native" || (is_there("node") && is_there("npm")) {
        return Ok(());
    }
    Err(Exit::missing("the demo builds a Node project, and this machine has no node or npm").mend(
        "install Node 20 or newer (Debian: apt-get install nodejs npm), or use a container engine; `sluice doctor` \
         says more",
    ))
}

/// A line of the story: a result, unless the result is one JSON document.
fn line(output: Output, text: std::fmt::Arguments<'_>) {
    let text = text.to_string();
    if output.is_json() {
        output.note(&text);
    } else if output.text(&text).is_err() {
        tracing::debug!("nobody reads the story");
    }
}

fn exit(refusal: Refusal) -> Exit {
    match refusal {
        Refusal::Machinery(error) => Exit::failed(format!("{error:#}")),
        other => Exit::failed(other.to_string()),
    }
}
