//! What is configured about one agent.

use std::path::PathBuf;
use std::time::Duration;

use super::Secret;
use super::key::is_name;
use super::values::Values;
use crate::exit::Exit;

/// What an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentKind {
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
    /// What it is; `None` for one of the built-in agents.
    pub(crate) kind: Option<AgentKind>,
    /// The gates that it works at; empty for all.
    pub(crate) gates: Vec<String>,
    /// The folder of its recorded replies.
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
}

/// Reads all agents.
pub(super) fn agents(values: &Values) -> Result<Vec<AgentConfig>, Exit> {
    values
        .agents()
        .into_iter()
        .map(|name| agent(values, name))
        .collect()
}

fn agent(values: &Values, name: String) -> Result<AgentConfig, Exit> {
    debug_assert!(is_name(&name), "keys with other names are unknown");
    let key = |last: &str| format!("agents.{name}.{last}");
    let kind = values.text(&key("kind")).map(|word| match word.as_str() {
        "recorded" => AgentKind::Recorded,
        "command" => AgentKind::Command,
        _ => AgentKind::Outside,
    });
    let gates = values.list(&key("gates"));
    let is_gate = |text: &str| matches!(text.as_bytes(), [b'g', b'0'..=b'9']);
    if let Some(wrong) = gates.iter().find(|gate| !is_gate(gate)) {
        return Err(values.wrong(
            &key("gates"),
            &format!("takes gates g0 to g9, not {wrong:?}"),
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
        base_url: values.text(&key("base_url")),
        api_key: values.secret(&key("api_key")),
        model: values.text(&key("model")),
        name,
    })
}
