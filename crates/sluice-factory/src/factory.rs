//! The factory: what it holds, and how it is put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::Context as _;
use jiff::Timestamp;
use sluice_checks::Checker;
use sluice_proof::{Signer, Signers};
use sluice_sandbox::Sandbox;
use sluice_store::{RunId, RunRecord, Store};
use sluice_workspace::{Repo, Skipped};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::data::DataDir;
use crate::edits::Editing;
use crate::gate_file::{GateFile, GateSet};
use crate::lineup::AgentTable;
use crate::live::Drafts;
use crate::prices::Prices;
use crate::prompts::Prompts;
use crate::roles::Roles;
use crate::template::Templates;
use crate::transcript::Transcripts;
use crate::webhooks::Hook;

/// What the factory is put together from.
pub struct Parts {
    /// Where things lie.
    pub data: DataDir,
    /// What is remembered.
    pub store: Store,
    /// The daemon's key.
    pub signer: Signer,
    /// What the gates demand.
    pub gates: GateSet,
    /// The roles' prompts.
    pub roles: Roles,
    /// What projects start from.
    pub templates: Templates,
    /// Who works.
    pub agents: AgentTable,
    /// Runs untrusted commands.
    pub sandbox: Arc<dyn Sandbox>,
    /// Runs checks in it.
    pub checker: Checker,
    /// How edits of working trees are taken in.
    pub editing: Editing,
}

/// Drives runs: load, act, apply, commit, repeat.
pub struct Factory {
    pub(crate) data: DataDir,
    pub(crate) store: Store,
    pub(crate) signer: Arc<Signer>,
    pub(crate) gates: RwLock<GateSet>,
    pub(crate) roles: RwLock<Roles>,
    /// The fixed prose of requests.
    pub(crate) prompts: RwLock<Prompts>,
    pub(crate) templates: Templates,
    pub(crate) agents: AgentTable,
    pub(crate) prices: RwLock<Prices>,
    /// Who is told what happens.
    pub(crate) webhooks: RwLock<Vec<Arc<Hook>>>,
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) checker: Checker,
    /// The runs and checks that a task of this process works on now, by id, with their project.
    pub(crate) in_flight: Mutex<BTreeMap<String, String>>,
    /// One lock a project: its working tree is brought up to date by one task at a time.
    pub(crate) work_trees: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// One lock a project: of what people do, only one thing at a time moves `work` or depends on where it is.
    pub(crate) hands: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// How edits of working trees are taken in.
    pub(crate) editing: RwLock<Editing>,
    /// What the last look at each working tree left alone.
    pub(crate) left_alone: Mutex<BTreeMap<String, Vec<Skipped>>>,
    /// Ends what a cancelled run is doing.
    pub(crate) cancels: Mutex<BTreeMap<RunId, CancellationToken>>,
    /// The projects whose git data was opened since it was last looked at for packing.
    pub(crate) touched: Mutex<BTreeSet<String>>,
    /// What agents are writing now.
    pub(crate) drafts: Drafts,
    /// What checks print.
    pub(crate) transcripts: Arc<Transcripts>,
    /// Wakes the loop.
    pub(crate) wake: Notify,
    /// Begins no more work; what runs goes on.
    pub(crate) closing: CancellationToken,
    /// Ends everything at shutdown.
    pub(crate) shutdown: CancellationToken,
}

impl Factory {
    /// Puts a factory together and finishes what an earlier process left half done.
    ///
    /// # Errors
    /// When the store or the git data of a project cannot be used.
    pub async fn start(parts: Parts) -> anyhow::Result<Arc<Factory>> {
        let transcripts = Arc::new(Transcripts::new(parts.data.transcripts()));
        let factory = Arc::new(Factory {
            data: parts.data,
            store: parts.store,
            signer: Arc::new(parts.signer),
            gates: RwLock::new(parts.gates),
            roles: RwLock::new(parts.roles),
            prompts: RwLock::new(Prompts::built_in().context("the built-in prompts")?),
            templates: parts.templates,
            agents: parts.agents,
            prices: RwLock::default(),
            webhooks: RwLock::default(),
            sandbox: parts.sandbox,
            checker: parts.checker,
            in_flight: Mutex::default(),
            work_trees: Mutex::default(),
            hands: Mutex::default(),
            editing: RwLock::new(parts.editing),
            left_alone: Mutex::default(),
            cancels: Mutex::default(),
            touched: Mutex::default(),
            drafts: Drafts::default(),
            transcripts,
            wake: Notify::new(),
            closing: CancellationToken::new(),
            shutdown: CancellationToken::new(),
        });
        factory.recover().await.context("recover")?;
        Ok(factory)
    }

    /// What is remembered.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where things lie.
    pub fn data(&self) -> &DataDir {
        &self.data
    }

    /// The daemon's key as others trust it.
    pub fn signers(&self) -> Signers {
        Signers::one("sluice", self.signer.public())
    }

    /// Which engine runs the checks, for people.
    pub fn engine(&self) -> String {
        self.sandbox.engine().name.clone()
    }

    /// The gate files in force.
    pub fn gates(&self) -> GateSet {
        self.gates
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes other gate files. Runs under way keep the file that they started with.
    pub fn gates_replace(&self, gates: GateSet) {
        *self.gates.write().unwrap_or_else(PoisonError::into_inner) = gates;
    }

    /// Takes other roles, for the requests from now on.
    pub fn roles_replace(&self, roles: Roles) {
        *self.roles.write().unwrap_or_else(PoisonError::into_inner) = roles;
    }

    /// The fixed prose of requests, as it is now.
    pub(crate) fn prompts(&self) -> Prompts {
        self.prompts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes other prose than the built-in one, for the requests from now on.
    pub fn prompts_replace(&self, prompts: Prompts) {
        *self.prompts.write().unwrap_or_else(PoisonError::into_inner) = prompts;
    }

    /// Takes other prices, for the calls from now on. Before the first call no price is known.
    pub fn prices_replace(&self, prices: Prices) {
        *self.prices.write().unwrap_or_else(PoisonError::into_inner) = prices;
    }

    /// The gate's file as it was when the run started, as far as it is for the project's kind.
    pub(crate) async fn demands(&self, record: &RunRecord) -> anyhow::Result<GateFile> {
        let project = self.store.project_fetch(&record.project).await?;
        let kind = project.context("the project of a run is gone")?.kind;
        Ok(GateFile::parse(record.run.gate(), &record.gate_file)?.for_kind(kind))
    }

    /// Waits until nobody else starts, edits, answers, rules, cancels or deletes in the project.
    pub(crate) async fn hand(&self, project: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(project.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    /// Does blocking work on a project's git data without holding up the runtime.
    pub(crate) async fn git<T, F>(&self, project: &str, work: F) -> anyhow::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Repo) -> anyhow::Result<T> + Send + 'static,
    {
        let data = self.data.clone();
        let project = project.to_owned();
        self.touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(project.clone());
        tokio::task::spawn_blocking(move || {
            let repo = data
                .repo(&project)
                .with_context(|| format!("open the git data of {project}"))?;
            work(repo)
        })
        .await
        .context("a git task ended early")?
    }

    /// Finishes what an earlier process left half done. Everything here may be repeated.
    async fn recover(&self) -> anyhow::Result<()> {
        let reaped = self.sandbox.reap().await?;
        if reaped > 0 {
            tracing::info!(jobs = reaped, "removed what an earlier process left behind");
        }
        self.data.unfinished_remove();
        for entry in std::fs::read_dir(self.data.run())?.flatten() {
            // Half-made ones begin with a dot.
            let name = entry.file_name();
            if name
                .to_string_lossy()
                .trim_start_matches('.')
                .starts_with("snapshot-")
            {
                crate::check::remove_folder(entry.path()).await;
            }
        }
        // What waited for a reply from outside may have another agent now.
        self.store.run_wake_parked(now()).await?;
        let mut cursor = None;
        loop {
            let page = self.store.project_list(cursor.as_deref(), 200).await?;
            for project in &page.items {
                self.project_prepare(project).await?;
                // In the order in which they happened.
                self.edits_tell(&project.name).await?;
                self.edits_look(&project.name, false).await?;
                self.edits_tell(&project.name).await?;
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        // What is left now belongs to nobody: the process was killed before it recorded the project.
        for entry in std::fs::read_dir(self.data.run())?.flatten() {
            if DataDir::is_staged(&entry.file_name().to_string_lossy()) {
                crate::check::remove_folder(entry.path()).await;
            }
        }
        Ok(())
    }
}

/// Now, to the microsecond that the store keeps.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
