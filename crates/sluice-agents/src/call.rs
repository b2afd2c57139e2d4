//! One call of an agent, as it is counted.

use std::time::Duration;

/// Tokens, as far as the server named them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, those from a cache among them.
    pub input: Option<u64>,
    /// Tokens that were written, those of thinking among them.
    pub output: Option<u64>,
    /// Tokens of the prompt that came from the server's cache.
    pub cached: Option<u64>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// With a whole reply.
    Replied,
    /// With a reply that stops at a limit of tokens.
    Cut,
    /// With a refusal in place of a reply.
    Refused,
    /// Without a reply.
    Failed,
}

impl CallEnd {
    /// The word in events and statistics.
    pub fn as_str(self) -> &'static str {
        match self {
            CallEnd::Replied => "replied",
            CallEnd::Cut => "cut",
            CallEnd::Refused => "refused",
            CallEnd::Failed => "failed",
        }
    }
}

/// One call, with all its tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The agent's name.
    pub agent: String,
    /// The model that was asked for, where the agent has one.
    pub model: Option<String>,
    /// The model that the server says has answered.
    pub served: Option<String>,
    /// How it ended.
    pub end: CallEnd,
    /// What it used; nothing is known of a call that failed early.
    pub usage: Usage,
    /// How often it was tried.
    pub tries: u32,
    /// How long it took, waits between tries among it.
    pub took: Duration,
}
