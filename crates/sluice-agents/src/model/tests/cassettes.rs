//! What was recorded is played as it came.

use super::*;

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn replayed(url: &str, cassettes: Cassettes) -> ModelAgent {
    ModelAgent::new(settings(url), Source::Replay(cassettes)).unwrap()
}

#[tokio::test]
async fn an_exchange_is_recorded_and_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let body = [delta("Hello "), delta("\u{1f980}"), end("stop")].concat();
    let busy = answer(503, "retry-after: 0\r\n", "busy");
    // A crab cut in the middle.
    let cut = body.find('\u{1f980}').unwrap() + 2;
    let (one, two) = body.as_bytes().split_at(cut);
    let Act::Say(mut head) = events("") else {
        panic!("it says");
    };
    head.extend_from_slice(one);
    let server = Server::start(vec![busy, vec![Act::Say(head), Act::Say(two.to_vec())]]).await;
    let source = Source::Record(Network::default(), folder.path().join("new"));
    let recording = ModelAgent::new(settings(&server.url), source).unwrap();
    let ear = Ear::default();
    let wanted = ask(&recording, &ear).await.unwrap();
    drop(recording);

    let files = files(&folder.path().join("new"));
    assert_eq!(files.len(), 2, "{files:?}");
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(
            !text.contains(KEY) && text.contains("Write a file."),
            "{text}"
        );
    }
    let read = || Cassettes::read(&folder.path().join("new")).unwrap();
    for cassettes in [read(), read().one_byte_at_a_time()] {
        // No server has this address.
        let agent = replayed("http://192.0.2.1/v1", cassettes);
        let ear = Ear::default();
        assert_eq!(ask(&agent, &ear).await.unwrap(), wanted);
        assert_eq!(*ear.heard.lock().unwrap(), "Hello \u{1f980}");
        assert_eq!(ear.call().tries, 2);
        // The last exchange of a request stays.
        assert_eq!(ask(&agent, &Ear::default()).await.unwrap(), wanted);
    }
}

#[tokio::test]
async fn a_request_that_was_not_recorded_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let agent = replayed(
        "http://192.0.2.1/v1",
        Cassettes::read(folder.path()).unwrap(),
    );
    let error = ask(&agent, &Ear::default()).await.unwrap_err();
    assert!(!error.is_passing());
    let text = said(&error).replace(&folder.path().display().to_string(), "DIR");
    assert!(
        text.starts_with(
            "local cannot be asked: no exchange is recorded for this request (sha256 "
        ),
        "{text}"
    );
    assert!(
        text.ends_with(" in DIR; record it again with agents.NAME.record"),
        "{text}"
    );
    std::fs::write(folder.path().join("0.jsonl"), "{}\n").unwrap();
    let error = Cassettes::read(folder.path()).unwrap_err();
    assert!(
        error.contains("0.jsonl: line 1: missing field `format`"),
        "{error}"
    );
}
