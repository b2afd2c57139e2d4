//! What a real model said: llama.cpp's server with SmolLM2 135M, recorded by `scripts/real-model`.

use std::path::Path;

use super::*;
use crate::model::cassette::Cassette;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/llama");

/// The request of a cassette, and the limit of tokens that it was sent with.
fn recorded(file: &Path) -> (Request, u32) {
    let cassette = Cassette::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
    let body = cassette.asked.body;
    let prompt = body["messages"][0]["content"].as_str().unwrap().to_owned();
    let max_tokens = u32::try_from(body["max_tokens"].as_u64().unwrap()).unwrap();
    let model = body["model"].as_str().map(str::to_owned);
    let request = Request {
        prompt,
        model,
        ..request()
    };
    (request, max_tokens)
}

/// Asks what was asked then, in the same order, and says what came of it each time.
async fn told(cassettes: Cassettes) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (_, max_tokens) = recorded(&files[0]);
    let settings = ModelSettings {
        max_tokens: Some(max_tokens),
        ..settings("http://192.0.2.1/v1")
    };
    let agent = ModelAgent::new(settings, Source::Replay(cassettes)).unwrap();
    let mut told = Vec::new();
    for file in files {
        let ear = Ear::default();
        let cancel = CancellationToken::new();
        let answer = agent.ask(&recorded(&file).0, &ear, &cancel).await;
        let call = ear.call();
        let heard = ear.heard.lock().unwrap().clone();
        told.push(match answer {
            Ok(Answer::Reply { text, note, .. }) => {
                assert_eq!(heard, text);
                let (input, output) = (call.usage.input.unwrap(), call.usage.output.unwrap());
                let first: String = text.chars().take(40).collect();
                let (end, is_noted, bytes) = (call.end.as_str(), note.is_some(), text.len());
                format!("{end}, noted: {is_noted}, {input} and {output} tokens, {bytes} bytes: {first:?}")
            }
            Ok(Answer::NotYet) => panic!("a model answers"),
            Err(error) => error.to_string(),
        });
    }
    told
}

#[tokio::test]
async fn a_real_model_is_read_the_same_way_in_pieces_and_byte_by_byte() {
    let read = || Cassettes::read(Path::new(FOLDER)).unwrap();
    let in_pieces = told(read()).await;
    assert_eq!(told(read().one_byte_at_a_time()).await, in_pieces);
    // In the middle of the second one the server was ended; the same question was put to its successor.
    insta::assert_snapshot!(in_pieces.join("\n"), @r###"
    cut, noted: true, 850 and 120 tokens, 414 bytes: "## Request\n\nA booking page for a climbin"
    local got no reply: the connection broke (unexpected EOF during chunk size line), 3 bytes of it had come
    cut, noted: true, 1074 and 120 tokens, 352 bytes: "This gate is not taken. Each block must "
    "###);
}
