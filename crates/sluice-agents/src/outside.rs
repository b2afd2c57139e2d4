//! The agent that is a person or a program elsewhere: it hands its reply in by itself.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Answer, Hear, Request};
use crate::error::AgentError;

/// Waits for a reply from outside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outside;

#[async_trait]
impl Agent for Outside {
    fn name(&self) -> &str {
        "outside"
    }

    async fn ask(
        &self,
        _: &Request,
        _: &dyn Hear,
        _: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        Ok(Answer::NotYet)
    }
}
