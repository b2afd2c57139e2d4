//! Asks an agent and hands back its reply.
//!
//! An agent is anything that answers a prompt with Markdown: a model behind HTTP, recorded replies, a person or
//! program outside, a command. What the reply says is nobody's business here.

mod agent;
mod call;
mod command;
mod error;
mod model;
mod outside;
mod recorded;
mod tail;

pub use agent::{Agent, Answer, Hear, Limits, Request};
pub use call::{Call, CallEnd, Usage};
pub use command::CommandAgent;
pub use error::AgentError;
pub use model::{
    Cassettes, Dialect, Key, ModelAgent, ModelSettings, Network, Retry, Source, WrongUrl,
};
pub use outside::Outside;
pub use recorded::Recorded;
