//! Recorded replies from folders good and bad.

use std::fs;

use tokio_util::sync::CancellationToken;

use super::Recorded;
use crate::{Agent, AgentError, Answer, Request};

fn request(gate: &str, attempt: u16) -> Request {
    Request {
        project: "guestbook".into(),
        gate: gate.into(),
        run: "r1".into(),
        attempt,
        answers: 0,
        strategy: "normal".into(),
        prompt: "Do it.".into(),
        ..Request::default()
    }
}

async fn ask(agent: &Recorded, gate: &str, attempt: u16) -> Result<Answer, AgentError> {
    let cancel = CancellationToken::new();
    agent.ask(&request(gate, attempt), &(), &cancel).await
}

fn reply(text: &str) -> Answer {
    Answer::Reply {
        text: text.into(),
        model: None,
        note: None,
    }
}

#[tokio::test]
async fn a_folder_is_played_by_gate_and_attempt() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("g5")).unwrap();
    fs::write(folder.path().join("g5/0.md"), "first").unwrap();
    fs::write(folder.path().join("g5/1.md"), b"second \xff").unwrap();
    let agent = Recorded::folder("demo", folder.path());

    assert_eq!(ask(&agent, "g5", 0).await.unwrap(), reply("first"));
    assert_eq!(
        ask(&agent, "g5", 1).await.unwrap(),
        Answer::Reply {
            text: "second \u{FFFD}".into(),
            model: None,
            note: Some("the reply is not UTF-8 from byte 7; what is not became U+FFFD".into()),
        }
    );
    let error = ask(&agent, "g5", 2).await.unwrap_err();
    assert!(!error.is_passing());
    let said = error.to_string();
    let looked_for = folder.path().join("g5/2.md");
    assert!(said.contains(looked_for.to_str().unwrap()), "{said}");
}

#[tokio::test]
async fn embedded_texts_are_played_the_same_way() {
    let agent = Recorded::embedded("demo", [("g0/0.md", "hello")]);
    assert_eq!(ask(&agent, "g0", 0).await.unwrap(), reply("hello"));
    let said = ask(&agent, "g0", 1).await.unwrap_err().to_string();
    assert!(said.contains("g0/1.md"), "{said}");
}

#[tokio::test]
async fn a_gate_is_never_a_path() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("0.md"), "outside").unwrap();
    let agent = Recorded::folder("demo", folder.path().join("in"));
    for gate in ["..", "", "g5/..", "/"] {
        let error = ask(&agent, gate, 0).await.unwrap_err();
        assert!(matches!(error, AgentError::Misconfigured { .. }), "{gate}");
    }
}
