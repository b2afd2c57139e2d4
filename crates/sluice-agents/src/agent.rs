//! The port: what is asked, and what can come back.

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::call::Call;
use crate::error::AgentError;

/// Bounds of one reply besides the agent's own; the narrower one counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many tokens a model may write.
    pub max_tokens: Option<u32>,
    /// How long the reply may take.
    pub wall: Option<Duration>,
    /// How long nothing may come.
    pub idle: Option<Duration>,
}

impl Limits {
    /// The narrower of the agent's own clock and this one.
    pub(crate) fn wall(&self, own: Duration) -> Duration {
        self.wall.map_or(own, |wall| wall.min(own))
    }

    /// The same for the clock of silence.
    pub(crate) fn idle(&self, own: Duration) -> Duration {
        self.idle.map_or(own, |idle| idle.min(own))
    }
}

/// What an agent is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The project.
    pub project: String,
    /// The gate, `g0` to `g9`.
    pub gate: String,
    /// The run's id. With the attempt it names the request, so that a repeat can be known.
    pub run: String,
    /// The attempt that the reply makes; 0 is the first.
    pub attempt: u16,
    /// How often a person has answered for this run so far.
    pub answers: u16,
    /// How it is asked; the machine's word for it.
    pub strategy: String,
    /// The whole prompt.
    pub prompt: String,
    /// Which model is asked, in place of the agent's own. An agent that is no model leaves it aside.
    pub model: Option<String>,
    /// What bounds the reply.
    pub limits: Limits,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The agent's reply.
    Reply {
        /// The Markdown. It may be empty.
        text: String,
        /// The model that wrote it, where known.
        model: Option<String>,
        /// What a person should know about how it came, such as bytes that were not UTF-8.
        note: Option<String>,
    },
    /// The reply will come from outside; there is nothing to do now.
    NotYet,
}

impl Answer {
    /// A reply of raw bytes. What is not UTF-8 becomes U+FFFD and is noted, never refused.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Answer {
        let (text, note) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let note =
                    format!("the reply is not UTF-8 from byte {at}; what is not became U+FFFD");
                (text, Some(note))
            }
        };
        let model = None;
        Answer::Reply { text, model, note }
    }
}

/// Hears a reply while it is being written.
pub trait Hear: Send + Sync {
    /// More of the reply, in order, cut anywhere. What was heard is worth nothing until the whole has come.
    fn hear(&self, bytes: &[u8]);

    /// What was heard so far is no reply; another one begins.
    fn again(&self) {}

    /// A call has ended, with a reply or without.
    fn called(&self, _: Call) {}
}

/// Nobody listens.
impl Hear for () {
    fn hear(&self, _: &[u8]) {}
}

/// Answers prompts.
#[async_trait]
pub trait Agent: Send + Sync {
    /// The agent's name, as commits and proofs carry it.
    fn name(&self) -> &str;

    /// The model that it asks where a request names no other; `None` for what is no model.
    fn model(&self) -> Option<&str> {
        None
    }

    /// Asks. A request may be repeated after a crash; when this returns, or is dropped, nothing of it is left
    /// running. An agent whose reply comes in pieces tells each to `heard`.
    ///
    /// # Errors
    /// No reply: [`AgentError::is_passing`] tells whether to ask again later. None of this is the agent's
    /// verdict about its work, so no attempt is spent.
    async fn ask(
        &self,
        request: &Request,
        heard: &dyn Hear,
        cancel: &CancellationToken,
    ) -> Result<Answer, AgentError>;
}
