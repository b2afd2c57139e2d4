//! The agent that is a model behind HTTP.

mod anthropic;
mod cassette;
mod dialect;
mod key;
mod live;
mod openai;
mod record;
mod replay;
mod sse;
mod status;
mod transport;
mod trouble;
mod wait;
mod written;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Answer, Hear, Request};
use crate::call::{Call, CallEnd};
use crate::error::AgentError;
use dialect::Place;
use live::Live;
use record::Record;
use sse::Sse;
use status::refused;
use transport::{Came, Headers, Transport, Wanted};
use trouble::{Trouble, said};
use wait::retry_after;
use written::Written;

pub use dialect::{Dialect, WrongUrl};
pub use key::Key;
pub use live::Network;
pub use replay::Cassettes;
pub use wait::Retry;

/// How much of an answer that is an error is read, in bytes.
const ERROR_BYTES: usize = 64 << 10;

/// What a model agent is made from.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// The agent's name.
    pub name: String,
    /// Where its server is: with or without `/v1`, or the whole address of the call.
    pub base_url: String,
    /// How it is spoken to; guessed from the address when not given.
    pub dialect: Option<Dialect>,
    /// The key, where the server wants one.
    pub api_key: Option<Key>,
    /// The model that is asked where a request names no other.
    pub model: String,
    /// How many tokens it may write; the server's own limit when not given.
    pub max_tokens: Option<u32>,
    /// How long connecting may take.
    pub connect: Duration,
    /// How long not a byte may come.
    pub idle: Duration,
    /// How long a reply may take, with all its tries.
    pub wall: Duration,
    /// The longest reply, in bytes.
    pub max_reply_bytes: usize,
    /// When a request is tried again.
    pub retry: Retry,
}

/// Where a model agent's answers come from.
#[derive(Debug)]
pub enum Source {
    /// The network.
    Live(Network),
    /// The network, with every exchange kept in a folder, without the key.
    Record(Network, PathBuf),
    /// Recorded exchanges.
    Replay(Cassettes),
}

/// A model as an agent.
///
/// ## Security
/// The key is sent to the configured address only, over no redirect, and stands in no error and no record.
pub struct ModelAgent {
    settings: ModelSettings,
    place: Place,
    transport: Box<dyn Transport>,
}

impl ModelAgent {
    /// Sets an agent up; connects to nothing yet.
    ///
    /// # Errors
    /// [`AgentError::Misconfigured`]: the address, the certificates, a proxy, or the folder for records.
    pub fn new(settings: ModelSettings, source: Source) -> Result<ModelAgent, AgentError> {
        let wrong = |what: String| AgentError::Misconfigured {
            agent: settings.name.clone(),
            what,
        };
        let place = Place::new(&settings.base_url, settings.dialect)
            .map_err(|error| wrong(format!("agents.{}.base_url {error}", settings.name)))?;
        let live = |network: &Network| {
            let live = Live::new(&place.url, settings.connect, network).map_err(wrong)?;
            Ok::<Box<dyn Transport>, AgentError>(Box::new(live))
        };
        let transport: Box<dyn Transport> = match source {
            Source::Live(network) => live(&network)?,
            Source::Record(network, folder) => {
                let key = settings.api_key.clone();
                Box::new(Record::new(live(&network)?, folder, key).map_err(wrong)?)
            }
            Source::Replay(cassettes) => Box::new(cassettes),
        };
        Ok(ModelAgent {
            settings,
            place,
            transport,
        })
    }
}

#[async_trait]
impl Agent for ModelAgent {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn model(&self) -> Option<&str> {
        Some(&self.settings.model)
    }

    async fn ask(
        &self,
        request: &Request,
        heard: &dyn Hear,
        cancel: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        let began = Instant::now();
        let mut asking = Asking::new(self, request, heard);
        let done = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(AgentError::Cancelled { agent: self.settings.name.clone() }),
            done = asking.tries() => done,
        };
        let end = match &done {
            Ok(()) => asking.written.end.unwrap_or(CallEnd::Replied),
            Err(_) => CallEnd::Failed,
        };
        heard.called(Call {
            agent: self.settings.name.clone(),
            model: Some(asking.model.clone()),
            served: asking.written.served.take(),
            end,
            usage: asking.written.usage,
            tries: asking.tries,
            took: began.elapsed(),
        });
        done?;
        Ok(asking.answer(end))
    }
}

/// One call, as far as it is.
struct Asking<'a> {
    agent: &'a ModelAgent,
    heard: &'a dyn Hear,
    model: String,
    wanted: Wanted,
    max_tokens: Option<u32>,
    idle: Duration,
    wall: Duration,
    tries: u32,
    written: Written,
}

impl<'a> Asking<'a> {
    fn new(agent: &'a ModelAgent, request: &Request, heard: &'a dyn Hear) -> Asking<'a> {
        let settings = &agent.settings;
        let limits = request.limits;
        let model = request.model.clone();
        let model = model.unwrap_or_else(|| settings.model.clone());
        let max_tokens = [settings.max_tokens, limits.max_tokens];
        let max_tokens = max_tokens.into_iter().flatten().min();
        let key = settings.api_key.as_ref().map(Key::expose);
        let wanted = Wanted {
            url: agent.place.url.clone(),
            headers: Headers(agent.place.headers(key)),
            body: agent.place.body(&model, &request.prompt, max_tokens),
        };
        Asking {
            agent,
            heard,
            model,
            wanted,
            max_tokens,
            idle: limits.idle(settings.idle),
            wall: limits.wall(settings.wall),
            tries: 0,
            written: Written::default(),
        }
    }

    /// Tries until there is a reply, or no sense in another try. Once something was written nothing is tried
    /// again here: what was paid for is not thrown away in silence.
    async fn tries(&mut self) -> Result<(), AgentError> {
        let end = Instant::now() + self.wall;
        loop {
            self.tries += 1;
            self.written = Written::default();
            let trouble = match timeout_at(end, self.once()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(trouble)) => trouble,
                Err(_) => {
                    let name = &self.agent.settings.name;
                    let so_far = self.so_far();
                    return Err(self.unanswered(format!(
                        "the reply was not whole after {:?} ({so_far}); the clock is agents.{name}.wall_s, or limits.wall_s of the agent's file",
                        self.wall
                    )));
                }
            };
            let retry = self.agent.settings.retry;
            let (what, after) = match trouble {
                Trouble::Passing { what, after } => (what, after),
                Trouble::Broken(what) => return Err(self.unanswered(what)),
                Trouble::Wrong(what) => {
                    let agent = self.agent.settings.name.clone();
                    return Err(AgentError::Misconfigured { agent, what });
                }
                Trouble::TooLong => {
                    return Err(AgentError::TooLong {
                        agent: self.agent.settings.name.clone(),
                        limit: self.agent.settings.max_reply_bytes,
                    });
                }
            };
            if !self.written.text.is_empty() {
                return Err(self.unanswered(format!("{what}, {}", self.so_far())));
            }
            let wait = after.unwrap_or_else(|| retry.after(self.tries));
            if let Some(after) = after.filter(|after| *after > retry.longest) {
                return Err(self.unanswered(format!(
                    "{what}; it asks to wait for {after:?}, and {:?} is the longest wait",
                    retry.longest
                )));
            }
            if self.tries > retry.most || Instant::now() + wait >= end {
                let times = match self.tries {
                    1 => "once".to_owned(),
                    many => format!("{many} times"),
                };
                return Err(self.unanswered(format!("{what}; it was tried {times}")));
            }
            sleep(wait).await;
        }
    }

    async fn once(&mut self) -> Result<(), Trouble> {
        let sent = self.agent.transport.send(&self.wanted);
        let mut came = match timeout(self.idle, sent).await {
            Ok(came) => came?,
            Err(_) => return Err(self.silent()),
        };
        if came.status != 200 {
            let body = self.body(&mut came, ERROR_BYTES).await.unwrap_or_default();
            let key = self.agent.settings.api_key.as_ref().map(Key::expose);
            let said = said(&String::from_utf8_lossy(&body), key);
            let after = came.headers.retry_after.as_deref();
            let after = after.and_then(|value| retry_after(value, SystemTime::now()));
            return Err(refused(self.agent, &self.model, &came, &said, after));
        }
        let kind = came.headers.content_type.as_deref().unwrap_or_default();
        if kind.starts_with("application/json") {
            let limit = self.agent.settings.max_reply_bytes.saturating_mul(2);
            let body = self.body(&mut came, limit).await?;
            let answer = serde_json::from_slice(&body)
                .map_err(|_| Trouble::passing("its server sent an answer that is no JSON"))?;
            let text = self.agent.place.whole(&answer, &mut self.written)?;
            self.take(text)?;
        } else {
            // The text of a JSON string may be several times as long as what it stands for.
            let mut sse = Sse::new(self.agent.settings.max_reply_bytes.saturating_mul(2));
            while !self.written.is_done {
                let Some(piece) = self.piece(&mut came).await? else {
                    break;
                };
                let events = sse.push(&piece).map_err(|_| Trouble::TooLong)?;
                for event in events {
                    let text = self.agent.place.read(&event, &mut self.written)?;
                    self.take(text)?;
                }
            }
        }
        if self.written.end.is_none() && !self.written.is_done {
            return Err(Trouble::passing(
                "the stream ended before the reply was whole",
            ));
        }
        Ok(())
    }

    fn take(&mut self, text: Option<String>) -> Result<(), Trouble> {
        let Some(text) = text else { return Ok(()) };
        if self.written.text.len() + text.len() > self.agent.settings.max_reply_bytes {
            return Err(Trouble::TooLong);
        }
        self.heard.hear(text.as_bytes());
        self.written.text.push_str(&text);
        Ok(())
    }

    /// The next piece of the body, within the idle clock.
    async fn piece(&self, came: &mut Came) -> Result<Option<Bytes>, Trouble> {
        match timeout(self.idle, came.pieces.next()).await {
            Ok(piece) => piece.transpose(),
            Err(_) => Err(self.silent()),
        }
    }

    async fn body(&self, came: &mut Came, limit: usize) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece(came).await? {
            if body.len() + piece.len() > limit {
                return Err(Trouble::TooLong);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// A server that is silent once is not asked again at once: it was given its time.
    fn silent(&self) -> Trouble {
        let name = &self.agent.settings.name;
        Trouble::Broken(format!(
            "its server sent nothing for {:?} ({}); the clock is agents.{name}.idle_s, or limits.idle_s of the agent's file",
            self.idle,
            self.so_far()
        ))
    }

    fn so_far(&self) -> String {
        format!("{} bytes of it had come", self.written.text.len())
    }

    fn unanswered(&self, what: String) -> AgentError {
        AgentError::Unanswered {
            agent: self.agent.settings.name.clone(),
            what,
        }
    }

    fn answer(self, end: CallEnd) -> Answer {
        let Written { text, refusal, .. } = self.written;
        let name = &self.agent.settings.name;
        let note = match end {
            CallEnd::Cut => Some(match self.max_tokens {
                Some(tokens) => format!(
                    "the reply is cut: the model stopped at its limit, {tokens} tokens; raise agents.{name}.max_tokens or limits.max_tokens of the agent's file"
                ),
                None => format!(
                    "the reply is cut: the model stopped at its limit of tokens; its context may be too small, or set agents.{name}.max_tokens"
                ),
            }),
            CallEnd::Refused => Some("the model refused to reply, or its server did".to_owned()),
            CallEnd::Replied | CallEnd::Failed => None,
        };
        // What a model says in place of a reply is its reply.
        let text = match text.is_empty() {
            true => refusal,
            false => text,
        };
        Answer::Reply {
            text,
            model: Some(self.model),
            note,
        }
    }
}

#[cfg(test)]
mod tests;
