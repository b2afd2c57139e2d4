//! Agents, and what they were asked.

use serde::Serialize;
use utoipa::ToSchema;

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentCost {
    /// How much.
    pub amount: f64,
    /// Of what, as `USD`.
    pub currency: String,
}

/// One call of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentCall {
    /// How often the agent had answered with nothing before.
    pub ask: u8,
    /// The agent, as the configuration names it.
    pub agent: String,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The model that the server says has answered.
    pub served: Option<String>,
    /// `replied`, `cut`, `refused`, `failed`.
    pub outcome: String,
    /// Why there is no reply.
    pub fault: Option<String>,
    /// Tokens of the prompt; `null` when not known.
    pub input_tokens: Option<u64>,
    /// Tokens of the reply; `null` when not known.
    pub output_tokens: Option<u64>,
    /// Tokens of the prompt that came from a cache; `null` when not known.
    pub cached_tokens: Option<u64>,
    /// What it cost; `null` when not known.
    pub cost: Option<AgentCost>,
    /// How often it was tried.
    pub tries: u32,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// When it ended, RFC 3339.
    pub at: String,
}

/// What the calls of one agent and model at one gate come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentUsage {
    /// The role that it worked in.
    pub role: String,
    /// The agent, as the configuration names it.
    pub agent: String,
    /// The model; `null` for an agent without one.
    pub model: Option<String>,
    /// The gate.
    pub gate: String,
    /// Calls that ended.
    pub calls: u64,
    /// Those that ended with a whole reply.
    pub replied: u64,
    /// Those whose reply stops at a limit of tokens.
    pub cut: u64,
    /// Those that the model refused.
    pub refused: u64,
    /// Those without a reply.
    pub failed: u64,
    /// How often they were tried, all together.
    pub tries: u64,
    /// Attempts that came of them and that checks decided on.
    pub attempts: u64,
    /// Those of the attempts that were green.
    pub passed: u64,
    /// Tokens of prompts, as far as they are known.
    pub input_tokens: u64,
    /// Tokens of replies, as far as they are known.
    pub output_tokens: u64,
    /// Tokens of prompts that came from a cache, as far as they are known.
    pub cached_tokens: u64,
    /// What they cost, by currency, as far as it is known.
    pub costs: Vec<AgentCost>,
    /// Calls whose cost is not known.
    pub unpriced_calls: u64,
    /// Milliseconds, all together.
    pub millis: u64,
    /// Milliseconds of the longest call.
    pub longest_millis: u64,
}

/// What bounds an agent; the narrower of these and the configuration's own bounds counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentLimits {
    /// How many tokens a model may write in one reply.
    pub max_tokens: Option<u32>,
    /// Seconds that a reply may take.
    pub wall_s: Option<u32>,
    /// Seconds in which nothing may come.
    pub idle_s: Option<u32>,
    /// What one run may spend, in the currency of the price file.
    pub money: Option<f64>,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentSummary {
    /// Its role's name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The gates that it works at.
    pub gates: Vec<String>,
    /// Who is asked, in order, as `AGENT/MODEL`; where nobody is set up, `outside`.
    pub models: Vec<String>,
    /// Calls that ended.
    pub calls: u64,
    /// Those without a reply.
    pub failed_calls: u64,
    /// Attempts that came of them and that checks decided on.
    pub attempts: u64,
    /// Those of the attempts that were green.
    pub passed: u64,
}

/// An agent with its prompt and what its calls come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agent {
    /// Its role's name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The gates that it works at.
    pub gates: Vec<String>,
    /// Who is asked, in order, as `AGENT/MODEL`; where nobody is set up, `outside`.
    pub models: Vec<String>,
    /// What bounds it.
    pub limits: AgentLimits,
    /// What it is told, in Markdown.
    pub prompt: String,
    /// What its calls come to, by agent, model and gate.
    pub usage: Vec<AgentUsage>,
}
