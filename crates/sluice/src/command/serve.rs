//! `sluice serve`: the daemon.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sluice_factory::{Actor, ActorKind, DataDir, Factory, GateSet, Prompts, Role, Roles};
use sluice_server::Follow;
use sluice_store::{NewEvent, NewToken};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::Serve;
use crate::command::interrupt;
use crate::config::{Config, Secret};
use crate::engine::{self, EngineHome, Work};
use crate::exit::{Exit, MISSING, chain};
use crate::output::Output;
use crate::wiring::{agent_table, issuer, price_file, prices, webhooks, wire};

/// How often the gate files and roles are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The setting that is there once the first administrator's token was made.
const FIRST_TOKEN: &str = "first_admin_token";

/// Runs the daemon until it is told to stop.
pub(crate) async fn run(
    options: &Serve,
    config: &Config,
    follow: Option<Follow>,
    output: Output,
) -> Result<(), Exit> {
    let folder = options.data.as_deref().unwrap_or(&config.data);
    let data = DataDir::open(folder)
        .map_err(|error| Exit::usage(format!("cannot use {}: {error}", folder.display())))?;
    let listen = options.listen.unwrap_or(config.listen);
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Exit::usage(format!("cannot listen on {listen}: {error}")))?;
    let state = data.run().join("sandboxes");
    let owner = owner(data.root());
    let home = EngineHome {
        state: &state,
        owner: &owner,
    };
    let chosen = engine::choose(options.engine, config, home, Work::Any, output).await?;
    output.note(&chosen.said);
    let oidc = issuer(config)?;
    let agents = agent_table(config, &data, &chosen.sandbox.engine().name, home)?;
    let webhooks = webhooks(config)?;
    let database = options
        .database
        .as_deref()
        .or_else(|| config.database.as_ref().map(Secret::expose));
    let wired = wire(config, data, database, chosen.sandbox, agents).await?;
    let factory = Arc::clone(&wired.factory);
    let noted = |error: anyhow::Error| Exit::failed(format!("{error:#}"));
    let values = config.exact.iter();
    let values = values.map(|(key, value)| (key.clone(), value.expose().to_owned()));
    factory
        .config_note(&values.collect())
        .await
        .map_err(noted)?;
    factory.gates_note().await.map_err(noted)?;
    factory.roles_note().await.map_err(noted)?;
    factory.prompts_note().await.map_err(noted)?;
    factory.webhooks_take(webhooks).await.map_err(noted)?;
    admin_token(&factory, config, output).await?;

    let shutdown = CancellationToken::new();
    let _watching = interrupt::cancels(shutdown.clone());
    let below = |name: &str| config.templates.as_ref().map(|folder| folder.join(name));
    let looked_at = LookedAt {
        gates: config.gates.clone(),
        roles: below("agents"),
        prompts: below("prompts"),
        prices: price_file(config),
    };
    tokio::spawn(reload(Arc::clone(&factory), looked_at, shutdown.clone()));
    let watch = config
        .watch
        .then(|| tokio::spawn(Arc::clone(&factory).watch(config.quiet)));
    let workers = tokio::spawn(Arc::clone(&factory).run(config.slots));
    let address = listener.local_addr().unwrap_or(listen);
    output.note(&format!(
        "sluice serves {} on http://{address}; the API is described at http://{address}/docs",
        factory.data().root().display()
    ));
    let options = sluice_server::Options {
        allowed_hosts: config.allowed_hosts.clone(),
        listen: None,
        limits: config.limits,
        oidc,
        follow,
        stall: config.stall,
        last_answers: config.last_work,
    };
    let end = shutdown.clone();
    let closing = Arc::clone(&factory);
    let last_work = config.last_work;
    let stopping = tokio::spawn(async move {
        end.cancelled().await;
        // What runs may come to its next step; what takes longer is done again at the next start.
        closing.close();
        tokio::time::sleep(last_work).await;
        closing.shutdown();
    });
    let served =
        sluice_server::serve(Arc::clone(&factory), listener, options, shutdown.clone()).await;
    shutdown.cancel();
    let _ = workers.await;
    factory.shutdown();
    stopping.abort();
    if let Some(watch) = watch {
        let _ = watch.await;
    }
    served.map_err(|error| Exit {
        code: MISSING,
        ..Exit::failed(format!("the server stopped: {error:#}"))
    })
}

/// Whose containers and sandboxes they are: a function of the data directory, so that the next start of the
/// same daemon cleans up after this one and after no other.
fn owner(root: &Path) -> String {
    let digest = sluice_proof::sha256_hex(root.as_os_str().as_encoded_bytes());
    format!("serve-{}", &digest[..16])
}

/// Puts the administrator's token in force: the configured one, or at the first start a made one, shown once.
async fn admin_token(factory: &Factory, config: &Config, output: Output) -> Result<(), Exit> {
    let store = factory.store();
    let fault = |error: sluice_store::StoreError| Exit::failed(chain(&error));
    let new = NewToken {
        name: "admin".to_owned(),
        role: Role::Admin,
        kind: ActorKind::Person,
        projects: None,
        expires_at: None,
        at: Timestamp::now(),
    };
    let made = |how: &str| NewEvent {
        project: None,
        kind: "token.created".to_owned(),
        body: serde_json::json!({ "name": "admin", "role": "admin", "kind": "person", "by": "Sluice", "how": how }),
        audit: Some(Actor::daemon()),
        at: Timestamp::now(),
    };
    if let Some(secret) = &config.admin_token {
        if secret.expose().trim().is_empty() {
            return Err(Exit::usage("the administrator's token is empty"));
        }
        store
            .token_put_fixed(secret.expose(), new, &[made("configured")])
            .await
            .map_err(fault)?;
        store
            .setting_put_once(FIRST_TOKEN, "configured")
            .await
            .map_err(fault)?;
        return Ok(());
    }
    if store
        .setting_get(FIRST_TOKEN)
        .await
        .map_err(fault)?
        .is_some()
    {
        return Ok(());
    }
    let (record, secret) = store
        .token_create(new, &[made("first start")])
        .await
        .map_err(fault)?;
    output.text(&format!("admin token (shown this once): {secret}"))?;
    store
        .setting_put_once(FIRST_TOKEN, &record.id.to_string())
        .await
        .map_err(fault)?;
    Ok(())
}

/// The folders, and the file, whose changes are taken over.
struct LookedAt {
    gates: Option<PathBuf>,
    roles: Option<PathBuf>,
    prompts: Option<PathBuf>,
    prices: Option<PathBuf>,
}

impl LookedAt {
    fn texts(&self) -> [BTreeMap<OsString, Vec<u8>>; 3] {
        [&self.gates, &self.roles, &self.prompts].map(|folder| texts(folder.as_deref()))
    }

    fn price_text(&self) -> Option<Vec<u8>> {
        std::fs::read(self.prices.as_ref()?).ok()
    }
}

/// Takes changed gate files, roles and prompts over without a restart. What is not valid is named and left aside.
async fn reload(factory: Arc<Factory>, folders: LookedAt, shutdown: CancellationToken) {
    let mut seen = folders.texts();
    let mut seen_prices = folders.price_text();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = shutdown.cancelled() => return,
        }
        let now = folders.texts();
        if let Some(folder) = folders.gates.as_deref().filter(|_| now[0] != seen[0]) {
            let read = GateSet::from_folder(folder).map_err(anyhow::Error::from);
            let outcome = match read {
                Ok(gates) => factory.gates_take(gates).await,
                Err(error) => Err(error),
            };
            taken(folder, outcome);
        }
        if let Some(folder) = folders.roles.as_deref().filter(|_| now[1] != seen[1]) {
            let outcome = match Roles::from_folder(folder) {
                Ok(roles) => factory.roles_take(roles).await,
                Err(error) => Err(error),
            };
            taken(folder, outcome);
        }
        if let Some(folder) = folders.prompts.as_deref().filter(|_| now[2] != seen[2]) {
            let outcome = match Prompts::from_folder(folder) {
                Ok(prompts) => factory.prompts_take(prompts).await,
                Err(error) => Err(error),
            };
            taken(folder, outcome);
        }
        seen = now;
        let now = folders.price_text();
        if let Some(file) = folders.prices.as_deref().filter(|_| now != seen_prices) {
            taken(
                file,
                prices(Some(file)).map(|prices| factory.prices_replace(prices)),
            );
        }
        seen_prices = now;
    }
}

fn taken(folder: &Path, outcome: anyhow::Result<()>) {
    let folder = folder.display();
    match outcome {
        Ok(()) => tracing::info!(%folder, "took the changed files"),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::error!(%folder, error, "the changed files are not valid; the old ones stay");
        }
    }
}

/// The files of a folder that can matter, by name.
fn texts(folder: Option<&Path>) -> BTreeMap<OsString, Vec<u8>> {
    let entries = folder
        .into_iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten();
    entries
        .flatten()
        .filter(|entry| {
            let path = entry.path();
            path.extension()
                .is_some_and(|ending| ending == "toml" || ending == "md")
        })
        .filter_map(|entry| Some((entry.file_name(), std::fs::read(entry.path()).ok()?)))
        .collect()
}
