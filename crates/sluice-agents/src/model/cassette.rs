//! The file of one recorded exchange: JSON lines for the request, the head of the answer, each piece, the end.
//!
//! ```text
//! {"format":"sluice-cassette/v1","method":"POST","path":"/v1/chat/completions","sha256":"…","body":{…}}
//! {"status":200,"content_type":"text/event-stream"}
//! {"ms":41,"text":"data: {…}\n\n"}
//! {"end":"whole"}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::transport::Heads;

/// The format's name.
const FORMAT: &str = "sluice-cassette/v1";

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    format: String,
    method: String,
    path: String,
    /// What the request is found by.
    pub(crate) sha256: String,
    pub(crate) body: Value,
}

/// The second line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Head {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

/// A piece of the body, with the milliseconds since the request was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Piece {
    ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// In place of `text` where the piece is not UTF-8, as when a character was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub(crate) enum End {
    /// The body ended.
    Whole,
    /// Nobody wanted more of it: the reply was whole, or given up.
    Left,
    /// The connection broke.
    Broken {
        /// How.
        what: String,
    },
}

/// One exchange.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cassette {
    pub(crate) asked: Asked,
    pub(crate) status: u16,
    pub(crate) headers: Heads,
    pub(crate) pieces: Vec<(u64, Vec<u8>)>,
    pub(crate) end: End,
}

impl Asked {
    /// A request without its host and its headers: what may be kept, and what it is found by.
    pub(crate) fn new(url: &Url, body: &Value) -> Asked {
        let path = url.path().to_owned();
        let named = json!({ "method": "POST", "path": path, "body": body });
        let digest = Sha256::digest(sorted(&named).to_string().as_bytes());
        Asked {
            format: FORMAT.to_owned(),
            method: "POST".to_owned(),
            path,
            sha256: hex::encode(digest),
            body: body.clone(),
        }
    }
}

/// The same value with the keys of every object in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

impl Cassette {
    /// The file's text. `secret` stands nowhere in it.
    pub(crate) fn to_text(&self, secret: Option<&str>) -> String {
        let head = Head {
            status: self.status,
            content_type: self.headers.content_type.clone(),
            retry_after: self.headers.retry_after.clone(),
            location: self.headers.location.clone(),
        };
        let mut lines = vec![json!(self.asked), json!(head)];
        for (ms, bytes) in &self.pieces {
            let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
            let base64 = text.is_none().then(|| BASE64.encode(bytes));
            let ms = *ms;
            lines.push(json!(Piece { ms, text, base64 }));
        }
        lines.push(json!(self.end));
        let mut text = String::new();
        for line in lines {
            text.push_str(&line.to_string());
            text.push('\n');
        }
        match secret.filter(|secret| !secret.is_empty()) {
            Some(secret) => text.replace(secret, "…"),
            None => text,
        }
    }

    /// Reads a file's text; the error says which line is wrong.
    pub(crate) fn parse(text: &str) -> Result<Cassette, String> {
        let mut lines = text.lines().enumerate().peekable();
        let mut next = || {
            lines
                .next()
                .ok_or("it ends early; the recording was broken off")
        };
        let (at, line) = next()?;
        let asked: Asked = parse_line(at, line)?;
        if asked.format != FORMAT {
            return Err(format!("its format is {:?}, not {FORMAT:?}", asked.format));
        }
        let (at, line) = next()?;
        let head: Head = parse_line(at, line)?;
        let mut pieces = Vec::new();
        loop {
            let (at, line) = next()?;
            if line.starts_with("{\"end\"") {
                let headers = Heads {
                    content_type: head.content_type,
                    retry_after: head.retry_after,
                    location: head.location,
                };
                return Ok(Cassette {
                    asked,
                    status: head.status,
                    headers,
                    pieces,
                    end: parse_line(at, line)?,
                });
            }
            let piece: Piece = parse_line(at, line)?;
            let bytes = match (piece.text, piece.base64) {
                (Some(text), None) => text.into_bytes(),
                (None, Some(base64)) => BASE64
                    .decode(base64)
                    .map_err(|error| format!("line {}: {error}", at + 1))?,
                _ => return Err(format!("line {}: a piece has text or base64", at + 1)),
            };
            pieces.push((piece.ms, bytes));
        }
    }
}

fn parse_line<T: serde::de::DeserializeOwned>(at: usize, line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))
}

#[cfg(test)]
mod tests;
