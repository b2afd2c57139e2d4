//! Why there is no reply.

use std::io;
use std::time::Duration;

/// Why there is no reply. `agent` is always the agent's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// No reply is recorded for this attempt.
    #[error(
        "{agent} has no recorded reply for this attempt; it looked for {looked_for}: write that file, or hand \
         in a reply"
    )]
    Exhausted {
        /// Who.
        agent: String,
        /// The file that would hold it.
        looked_for: String,
    },
    /// The agent cannot work as it is set up.
    #[error("{agent} cannot be asked: {what}")]
    Misconfigured {
        /// Who.
        agent: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The command ended with a failure.
    #[error("{agent} ended with {end}; it said: {stderr}")]
    Failed {
        /// Who.
        agent: String,
        /// Its exit status.
        end: String,
        /// The end of what it wrote on standard error, made safe to show.
        stderr: String,
    },
    /// It ran longer than it may.
    #[error("{agent} gave no reply within {after:?}; it said: {stderr}")]
    TimedOut {
        /// Who.
        agent: String,
        /// The bound.
        after: Duration,
        /// The end of what it wrote on standard error, made safe to show.
        stderr: String,
    },
    /// It wrote nothing for longer than it may.
    #[error("{agent} was silent for {after:?}; it said: {stderr}")]
    Silent {
        /// Who.
        agent: String,
        /// The bound.
        after: Duration,
        /// The end of what it wrote on standard error, made safe to show.
        stderr: String,
    },
    /// Its reply is longer than it may be.
    #[error("{agent} wrote more than {limit} bytes")]
    TooLong {
        /// Who.
        agent: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The model's server could not do it now, or what it sent is no reply.
    #[error("{agent} got no reply: {what}")]
    Unanswered {
        /// Who.
        agent: String,
        /// What came instead, without any secret, and what to do.
        what: String,
    },
    /// The caller took the question back.
    #[error("{agent} was interrupted")]
    Cancelled {
        /// Who.
        agent: String,
    },
    /// The machine could not do it.
    #[error("{agent} could not be asked")]
    Io {
        /// Who.
        agent: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl AgentError {
    /// Whether the same question may be answered later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            AgentError::Exhausted { .. } | AgentError::Misconfigured { .. } => false,
            AgentError::Failed { .. }
            | AgentError::TimedOut { .. }
            | AgentError::Silent { .. }
            | AgentError::TooLong { .. }
            | AgentError::Unanswered { .. }
            | AgentError::Cancelled { .. }
            | AgentError::Io { .. } => true,
        }
    }
}
