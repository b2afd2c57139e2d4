//! Asks an agent and hands back its reply.
//!
//! An agent is anything that answers a prompt with Markdown: recorded replies, a person or program outside, a
//! command. What the reply says is nobody's business here.

mod agent;
mod command;
mod error;
mod outside;
mod recorded;
mod tail;

pub use agent::{Agent, Answer, Hear, Request};
pub use command::CommandAgent;
pub use error::AgentError;
pub use outside::Outside;
pub use recorded::Recorded;
