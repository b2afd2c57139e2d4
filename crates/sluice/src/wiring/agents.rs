//! Makes the agents that are configured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use sluice_agents::{
    Agent, Cassettes, CommandAgent, Key, ModelAgent, ModelSettings, Network as Way, Recorded,
    Retry, Source,
};
use sluice_egress::Policy;
use sluice_factory::{AgentTable, DataDir, Named, Prices};
use sluice_gates::Gate;
use sluice_sandbox::{Job, Limits, Network, Stdin, Upper};

use crate::built_in;
use crate::config::{AgentConfig, AgentKind, Config, Secret};
use crate::engine::EngineHome;
use crate::exit::{Exit, chain};

/// The model that is asked for where nobody names one. Servers with one model take any name.
const ANY_MODEL: &str = "default";
/// An address for exchanges that are replayed: nothing is ever sent there.
const NOWHERE: &str = "http://replay.invalid/v1";

/// The agents that are configured. One that was named for gates works there, the first one named for a gate has
/// it; one without gates works at every gate that nobody was named for.
pub(crate) fn agent_table(
    config: &Config,
    data: &DataDir,
    engine: &str,
    home: EngineHome<'_>,
) -> Result<AgentTable, Exit> {
    let mut table = AgentTable::default();
    for one in &config.agents {
        let agent: Arc<dyn Agent> = match one.kind {
            Some(AgentKind::Model | AgentKind::Replay) => Arc::new(model_agent(one, config)?),
            Some(AgentKind::Recorded) => {
                let dir = one.dir.clone().unwrap_or_default();
                Arc::new(Recorded::folder(one.name.clone(), dir))
            }
            Some(AgentKind::Command) => Arc::new(command_agent(one, data, engine, home)?),
            Some(AgentKind::Outside) | None => {
                if one.model.is_some() || one.api_key.is_some() {
                    tracing::warn!(
                        agent = one.name,
                        "it has a model or a key and no base_url, so it is no model agent"
                    );
                }
                continue;
            }
        };
        for gate in one
            .gates
            .iter()
            .filter_map(|gate| gate.parse::<Gate>().ok())
        {
            table
                .by_gate
                .entry(gate)
                .or_insert_with(|| Arc::clone(&agent));
        }
        let named = Named {
            agent,
            is_everywhere: one.gates.is_empty(),
            fallback: one.fallback.clone(),
            money_nanos: one.money.map(|money| (money * 1e9).round() as i64),
        };
        table.by_name.insert(one.name.clone(), named);
    }
    for one in &config.agents {
        let known = |choice: &&String| {
            let name = choice.split('/').next().unwrap_or_default();
            table.by_name.contains_key(name)
        };
        if let Some(unknown) = one.fallback.iter().find(|choice| !known(choice)) {
            return Err(Exit::usage(format!(
                "agents.{}.fallback names {unknown:?}, which is no agent that can be asked",
                one.name
            ))
            .mend("name an agent of this file that has a base_url, a dir or an argv, as in \"local\" or \"local/MODEL\""));
        }
    }
    Ok(table)
}

fn model_agent(one: &AgentConfig, config: &Config) -> Result<ModelAgent, Exit> {
    let fault = |what: String| Exit::usage(format!("agent {}: {what}", one.name));
    let source = match (one.kind, &one.record) {
        (Some(AgentKind::Replay), _) => {
            let dir = one.dir.clone().unwrap_or_default();
            Source::Replay(Cassettes::read(&dir).map_err(fault)?)
        }
        (_, Some(record)) => Source::Record(way(config)?, record.clone()),
        (_, None) => Source::Live(way(config)?),
    };
    let settings = ModelSettings {
        name: one.name.clone(),
        base_url: one.base_url.clone().unwrap_or_else(|| NOWHERE.to_owned()),
        dialect: one.dialect,
        api_key: one.api_key.as_ref().map(Secret::expose).map(Key::new),
        model: one.model.clone().unwrap_or_else(|| ANY_MODEL.to_owned()),
        max_tokens: one.max_tokens,
        connect: one.connect,
        idle: one.idle,
        wall: one.wall,
        max_reply_bytes: one.max_reply_bytes,
        retry: Retry {
            most: one.retries,
            ..Retry::default()
        },
    };
    ModelAgent::new(settings, source).map_err(|error| Exit::usage(chain(&error)))
}

/// The way to the network, as this machine has it.
pub(super) fn way(config: &Config) -> Result<Way, Exit> {
    let proxy = |wanted: &str| {
        let found = config.proxies.iter();
        let mut found = found.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| value.clone())
    };
    Ok(Way {
        extra_ca: extra_ca(config)?,
        http_proxy: proxy("HTTP_PROXY"),
        https_proxy: proxy("HTTPS_PROXY"),
        no_proxy: proxy("NO_PROXY"),
    })
}

/// The certificates that are trusted besides the system's.
pub(super) fn extra_ca(config: &Config) -> Result<Option<Vec<u8>>, Exit> {
    let Some(file) = &config.extra_ca else {
        return Ok(None);
    };
    let read = fs::read(file).map_err(|error| {
        Exit::usage(format!(
            "network.extra_ca: {} cannot be read: {error}",
            file.display()
        ))
    });
    read.map(Some)
}

/// The price file in force; `None` for the built-in one.
pub(crate) fn price_file(config: &Config) -> Option<PathBuf> {
    config.prices.clone().or_else(|| {
        let file = config.templates.as_ref()?.join("prices.toml");
        file.is_file().then_some(file)
    })
}

/// Reads a price file, or the built-in one.
pub(crate) fn prices(file: Option<&Path>) -> anyhow::Result<Prices> {
    match file {
        None => Prices::parse(built_in::PRICES),
        Some(file) => {
            let shown = file.display();
            let text = fs::read_to_string(file).with_context(|| format!("read {shown}"))?;
            Prices::parse(&text).with_context(|| shown.to_string())
        }
    }
}

/// A command as an agent: started by this program again, in a sandbox of the same engine.
fn command_agent(
    one: &AgentConfig,
    data: &DataDir,
    engine: &str,
    home: EngineHome<'_>,
) -> Result<CommandAgent, Exit> {
    let fault = |error: String| Exit::usage(format!("agent {}: {error}", one.name));
    let program = std::env::current_exe().map_err(|error| fault(error.to_string()))?;
    let empty = data.run().join("empty");
    fs::create_dir_all(&empty).map_err(|error| fault(error.to_string()))?;
    let mut limits = Limits::step();
    limits.wall = one.wall;
    limits.silence = Some(one.idle);
    let job = Job {
        name: format!(
            "agent-{}",
            one.name
                .to_lowercase()
                .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        ),
        lower: vec![empty],
        upper: Upper::Discard,
        toolchain: None,
        workdir: String::new(),
        argv: one.argv.clone(),
        env: BTreeMap::from([
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), "/tmp".to_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ]),
        binds: Vec::new(),
        out: None,
        network: Network::Open,
        registries: Policy::default(),
        stdin: Stdin::Empty,
        limits,
    };
    let path = data.run().join(format!("agent-{}.json", one.name));
    let mut file = serde_json::to_value(&job).map_err(|error| fault(error.to_string()))?;
    if let Some(map) = file.as_object_mut() {
        map.insert("engine".to_owned(), engine.into());
        // The daemon's own, so that its next start removes what a kill left behind.
        map.insert("state".to_owned(), home.state.display().to_string().into());
        map.insert("owner".to_owned(), home.owner.into());
    }
    fs::write(&path, file.to_string()).map_err(|error| fault(error.to_string()))?;
    let text = |path: &Path| path.display().to_string();
    Ok(CommandAgent {
        name: one.name.clone(),
        launcher: [&text(&program), "sandbox-exec", "--job", &text(&path)]
            .map(str::to_owned)
            .to_vec(),
        argv: Vec::new(),
        env: BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap_or_default())]),
        wall: one.wall,
        idle: one.idle,
        max_reply_bytes: one.max_reply_bytes,
    })
}
