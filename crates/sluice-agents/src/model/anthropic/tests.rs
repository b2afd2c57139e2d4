//! Events as the API sends them.

use serde_json::json;

use super::{body, read, whole};
use crate::call::{CallEnd, Usage};
use crate::model::trouble::Trouble;
use crate::model::written::Written;

#[test]
fn text_usage_and_end_are_read() {
    let mut written = Written::default();
    let text: String = [
        r#"{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":10,"cache_read_input_tokens":90,"cache_creation_input_tokens":5,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" you"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":25}}"#,
        r#"{"type":"message_stop"}"#,
    ]
    .iter()
    .filter_map(|event| read(event, &mut written).unwrap())
    .collect();
    assert_eq!(text, "Hello you");
    assert_eq!(written.served.as_deref(), Some("claude-x"));
    assert_eq!(
        (written.end, written.is_done),
        (Some(CallEnd::Replied), true)
    );
    let usage = Usage {
        input: Some(105),
        output: Some(25),
        cached: Some(90),
    };
    assert_eq!(written.usage, usage);
}

#[test]
fn limits_and_refusals_are_told_apart() {
    let end = |reason: &str| {
        let mut written = Written::default();
        let event = json!({"type": "message_delta", "delta": {"stop_reason": reason}});
        read(&event.to_string(), &mut written).unwrap();
        written.end
    };
    assert_eq!(end("max_tokens"), Some(CallEnd::Cut));
    assert_eq!(end("model_context_window_exceeded"), Some(CallEnd::Cut));
    assert_eq!(end("refusal"), Some(CallEnd::Refused));
    assert_eq!(end("stop_sequence"), Some(CallEnd::Replied));
}

#[test]
fn errors_pass_or_not() {
    let trouble = |kind: &str| {
        let event = json!({"type": "error", "error": {"type": kind, "message": "no"}});
        read(&event.to_string(), &mut Written::default()).unwrap_err()
    };
    assert!(matches!(
        trouble("overloaded_error"),
        Trouble::Passing { .. }
    ));
    assert!(matches!(
        trouble("invalid_request_error"),
        Trouble::Broken(_)
    ));
}

#[test]
fn an_answer_that_is_not_streamed_is_read_too() {
    let mut written = Written::default();
    let answer = json!({"type": "message", "model": "c", "stop_reason": "end_turn",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "all"}],
        "usage": {"input_tokens": 1, "output_tokens": 2}});
    assert_eq!(
        whole(&answer, &mut written).unwrap().as_deref(),
        Some("all")
    );
    assert_eq!(written.usage.output, Some(2));
}

#[test]
fn a_limit_is_always_sent() {
    assert_eq!(body("m", "p", None)["max_tokens"], 32_000);
    assert_eq!(body("m", "p", Some(100))["max_tokens"], 100);
}
