//! The agent that plays recorded replies: a folder of Markdown, one file per gate and attempt.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Answer, Hear, Request};
use crate::error::AgentError;

/// Plays recorded replies. The reply to attempt `n` of gate `g` is the file `g/n.md`; attempts are counted
/// through the whole run, over every answer of a person.
#[derive(Debug, Clone)]
pub struct Recorded {
    name: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Folder(PathBuf),
    Embedded(BTreeMap<String, String>),
}

impl Recorded {
    /// Plays the files of a folder. They are read when they are asked for.
    pub fn folder(name: impl Into<String>, folder: impl Into<PathBuf>) -> Recorded {
        Recorded {
            name: name.into(),
            source: Source::Folder(folder.into()),
        }
    }

    /// Plays texts that the program carries, by path, such as `g5/0.md`.
    pub fn embedded<P: Into<String>, T: Into<String>>(
        name: impl Into<String>,
        texts: impl IntoIterator<Item = (P, T)>,
    ) -> Recorded {
        let texts = texts
            .into_iter()
            .map(|(path, text)| (path.into(), text.into()))
            .collect();
        Recorded {
            name: name.into(),
            source: Source::Embedded(texts),
        }
    }

    fn exhausted(&self, looked_for: String) -> AgentError {
        AgentError::Exhausted {
            agent: self.name.clone(),
            looked_for,
        }
    }
}

#[async_trait]
impl Agent for Recorded {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ask(
        &self,
        request: &Request,
        _: &dyn Hear,
        _: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        // The gate becomes a folder's name; nothing but the ids of gates is one.
        if request.gate.is_empty() || !request.gate.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(AgentError::Misconfigured {
                agent: self.name.clone(),
                what: format!("{:?} is not a gate; gates are g0 to g9", request.gate),
            });
        }
        let path = format!("{}/{}.md", request.gate, request.attempt);
        let bytes = match &self.source {
            Source::Embedded(texts) => match texts.get(&path) {
                Some(text) => text.clone().into_bytes(),
                None => return Err(self.exhausted(format!("{path} among the built-in replies"))),
            },
            Source::Folder(folder) => {
                let file = folder.join(&path);
                tokio::fs::read(&file).await.map_err(|source| {
                    if source.kind() == io::ErrorKind::NotFound {
                        self.exhausted(file.display().to_string())
                    } else {
                        AgentError::Io {
                            agent: self.name.clone(),
                            source,
                        }
                    }
                })?
            }
        };
        Ok(Answer::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests;
