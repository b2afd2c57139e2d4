//! OpenAI's chat completions: what is sent, and how the answer is read.
//!
//! The format is the one of OpenAI's API reference, as OpenRouter, Groq, Ollama, vLLM and llama.cpp speak it.

use serde_json::{Map, Value, json};

use super::trouble::{Trouble, in_stream};
use super::written::Written;
use crate::call::{CallEnd, Usage};

/// What differs between the servers that speak this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quirks {
    /// What the limit of tokens is called.
    max_tokens: &'static str,
    /// Whether the stream is asked to name what it used.
    stream_options: bool,
}

/// By the end of the host's name; the first that fits counts.
const QUIRKS: [(&str, Quirks); 4] = [
    (
        "openai.com",
        Quirks {
            max_tokens: "max_completion_tokens",
            stream_options: true,
        },
    ),
    (
        "groq.com",
        Quirks {
            max_tokens: "max_completion_tokens",
            stream_options: true,
        },
    ),
    (
        // Refuses what it does not know, and names what it used anyway.
        "mistral.ai",
        Quirks {
            max_tokens: "max_tokens",
            stream_options: false,
        },
    ),
    // OpenRouter, Ollama, vLLM, llama.cpp.
    (
        "",
        Quirks {
            max_tokens: "max_tokens",
            stream_options: true,
        },
    ),
];

impl Quirks {
    /// Those of a server.
    pub(crate) fn of(host: &str) -> Quirks {
        let fits =
            |known: &str| known.is_empty() || host == known || host.ends_with(&format!(".{known}"));
        let (_, quirks) = QUIRKS
            .into_iter()
            .find(|(known, _)| fits(known))
            .expect("the last one fits every host");
        quirks
    }
}

/// The body of a request.
pub(crate) fn body(model: &str, prompt: &str, max_tokens: Option<u32>, quirks: Quirks) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    body.insert(
        "messages".to_owned(),
        json!([{ "role": "user", "content": prompt }]),
    );
    body.insert("stream".to_owned(), true.into());
    if quirks.stream_options {
        body.insert(
            "stream_options".to_owned(),
            json!({ "include_usage": true }),
        );
    }
    if let Some(max_tokens) = max_tokens {
        body.insert(quirks.max_tokens.to_owned(), max_tokens.into());
    }
    Value::Object(body)
}

/// Reads the data of one event; gives what the model wrote in it.
pub(crate) fn read(data: &str, written: &mut Written) -> Result<Option<String>, Trouble> {
    if data.trim() == "[DONE]" {
        written.is_done = true;
        return Ok(None);
    }
    let chunk = serde_json::from_str(data)
        .map_err(|_| Trouble::passing("its server sent a piece of the stream that is no JSON"))?;
    take(&chunk, "delta", written)
}

/// Reads the answer of a server that does not stream.
pub(crate) fn whole(answer: &Value, written: &mut Written) -> Result<Option<String>, Trouble> {
    written.is_done = true;
    take(answer, "message", written)
}

fn take(chunk: &Value, part: &str, written: &mut Written) -> Result<Option<String>, Trouble> {
    if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
        return Err(in_stream(error));
    }
    written.served(chunk["model"].as_str());
    // Groq names it in a place of its own.
    for usage in [&chunk["usage"], &chunk["x_groq"]["usage"]] {
        if usage.is_object() {
            written.usage = Usage {
                input: usage["prompt_tokens"].as_u64(),
                output: usage["completion_tokens"].as_u64(),
                cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64(),
            };
        }
    }
    let choice = &chunk["choices"][0];
    if let Some(reason) = choice["finish_reason"].as_str() {
        written.end = Some(match reason {
            "length" => CallEnd::Cut,
            "content_filter" => CallEnd::Refused,
            _ => CallEnd::Replied,
        });
    }
    if let Some(refusal) = choice[part]["refusal"].as_str() {
        written.refusal.push_str(refusal);
    }
    let text = choice[part]["content"].as_str();
    Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
}

#[cfg(test)]
mod tests;
