//! Chunks as servers send them.

use serde_json::json;

use super::{Quirks, body, read, whole};
use crate::call::{CallEnd, Usage};
use crate::model::trouble::Trouble;
use crate::model::written::Written;

fn text_of(chunks: &[&str]) -> (String, Written) {
    let mut written = Written::default();
    let text = chunks
        .iter()
        .filter_map(|chunk| read(chunk, &mut written).unwrap())
        .collect();
    (text, written)
}

#[test]
fn text_usage_and_end_are_read() {
    let (text, written) = text_of(&[
        r#"{"model":"m-2026","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"content":"Hello"}}],"usage":null}"#,
        r#"{"choices":[{"delta":{"content":" \ud83e\udd80"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":64}}}"#,
        "[DONE]",
    ]);
    assert_eq!(text, "Hello \u{1f980}");
    assert_eq!(written.served.as_deref(), Some("m-2026"));
    assert_eq!(written.end, Some(CallEnd::Replied));
    assert!(written.is_done);
    let usage = Usage {
        input: Some(100),
        output: Some(7),
        cached: Some(64),
    };
    assert_eq!(written.usage, usage);
}

#[test]
fn groq_names_the_usage_elsewhere() {
    let (_, written) = text_of(&[
        r#"{"choices":[{"delta":{},"finish_reason":"length"}],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":4}}}"#,
    ]);
    assert_eq!(written.end, Some(CallEnd::Cut));
    assert_eq!(
        (written.usage.input, written.usage.output),
        (Some(3), Some(4))
    );
    assert_eq!(written.usage.cached, None);
}

#[test]
fn a_refusal_is_kept_apart() {
    let (text, written) = text_of(&[
        r#"{"choices":[{"delta":{"refusal":"I cannot "}}]}"#,
        r#"{"choices":[{"delta":{"refusal":"do that."},"finish_reason":"content_filter"}]}"#,
    ]);
    assert_eq!(text, "");
    assert_eq!(written.refusal, "I cannot do that.");
    assert_eq!(written.end, Some(CallEnd::Refused));
}

#[test]
fn an_error_in_the_stream_passes_or_not() {
    let trouble = |chunk: &str| read(chunk, &mut Written::default()).unwrap_err();
    let busy =
        trouble(r#"{"error":{"message":"busy","type":"server_error","code":503},"choices":[]}"#);
    assert_eq!(
        busy,
        Trouble::passing("its server sent an error in the stream, server_error: busy")
    );
    let other = trouble(r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#);
    assert_eq!(
        other,
        Trouble::Broken(
            "its server sent an error in the stream, context_length_exceeded: too long".to_owned()
        )
    );
    assert!(matches!(trouble("{\"choices\":["), Trouble::Passing { .. }));
}

#[test]
fn an_answer_that_is_not_streamed_is_read_too() {
    let mut written = Written::default();
    let answer = json!({"model": "m", "choices": [{"message": {"content": "all"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    assert_eq!(
        whole(&answer, &mut written).unwrap().as_deref(),
        Some("all")
    );
    assert_eq!(
        (written.end, written.is_done),
        (Some(CallEnd::Replied), true)
    );
}

#[test]
fn servers_differ_in_what_they_are_asked() {
    let sent = |host: &str| body("m", "p", Some(9), Quirks::of(host)).to_string();
    let plain = r#"{"model":"m","messages":[{"role":"user","content":"p"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":9}"#;
    assert_eq!(sent("127.0.0.1"), plain);
    assert_eq!(sent("notopenai.com"), plain);
    assert_eq!(
        sent("api.openai.com"),
        plain.replace("max_tokens", "max_completion_tokens")
    );
    assert!(!sent("api.mistral.ai").contains("stream_options"));
}
