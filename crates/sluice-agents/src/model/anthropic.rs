//! Anthropic's messages: what is sent, and how the answer is read.
//!
//! The format is the one of Anthropic's API reference, version 2023-06-01.

use serde_json::{Value, json};

use super::trouble::{Trouble, in_stream};
use super::written::Written;
use crate::call::CallEnd;

/// The version of the API that is asked for.
pub(crate) const VERSION: &str = "2023-06-01";
/// How many tokens a model may write where nobody says; this API has no default.
pub(crate) const MAX_TOKENS: u32 = 32_000;

/// The body of a request.
pub(crate) fn body(model: &str, prompt: &str, max_tokens: Option<u32>) -> Value {
    json!({
        "model": model,
        "max_tokens": max_tokens.unwrap_or(MAX_TOKENS),
        "messages": [{ "role": "user", "content": prompt }],
        "stream": true,
    })
}

/// Reads the data of one event; gives what the model wrote in it.
pub(crate) fn read(data: &str, written: &mut Written) -> Result<Option<String>, Trouble> {
    let event: Value = serde_json::from_str(data)
        .map_err(|_| Trouble::passing("its server sent a piece of the stream that is no JSON"))?;
    match event["type"].as_str().unwrap_or_default() {
        "error" => return Err(in_stream(&event["error"])),
        "message_start" => {
            let message = &event["message"];
            written.served(message["model"].as_str());
            usage(&message["usage"], written);
        }
        "content_block_delta" if event["delta"]["type"] == "text_delta" => {
            let text = event["delta"]["text"].as_str();
            return Ok(text.filter(|text| !text.is_empty()).map(str::to_owned));
        }
        "message_delta" => {
            stopped(&event["delta"], written);
            usage(&event["usage"], written);
        }
        "message_stop" => written.is_done = true,
        // Pings, the borders of blocks, thinking, and whatever comes later.
        _ => {}
    }
    Ok(None)
}

/// Reads the answer of a server that does not stream.
pub(crate) fn whole(answer: &Value, written: &mut Written) -> Result<Option<String>, Trouble> {
    written.is_done = true;
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        return Err(in_stream(error));
    }
    written.served(answer["model"].as_str());
    usage(&answer["usage"], written);
    stopped(answer, written);
    let blocks = answer["content"].as_array().map_or(&[][..], Vec::as_slice);
    let text: String = blocks
        .iter()
        .filter_map(|block| block["text"].as_str())
        .collect();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn stopped(part: &Value, written: &mut Written) {
    if let Some(reason) = part["stop_reason"].as_str() {
        written.end = Some(match reason {
            "max_tokens" | "model_context_window_exceeded" => CallEnd::Cut,
            "refusal" => CallEnd::Refused,
            _ => CallEnd::Replied,
        });
    }
}

/// The numbers are running totals; those that an event leaves out stand as they were.
fn usage(usage: &Value, written: &mut Written) {
    let number = |key: &str| usage[key].as_u64();
    let read = number("cache_read_input_tokens");
    if let Some(fresh) = number("input_tokens") {
        let made = number("cache_creation_input_tokens").unwrap_or(0);
        let all = fresh.saturating_add(made);
        written.usage.input = Some(all.saturating_add(read.unwrap_or(0)));
        written.usage.cached = read.or(written.usage.cached);
    }
    written.usage.output = number("output_tokens").or(written.usage.output);
}

#[cfg(test)]
mod tests;
