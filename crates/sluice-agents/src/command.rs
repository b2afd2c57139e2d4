//! The agent that is a command: the prompt on its standard input, the reply on its standard output.

use std::collections::BTreeMap;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use tokio_process_stream::{Item, ProcessChunkStream};
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Answer, Hear, Request};
use crate::error::AgentError;
use crate::tail::Tail;

/// How long a command that is told to end may tidy up before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked whether the command has ended while something it started holds its output open.
const LOOK: Duration = Duration::from_millis(100);

/// Any command as an agent.
///
/// ## Security
/// The command runs as it is given: what bounds it is the sandbox that `launcher` starts it in.
#[derive(Debug, Clone)]
pub struct CommandAgent {
    /// The agent's name.
    pub name: String,
    /// What starts the command in a sandbox; it comes before `argv`. Empty runs the command bare.
    pub launcher: Vec<String>,
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// The whole environment; nothing of the daemon's own is added.
    pub env: BTreeMap<String, String>,
    /// How long a reply may take.
    pub wall: Duration,
    /// How long it may write nothing, neither reply nor error output.
    pub idle: Duration,
    /// The longest reply, in bytes.
    pub max_reply_bytes: usize,
}

#[async_trait]
impl Agent for CommandAgent {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ask(
        &self,
        request: &Request,
        heard: &dyn Hear,
        cancel: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        let mut asked = self.start(&request.prompt)?;
        let within = CommandAgent {
            wall: request.limits.wall(self.wall),
            idle: request.limits.idle(self.idle),
            ..self.clone()
        };
        let why = asked.listen(&within, heard, cancel).await;
        let status = match why {
            Stop::Ended(status) => status,
            Stop::Cancelled | Stop::TimedOut | Stop::Silent | Stop::TooLong => {
                asked.end().await;
                return Err(within.stopped(&why, &asked.stderr));
            }
        };
        let status = status.map_err(|source| self.io(source))?;
        if !status.success() {
            return Err(AgentError::Failed {
                agent: self.name.clone(),
                end: status.to_string(),
                stderr: asked.stderr.text(),
            });
        }
        Ok(Answer::from_bytes(std::mem::take(&mut asked.reply)))
    }
}

impl CommandAgent {
    fn start(&self, prompt: &str) -> Result<Asked, AgentError> {
        let mut words = self.launcher.iter().chain(&self.argv);
        let program = words.next().ok_or_else(|| {
            self.misconfigured("its command is empty; name a program and its arguments")
        })?;
        let mut child = Command::new(program)
            .args(words)
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what it starts can be ended with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => self.misconfigured(&format!(
                    "{program} is not there; install it, or give its absolute path"
                )),
                io::ErrorKind::PermissionDenied => {
                    self.misconfigured(&format!("{program} is not a program that may be run"))
                }
                _ => self.io(source),
            })?;
        let group = child
            .id()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(mut stdin) = child.stdin.take() {
            let prompt = prompt.to_owned();
            // Beside the reading: a command that writes before it has read all would wait for us for ever. One
            // that does not read to the end breaks the pipe, which is its own affair.
            tokio::spawn(async move {
                if stdin.write_all(prompt.as_bytes()).await.is_ok() {
                    drop(stdin.shutdown().await);
                }
            });
        }
        Ok(Asked {
            stream: ProcessChunkStream::from(child),
            group: Group(group),
            reply: Vec::new(),
            stderr: Tail::default(),
        })
    }

    fn stopped(&self, why: &Stop, stderr: &Tail) -> AgentError {
        let agent = self.name.clone();
        match why {
            Stop::TimedOut => AgentError::TimedOut {
                agent,
                after: self.wall,
                stderr: stderr.text(),
            },
            Stop::Silent => AgentError::Silent {
                agent,
                after: self.idle,
                stderr: stderr.text(),
            },
            Stop::TooLong => AgentError::TooLong {
                agent,
                limit: self.max_reply_bytes,
            },
            Stop::Cancelled | Stop::Ended(_) => AgentError::Cancelled { agent },
        }
    }

    fn misconfigured(&self, what: &str) -> AgentError {
        AgentError::Misconfigured {
            agent: self.name.clone(),
            what: what.to_owned(),
        }
    }

    fn io(&self, source: io::Error) -> AgentError {
        AgentError::Io {
            agent: self.name.clone(),
            source,
        }
    }
}

/// Why listening stopped.
enum Stop {
    Ended(io::Result<ExitStatus>),
    Cancelled,
    TimedOut,
    Silent,
    TooLong,
}

/// A command that was asked.
struct Asked {
    stream: ProcessChunkStream,
    group: Group,
    reply: Vec<u8>,
    stderr: Tail,
}

impl Asked {
    async fn listen(
        &mut self,
        agent: &CommandAgent,
        heard: &dyn Hear,
        cancel: &CancellationToken,
    ) -> Stop {
        let end = Instant::now() + agent.wall;
        let mut quiet_until = Instant::now() + agent.idle;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left_behind: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Stop::Cancelled,
                () = sleep_until(end) => return Stop::TimedOut,
                item = self.stream.next() => match item {
                    Some(Item::Stdout(bytes)) => {
                        if self.reply.len() + bytes.len() > agent.max_reply_bytes {
                            return Stop::TooLong;
                        }
                        heard.hear(&bytes);
                        self.reply.extend_from_slice(&bytes);
                        quiet_until = Instant::now() + agent.idle;
                    }
                    Some(Item::Stderr(bytes)) => {
                        self.stderr.push(&bytes);
                        quiet_until = Instant::now() + agent.idle;
                    }
                    Some(Item::Done(status)) => return Stop::Ended(status),
                    None => return Stop::Ended(Err(io::ErrorKind::UnexpectedEof.into())),
                },
                _ = look.tick() => {
                    let Some(Ok(Some(status))) =
                        self.stream.child_mut().map(|child| child.try_wait())
                    else {
                        continue;
                    };
                    // The command has ended and something that it started still holds its output: that is
                    // ended too, and what it wrote is read to the end, for a moment.
                    let since = *left_behind.get_or_insert_with(Instant::now);
                    self.group.signal(Signal::KILL);
                    if since.elapsed() > GRACE {
                        return Stop::Ended(Ok(status));
                    }
                },
                () = sleep_until(quiet_until) => return Stop::Silent,
            }
        }
    }

    /// Ends the command and all that it started: asked first, so that a launcher can tidy up, then killed.
    async fn end(&mut self) {
        self.group.signal(Signal::TERM);
        let end = Instant::now() + GRACE;
        while let Ok(Some(item)) = timeout_at(end, self.stream.next()).await {
            if let Item::Stderr(bytes) = item {
                self.stderr.push(&bytes);
            }
        }
        self.group.signal(Signal::KILL);
        if let Some(child) = self.stream.child_mut() {
            // Reaps it. It was killed, so this does not wait; should it hang in the kernel, nobody waits for it.
            drop(timeout_at(Instant::now() + GRACE, child.wait()).await);
        }
    }
}

/// A process group that does not outlive its owner.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // There is nothing to do about a group that is gone.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests;
