//! Puts a factory together from the configuration.

mod agents;
mod issuer;
mod webhooks;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use sluice_checks::{Checker, Settings};
use sluice_factory::{
    AgentTable, DataDir, Editing, Factory, GateSet, Parts, Prompts, Roles, Templates,
};
use sluice_proof::Signer;
use sluice_sandbox::Sandbox;
use sluice_store::Store;

use crate::built_in;
use crate::config::Config;
use crate::exit::{Exit, MISSING};

pub(crate) use agents::{agent_table, price_file, prices};
pub(crate) use issuer::issuer;
pub(crate) use webhooks::webhooks;

/// A factory with what must live as long as it does.
pub(crate) struct Wired {
    /// The factory.
    pub(crate) factory: Arc<Factory>,
    /// The lock on the data directory; released when the process ends, however it ends.
    _lock: fs::File,
}

/// Opens the data directory for this process alone.
///
/// # Errors
/// It cannot be made, or another daemon uses it.
pub(crate) fn data_lock(data: &DataDir) -> Result<fs::File, Exit> {
    let path = data.root().join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| Exit::usage(format!("cannot open {}: {error}", path.display())))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Exit::usage(format!(
            "another sluice process uses {}",
            data.root().display()
        ))
        .mend("stop it, or name another directory with --data")
    })?;
    Ok(file)
}

/// Puts a factory together.
pub(crate) async fn wire(
    config: &Config,
    data: DataDir,
    database: Option<&str>,
    sandbox: Arc<dyn Sandbox>,
    agents: AgentTable,
) -> Result<Wired, Exit> {
    let lock = data_lock(&data)?;
    let url = database.map_or_else(|| data.database_url(), str::to_owned);
    let store = Store::open(&url).await.map_err(|error| {
        let is_there = !error.is_passing();
        let exit = Exit::usage(crate::exit::chain(&error));
        if is_there {
            exit
        } else {
            Exit {
                code: MISSING,
                ..exit
            }
        }
    })?;
    let signer = signing_key(&data.key()).map_err(|error| Exit::usage(format!("{error:#}")))?;
    let gates = match &config.gates {
        Some(folder) => GateSet::from_folder(folder),
        None => GateSet::built_in(),
    }
    .map_err(|error| Exit::usage(crate::exit::chain(&error)))?;
    let roles = match config
        .templates
        .as_ref()
        .map(|folder| folder.join("agents"))
    {
        Some(folder) if folder.exists() => Roles::from_folder(&folder),
        _ => Roles::from_texts(built_in::ROLES),
    }
    .map_err(|error| Exit::usage(format!("{error:#}")))?;
    let prompts = match config
        .templates
        .as_ref()
        .map(|folder| folder.join("prompts"))
    {
        Some(folder) if folder.exists() => Prompts::from_folder(&folder),
        _ => Prompts::built_in(),
    }
    .map_err(|error| Exit::usage(format!("{error:#}")))?;
    let templates = match &config.templates {
        Some(folder) => Templates::with_folder(folder.join("projects")),
        None => Templates::built_in(),
    };
    let mut settings = Settings::below(data.cache());
    settings.layers = data.layers();
    settings.toolchains = data.layers();
    settings.state = data.run().join("checks");
    settings.extra_ca.clone_from(&config.extra_ca);
    settings.install_scripts.clone_from(&config.install_scripts);
    settings.advisories.clone_from(&config.advisories);
    settings.registries.clone_from(&config.registries);
    settings.parallel = config.slots;
    settings.verify_percent = config.verify_percent;
    settings.results_bytes = config.results_bytes;
    settings.layers_bytes = config.layers_bytes;
    let checker = Checker::new(Arc::clone(&sandbox), settings);
    let factory = Factory::start(Parts {
        data,
        store,
        signer,
        gates,
        roles,
        templates,
        agents,
        sandbox,
        checker,
        editing: Editing {
            person: config.person.clone(),
            login: config.login.clone(),
            quiet: config.quiet,
        },
    })
    .await
    .map_err(|error| Exit::failed(format!("{error:#}")))?;
    factory.prompts_replace(prompts);
    let file = agents::price_file(config);
    factory.prices_replace(
        agents::prices(file.as_deref()).map_err(|error| Exit::usage(format!("{error:#}")))?,
    );
    Ok(Wired {
        factory,
        _lock: lock,
    })
}

/// The daemon's key, made at the first start: a 0600 file, written beside and renamed.
fn signing_key(path: &Path) -> anyhow::Result<Signer> {
    match fs::read_to_string(path) {
        Ok(text) => {
            return Signer::from_openssh(&text)
                .with_context(|| format!("the signing key {} cannot be used", path.display()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error)
                .with_context(|| format!("the signing key {} cannot be read", path.display()));
        }
    }
    let signer = Signer::generate("sluice");
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let _ = fs::remove_file(&beside);
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(signer.to_openssh().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().with_context(|| format!("the signing key {} cannot be written", path.display()))?;
    Ok(signer)
}
