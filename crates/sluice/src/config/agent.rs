//! What is configured about one agent.

use std::path::PathBuf;
use std::time::Duration;

use sluice_agents::Dialect;

use super::Secret;
use super::key::is_name;
use super::values::Values;
use crate::exit::Exit;

/// What an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentKind {
    /// A model behind HTTP.
    Model,
    /// Recorded exchanges with a model.
    Replay,
    /// A folder of recorded replies.
    Recorded,
    /// A command.
    Command,
    /// A person or a program that hands its replies in.
    Outside,
}

/// One agent.
#[derive(Debug, Clone)]
pub(crate) struct AgentConfig {
    /// Its name.
    pub(crate) name: String,
    /// What it is; `None` when nothing that is set says so.
    pub(crate) kind: Option<AgentKind>,
    /// The gates that it works at; empty for all.
    pub(crate) gates: Vec<String>,
    /// The folder of its recorded replies or exchanges.
    pub(crate) dir: Option<PathBuf>,
    /// Its command.
    pub(crate) argv: Vec<String>,
    /// How long a reply may take.
    pub(crate) wall: Duration,
    /// How long it may be silent.
    pub(crate) idle: Duration,
    /// Where its model is reached.
    pub(crate) base_url: Option<String>,
    /// The key for it.
    pub(crate) api_key: Option<Secret>,
    /// The model.
    pub(crate) model: Option<String>,
    /// How its server is spoken to; guessed when not given.
    pub(crate) dialect: Option<Dialect>,
    /// Who is asked when it cannot answer.
    pub(crate) fallback: Vec<String>,
    /// How many tokens it may write.
    pub(crate) max_tokens: Option<u32>,
    /// The longest reply, in bytes.
    pub(crate) max_reply_bytes: usize,
    /// What one run may spend on it.
    pub(crate) money: Option<f64>,
    /// How long connecting may take.
    pub(crate) connect: Duration,
    /// How often a request is tried again.
    pub(crate) retries: u32,
    /// Where its exchanges are recorded.
    pub(crate) record: Option<PathBuf>,
}

/// Reads all agents.
pub(super) fn agents(values: &Values) -> Result<Vec<AgentConfig>, Exit> {
    values
        .names("agents")
        .into_iter()
        .map(|name| agent(values, name))
        .collect()
}

fn agent(values: &Values, name: String) -> Result<AgentConfig, Exit> {
    debug_assert!(is_name(&name), "keys with other names are unknown");
    let key = |last: &str| format!("agents.{name}.{last}");
    let kind = values.text(&key("kind")).map(|word| match word.as_str() {
        "model" => AgentKind::Model,
        "replay" => AgentKind::Replay,
        "recorded" => AgentKind::Recorded,
        "command" => AgentKind::Command,
        _ => AgentKind::Outside,
    });
    let base_url = values.text(&key("base_url"));
    // An address is enough to say what it is.
    let kind = kind.or(base_url.as_ref().map(|_| AgentKind::Model));
    let gates = values.list(&key("gates"));
    let is_gate = |text: &str| matches!(text.as_bytes(), [b'g', b'0'..=b'9']);
    if let Some(wrong) = gates.iter().find(|gate| !is_gate(gate)) {
        return Err(values.wrong(
            &key("gates"),
            &format!("takes gates g0 to g9, not {wrong:?}"),
        ));
    }
    let fallback = values.list(&key("fallback"));
    let is_choice = |text: &str| is_name(text.split('/').next().unwrap_or_default());
    if let Some(wrong) = fallback.iter().find(|one| !is_choice(one)) {
        return Err(values.wrong(
            &key("fallback"),
            &format!("takes AGENT or AGENT/MODEL, as in \"local\" or \"openrouter/maker/model\", not {wrong:?}"),
        ));
    }
    let dir = values.path(&key("dir"));
    let argv = values.list(&key("argv"));
    let needed = |what: &str, because: &str| {
        let origin = values.origin(&key("kind"));
        Err(Exit::usage(format!(
            "{origin}: {} is missing; an agent of kind {because} needs it",
            key(what)
        )))
    };
    match kind {
        Some(AgentKind::Recorded) if dir.is_none() => return needed("dir", "recorded"),
        Some(AgentKind::Replay) if dir.is_none() => return needed("dir", "replay"),
        Some(AgentKind::Model) if base_url.is_none() => return needed("base_url", "model"),
        Some(AgentKind::Command) if argv.is_empty() => return needed("argv", "command"),
        _ => {}
    }
    let day = 24 * 3600_u64;
    Ok(AgentConfig {
        kind,
        gates,
        dir,
        argv,
        wall: Duration::from_secs(values.number(&key("wall_s"), 1800, 1..=day)?),
        idle: Duration::from_secs(values.number(&key("idle_s"), 600, 1..=day)?),
        base_url,
        api_key: values.secret(&key("api_key")),
        model: values.text(&key("model")),
        dialect: values
            .text(&key("dialect"))
            .map(|word| match word.as_str() {
                "anthropic" => Dialect::Anthropic,
                _ => Dialect::OpenAi,
            }),
        fallback,
        max_tokens: match values.number(&key("max_tokens"), 0, 1..=10_000_000)? {
            0 => None,
            tokens => Some(tokens),
        },
        max_reply_bytes: values.number(&key("max_reply_mib"), 16, 1..=64)? << 20,
        money: values.decimal(&key("money_per_run"), 0.0..=1e6)?,
        connect: Duration::from_secs(values.number(&key("connect_s"), 30, 1..=3600)?),
        retries: values.number(&key("retries"), 3, 0..=20)?,
        record: values.path(&key("record")),
        name,
    })
}
