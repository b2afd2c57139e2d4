//! `sluice-passage DIR`: takes one project through its gates and stops, for the test that kills it at every step.
//!
//! It plays the person by looking at what is stored, so that a start on what a killed one left goes on. Gate
//! files are read from `DIR/gates`, replies from `DIR/replies`, the key is `DIR/data/signing_key`. Standard output
//! has one line for each event that the store acknowledged.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sluice_agents::{Agent, Recorded};
use sluice_checks::{Checker, Settings};
use sluice_factory::{
    Actor, ActorKind, AgentTable, DataDir, Decide, EditState, Editing, Factory, Gate, GateSet,
    Parts, Precondition, Refusal, Resolution, Role, Roles, Take, Templates,
};
use sluice_proof::Signer;
use sluice_sandbox::{Native, NativeConfig, Sandbox};
use sluice_store::Store;

/// The project's name.
const PROJECT: &str = "adder";
/// The last gate of the story.
const LAST: Gate = Gate::G3;
/// What a person writes into the README before the first gate.
const README: &str = "# adder\n\nA person wrote this line.\n";
/// What a person makes of it in the working tree, before the first gate is approved.
const SAVED: &str = "# adder\n\nA person wrote this line.\n\nAnd saved this one.\n";
/// A plan that a person writes before the agent's is green.
const PLAN: &str = "# Plan\n\n## Steps\n\nThink first.\n";
/// What holds of both plans.
const BOTH: &str = "# Plan\n\n## Steps\n\nThink first, write it, try it, ship it.\n";

fn main() -> anyhow::Result<()> {
    let word = std::env::args_os()
        .nth(1)
        .context("usage: sluice-passage DIR")?;
    // The native engine's helper is this program again, before anything else is done.
    if word == "sandbox-init" {
        sluice_sandbox::init_main();
    }
    let folder = PathBuf::from(word);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(passage(&folder))
}

async fn passage(folder: &Path) -> anyhow::Result<()> {
    let data = DataDir::open(&folder.join("data"))?;
    let store = Store::open(&data.database_url()).await?;
    let teller = tokio::spawn(tell(store.clone()));
    let factory = factory(folder, data, store.clone()).await?;
    while step(&factory, folder).await? {}
    factory.shutdown();
    drop(factory);
    teller.abort();
    store.close().await?;
    Ok(())
}

/// Prints what the store acknowledged: nothing that was printed may be gone later.
async fn tell(store: Store) -> anyhow::Result<()> {
    let mut watch = store.events_watch();
    let mut told = *watch.borrow_and_update();
    loop {
        for event in store.event_list(told, None, 500).await? {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{} {}", event.seq.0, event.kind)?;
            out.flush()?;
            told = event.seq;
        }
        watch.changed().await?;
    }
}

async fn factory(folder: &Path, data: DataDir, store: Store) -> anyhow::Result<Arc<Factory>> {
    // The last argument is ignored by the helper; by it, the test tells whose helper a process is.
    let helper = vec![
        std::env::current_exe()?.into(),
        "sandbox-init".into(),
        folder.as_os_str().to_owned(),
    ];
    let native = Native::new(NativeConfig::new(data.run().join("native"), helper))?;
    let sandbox: Arc<dyn Sandbox> = Arc::new(native);
    let mut settings = Settings::below(data.cache());
    settings.layers = data.layers();
    settings.toolchains = data.layers();
    settings.state = data.run().join("checks");
    let agent: Arc<dyn Agent> = Arc::new(Recorded::folder("recorded", folder.join("replies")));
    let by_gate = Gate::ALL
        .into_iter()
        .map(|gate| (gate, Arc::clone(&agent)))
        .collect();
    let signer = Signer::from_openssh(&std::fs::read_to_string(data.key())?)?;
    Factory::start(Parts {
        editing: Editing::default(),
        store,
        signer,
        gates: GateSet::from_folder(&folder.join("gates"))?,
        roles: Roles::default(),
        templates: Templates::built_in(),
        agents: AgentTable {
            by_gate,
            ..AgentTable::default()
        },
        checker: Checker::new(Arc::clone(&sandbox), settings),
        sandbox,
        data,
    })
    .await
}

/// Lets the factory work until it waits, then does what a person would; `false` at the end of the story.
async fn step(factory: &Factory, folder: &Path) -> anyhow::Result<bool> {
    while factory.tick().await? {}
    match factory.project_fetch(PROJECT).await {
        Ok(_) => {}
        Err(Refusal::NotFound { .. }) => {
            factory
                .project_create(PROJECT, "blank", "service", &operator())
                .await?;
            return Ok(true);
        }
        Err(other) => return Err(other.into()),
    }
    for gate in Gate::ALL {
        let view = factory.gate_fetch(PROJECT, gate).await?;
        match view.state.as_str() {
            "approved" | "not_applicable" if gate == LAST => return Ok(false),
            "approved" | "not_applicable" => {}
            "ready" if gate == LAST && resolve(factory).await? => return Ok(true),
            "ready" => {
                if gate == Gate::G0 && edit(factory).await? {
                    return Ok(true);
                }
                factory.gate_start(PROJECT, gate, &operator()).await?;
                return Ok(true);
            }
            // A person's plan came after it: what is there is checked, and approved again.
            "reopened" => {
                factory.gate_start(PROJECT, gate, &operator()).await?;
                return Ok(true);
            }
            "awaiting_approval" if gate == Gate::G0 && save(factory, folder).await? => {
                return Ok(true);
            }
            "escalated" if held(factory, 2).await? => return Ok(true),
            "awaiting_approval" => {
                let decide = Decide {
                    subject_digest: view.subject_digest.context("no subject")?,
                    comment: "fine".to_owned(),
                    fields: BTreeMap::new(),
                    to: None,
                };
                factory
                    .gate_approve(PROJECT, gate, decide, &approver())
                    .await?;
                return Ok(true);
            }
            "escalated" => {
                let id = view.escalation.context("no escalation")?.parse()?;
                let guidance = "The heading is Steps.";
                factory
                    .escalation_answer(id, "retry", guidance, BTreeMap::new(), &approver())
                    .await?;
                return Ok(true);
            }
            // Nothing in the story is a fault of the machinery, also not after a kill.
            state => bail!("{gate} is {state}: {:?}", view.fault),
        }
    }
    bail!("the last gate of the story is not there")
}

/// A person's own commit, once.
async fn edit(factory: &Factory) -> anyhow::Result<bool> {
    let present = factory.file_read(PROJECT, "README.md", None).await?;
    if present.bytes == README.as_bytes() {
        return Ok(false);
    }
    let precondition = Precondition::Matches(vec![present.oid]);
    let bytes = README.as_bytes().to_vec();
    factory
        .file_write(PROJECT, "README.md", bytes, precondition, &operator())
        .await?;
    Ok(true)
}

/// A person saves a file of the working tree while the first run is open, once.
async fn save(factory: &Factory, folder: &Path) -> anyhow::Result<bool> {
    if !factory.edit_list(PROJECT, &[]).await?.is_empty() {
        return Ok(false);
    }
    // As an editor does: the file is whole at any time.
    let beside = folder.join("README.new");
    std::fs::write(&beside, SAVED)?;
    std::fs::rename(beside, factory.data().work_tree(PROJECT).join("README.md"))?;
    factory.edits_look(PROJECT, false).await?;
    Ok(true)
}

/// A person writes a plan of their own while the agent's is red: the `n`th edit that is held.
async fn held(factory: &Factory, n: usize) -> anyhow::Result<bool> {
    if factory.edit_list(PROJECT, &[]).await?.len() >= n {
        return Ok(false);
    }
    factory
        .file_write(
            PROJECT,
            "docs/PLAN.md",
            PLAN.as_bytes().to_vec(),
            Precondition::Absent,
            &operator(),
        )
        .await?;
    Ok(true)
}

/// A person says what holds of the two plans, once.
async fn resolve(factory: &Factory) -> anyhow::Result<bool> {
    let open = factory.edit_list(PROJECT, &[EditState::Conflict]).await?;
    let Some(edit) = open.first() else {
        return Ok(false);
    };
    let both = Take::Content(BOTH.as_bytes().to_vec());
    let resolution = Resolution {
        files: BTreeMap::from([("docs/PLAN.md".to_owned(), both)]),
        ..Resolution::default()
    };
    factory
        .edit_resolve(PROJECT, edit.id, resolution, &operator())
        .await?;
    Ok(true)
}

fn operator() -> Actor {
    person("Olga", Role::Operator)
}

fn approver() -> Actor {
    person("Anna", Role::Approver)
}

fn person(name: &str, role: Role) -> Actor {
    Actor {
        name: name.to_owned(),
        kind: ActorKind::Person,
        role,
        token: None,
        projects: None,
    }
}
