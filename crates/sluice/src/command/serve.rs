//! `sluice serve`: the daemon.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sluice_factory::{ActorKind, DataDir, Factory, GateSet, Role};
use sluice_store::NewToken;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::Serve;
use crate::command::interrupt;
use crate::config::{Config, Secret};
use crate::engine::{self, EngineHome};
use crate::exit::{Exit, MISSING, chain};
use crate::output::Output;
use crate::wiring::{agent_table, wire};

/// How often the gate files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The setting that is there once the first administrator's token was made.
const FIRST_TOKEN: &str = "first_admin_token";

/// Runs the daemon until it is told to stop.
pub(crate) async fn run(options: &Serve, config: &Config, output: Output) -> Result<(), Exit> {
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
    let chosen = engine::choose(options.engine, config, home).await?;
    output.note(&chosen.said);
    let agents = agent_table(&config.agents, &data, &chosen.sandbox.engine().name)?;
    let database = options
        .database
        .as_deref()
        .or_else(|| config.database.as_ref().map(Secret::expose));
    let wired = wire(config, data, database, chosen.sandbox, agents).await?;
    let factory = Arc::clone(&wired.factory);
    admin_token(&factory, config, output).await?;

    let shutdown = CancellationToken::new();
    let _watching = interrupt::cancels(shutdown.clone());
    if let Some(gates) = config.gates.clone() {
        tokio::spawn(reload(Arc::clone(&factory), gates, shutdown.clone()));
    }
    let workers = tokio::spawn(Arc::clone(&factory).run(config.slots));
    let address = listener.local_addr().unwrap_or(listen);
    output.note(&format!(
        "sluice serves {} on http://{address}; the API is described at http://{address}/docs",
        factory.data().root().display()
    ));
    let options = sluice_server::Options::default();
    let served = sluice_server::serve(Arc::clone(&factory), listener, options, shutdown.clone()).await;
    shutdown.cancel();
    factory.shutdown();
    // What runs is cancelled and done again at the next start; nothing of it is lost.
    let _ = workers.await;
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
        expires_at: None,
        at: Timestamp::now(),
    };
    if let Some(secret) = &config.admin_token {
        if secret.expose().trim().is_empty() {
            return Err(Exit::usage("the administrator's token is empty"));
        }
        store.token_put_fixed(secret.expose(), new).await.map_err(fault)?;
        store.setting_put_once(FIRST_TOKEN, "configured").await.map_err(fault)?;
        return Ok(());
    }
    if store.setting_get(FIRST_TOKEN).await.map_err(fault)?.is_some() {
        return Ok(());
    }
    let (record, secret) = store.token_create(new, &[]).await.map_err(fault)?;
    output.text(&format!("admin token (shown this once): {secret}"))?;
    store
        .setting_put_once(FIRST_TOKEN, &record.id.to_string())
        .await
        .map_err(fault)?;
    Ok(())
}

/// Takes changed gate files over without a restart. Files that are not valid are named and left aside.
async fn reload(factory: Arc<Factory>, folder: std::path::PathBuf, shutdown: CancellationToken) {
    let mut seen = texts(&folder);
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = shutdown.cancelled() => return,
        }
        let now = texts(&folder);
        if now == seen {
            continue;
        }
        match GateSet::from_folder(&folder) {
            Ok(gates) => {
                factory.gates_replace(gates);
                tracing::info!(folder = %folder.display(), "took the changed gate files");
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "the changed gate files are not valid; the old ones stay");
            }
        }
        seen = now;
    }
}

fn texts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    sluice_gates::Gate::ALL
        .into_iter()
        .filter_map(|gate| {
            let name = format!("{gate}.toml");
            let text = std::fs::read(folder.join(&name)).ok()?;
            Some((name, text))
        })
        .collect()
}
