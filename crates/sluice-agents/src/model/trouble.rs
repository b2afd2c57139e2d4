//! What went wrong with one try, before it is known whether there is another.

use std::time::Duration;

/// Why a try gave no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The same request may be answered in a moment.
    Passing {
        /// What came instead.
        what: String,
        /// How long the server asks to wait.
        after: Option<Duration>,
    },
    /// The server could not do it, and a repeat at once makes no sense.
    Broken(String),
    /// Somebody has to change something first.
    Wrong(String),
    /// The reply is longer than it may be.
    TooLong,
}

impl Trouble {
    /// A fault of the way between, or of a server that is busy.
    pub(crate) fn passing(what: impl Into<String>) -> Trouble {
        Trouble::Passing {
            what: what.into(),
            after: None,
        }
    }
}

/// How much of what a server says is shown, in characters.
const SHOWN: usize = 500;

/// What a server says of an error, safe to show: its message where it has one, on one line, cut, without `secret`.
pub(crate) fn said(body: &str, secret: Option<&str>) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let message = parsed.as_ref().and_then(message_of);
    let mut text = message.unwrap_or_else(|| body.to_owned());
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "…");
    }
    let text: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .map(|c| match c.is_control() {
            true => char::REPLACEMENT_CHARACTER,
            false => c,
        })
        .take(SHOWN)
        .collect();
    match text.is_empty() {
        true => "nothing".to_owned(),
        false => text,
    }
}

/// The words in the forms that servers use: `{"error": {"message": …}}`, `{"error": …}`, `{"message": …}`.
pub(crate) fn message_of(value: &serde_json::Value) -> Option<String> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    value
        .get("error")
        .and_then(|error| error.get("message").and_then(text).or_else(|| text(error)))
        .or_else(|| value.get("message").and_then(text))
        .or_else(|| value.get("detail").and_then(text))
}

/// The error object of a stream that began well.
pub(crate) fn in_stream(error: &serde_json::Value) -> Trouble {
    const PASSING: [&str; 6] = [
        "overloaded_error",
        "api_error",
        "rate_limit_error",
        "rate_limit_exceeded",
        "server_error",
        "timeout_error",
    ];
    let word = ["type", "code"]
        .into_iter()
        .find_map(|key| error.get(key).and_then(serde_json::Value::as_str));
    let number = error.get("code").and_then(serde_json::Value::as_u64);
    let text = error
        .get("message")
        .and_then(serde_json::Value::as_str)
        .or_else(|| error.as_str())
        .unwrap_or("an error without words");
    let what = match word {
        Some(word) => format!("its server sent an error in the stream, {word}: {text}"),
        None => format!("its server sent an error in the stream: {text}"),
    };
    let is_passing = word.is_some_and(|word| PASSING.contains(&word))
        || number.is_some_and(|number| number == 429 || (500..600).contains(&number));
    match is_passing {
        true => Trouble::passing(what),
        false => Trouble::Broken(what),
    }
}
