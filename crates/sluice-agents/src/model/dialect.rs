//! Which of the two ways of speaking a server understands, and where it is spoken to.

use serde_json::Value;
use url::Url;

use super::openai::Quirks;
use super::sse::SseEvent;
use super::trouble::Trouble;
use super::written::Written;
use super::{anthropic, openai};

/// How a model's server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat completions.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

/// A text that is no address of a model's server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongUrl(String);

/// Where one server is spoken to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) dialect: Dialect,
    /// The address of the call itself.
    pub(crate) url: Url,
    quirks: Quirks,
}

impl Place {
    /// From the address that a person wrote: with or without `/v1`, or the whole address of the call.
    pub(crate) fn new(base_url: &str, dialect: Option<Dialect>) -> Result<Place, WrongUrl> {
        let example = "http://127.0.0.1:8080/v1 or https://api.openai.com/v1";
        let mut url = Url::parse(base_url.trim())
            .map_err(|_| WrongUrl(format!("takes an address as in {example}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(WrongUrl(format!(
                "takes an address that begins with http:// or https://, as in {example}"
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WrongUrl(
                "takes an address without a user or password; put the key into api_key".to_owned(),
            ));
        }
        url.set_fragment(None);
        let host = url.host_str().unwrap_or_default().to_owned();
        let path = url.path().trim_end_matches('/').to_owned();
        let is_anthropic = host == "anthropic.com"
            || host.ends_with(".anthropic.com")
            || path.ends_with("/messages")
            || path.contains("/anthropic");
        let dialect = dialect.unwrap_or(match is_anthropic {
            true => Dialect::Anthropic,
            false => Dialect::OpenAi,
        });
        let call = match dialect {
            Dialect::OpenAi => "/chat/completions",
            Dialect::Anthropic => "/messages",
        };
        let path = if path.ends_with(call) {
            path
        } else if path.is_empty() || (dialect == Dialect::Anthropic && !path.ends_with("/v1")) {
            format!("{path}/v1{call}")
        } else {
            format!("{path}{call}")
        };
        url.set_path(&path);
        Ok(Place {
            dialect,
            url,
            quirks: Quirks::of(&host),
        })
    }

    /// The address without what may hold a secret.
    pub(crate) fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.to_string()
    }

    /// The headers of a request besides those of every HTTP client.
    pub(crate) fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = match self.dialect {
            Dialect::OpenAi => Vec::new(),
            Dialect::Anthropic => vec![("anthropic-version", anthropic::VERSION.to_owned())],
        };
        match (self.dialect, key) {
            (Dialect::OpenAi, Some(key)) => {
                headers.push(("authorization", format!("Bearer {key}")))
            }
            (Dialect::Anthropic, Some(key)) => headers.push(("x-api-key", key.to_owned())),
            (_, None) => {}
        }
        headers
    }

    /// The body of a request.
    pub(crate) fn body(&self, model: &str, prompt: &str, max_tokens: Option<u32>) -> Value {
        match self.dialect {
            Dialect::OpenAi => openai::body(model, prompt, max_tokens, self.quirks),
            Dialect::Anthropic => anthropic::body(model, prompt, max_tokens),
        }
    }

    /// Reads one event of the answer.
    pub(crate) fn read(
        &self,
        event: &SseEvent,
        written: &mut Written,
    ) -> Result<Option<String>, Trouble> {
        match self.dialect {
            Dialect::OpenAi if event.name == "error" => Err(Trouble::Broken(format!(
                "its server sent an error in the stream: {}",
                event.data
            ))),
            Dialect::OpenAi => openai::read(&event.data, written),
            Dialect::Anthropic => anthropic::read(&event.data, written),
        }
    }

    /// Reads an answer that came whole.
    pub(crate) fn whole(
        &self,
        answer: &Value,
        written: &mut Written,
    ) -> Result<Option<String>, Trouble> {
        match self.dialect {
            Dialect::OpenAi => openai::whole(answer, written),
            Dialect::Anthropic => anthropic::whole(answer, written),
        }
    }
}

#[cfg(test)]
mod tests;
