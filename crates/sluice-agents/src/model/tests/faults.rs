//! What servers do wrong, and what people read of it.

use super::*;

/// How many connections there are when all is tried.
const ALL: usize = 4;

async fn fails(
    script: Vec<Vec<Act>>,
    change: impl FnOnce(&mut ModelSettings),
) -> (String, Server, Ear) {
    let server = Server::start(script).await;
    let mut settings = settings(&server.url);
    change(&mut settings);
    let ear = Ear::default();
    let error = ask(&live(settings), &ear).await.unwrap_err();
    assert_eq!(ear.call().end, CallEnd::Failed);
    let port = server
        .url
        .trim_start_matches("http://127.0.0.1:")
        .trim_end_matches("/v1");
    (said(&error).replace(port, "PORT"), server, ear)
}

fn good() -> Vec<Act> {
    vec![events(&(delta("all") + &end("stop")))]
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let busy = answer(
        429,
        "retry-after: 0.3\r\n",
        r#"{"error":{"message":"slow down"}}"#,
    );
    let server = Server::start(vec![busy, answer(503, "", ""), good()]).await;
    let ear = Ear::default();
    let began = Instant::now();
    let got = ask(&live(settings(&server.url)), &ear).await.unwrap();
    assert_eq!(got, reply("all"));
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!((ear.call().tries, server.count()), (3, 3));
}

#[tokio::test]
async fn a_server_that_stays_busy_is_given_up() {
    let body = format!(r#"{{"error":{{"message":"the key {KEY} has\n no\u0007 quota"}}}}"#);
    let (text, server, ear) = fails(vec![answer(500, "", &body)], |_| {}).await;
    insta::assert_snapshot!(text, @"local got no reply: its server answered HTTP 500 and said: the key … has no� quota; it was tried 4 times");
    assert_eq!((ear.call().tries, server.count()), (4, ALL));
}

#[tokio::test]
async fn nobody_waits_for_an_hour() {
    let script = vec![answer(429, "retry-after: 3600\r\n", "")];
    let (text, server, _) = fails(script, |_| {}).await;
    insta::assert_snapshot!(text, @"local got no reply: its server answered HTTP 429 and said: nothing; it asks to wait for 3600s, and 5s is the longest wait");
    assert_eq!(server.count(), 1);
    // A wait that does not fit into the clock is not begun.
    let script = vec![answer(429, "retry-after: 4\r\n", "")];
    let (text, server, _) = fails(script, |one| one.wall = Duration::from_secs(3)).await;
    assert!(text.ends_with("it was tried once"), "{text}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_broken_connection_is_tried_again_before_the_first_word_only() {
    let server = Server::start(vec![vec![Act::Reset], vec![events(""), Act::Reset], good()]).await;
    let ear = Ear::default();
    let got = ask(&live(settings(&server.url)), &ear).await.unwrap();
    assert_eq!((got, ear.call().tries), (reply("all"), 3));

    for script in [
        vec![events(&delta("Hel")), Act::Reset],
        vec![events(&delta("Hel"))],
        vec![events(&(delta("Hel") + "data: {\"choices\":[\n\n"))],
    ] {
        let (text, server, ear) = fails(vec![script], |_| {}).await;
        assert!(text.ends_with("3 bytes of it had come"), "{text}");
        assert_eq!((server.count(), ear.call().tries), (1, 1));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = ask(&live(settings(&url)), &Ear::default())
        .await
        .unwrap_err();
    let text = said(&error);
    assert!(
        text.starts_with("local got no reply: its server cannot be reached (Connection refused"),
        "{text}"
    );
    assert!(
        text.ends_with("it was tried 4 times") && error.is_passing(),
        "{text}"
    );
}

#[tokio::test]
async fn malformed_json_is_a_fault() {
    let (text, server, _) = fails(vec![vec![events("data: {\"choi\n\n")]], |_| {}).await;
    insta::assert_snapshot!(text, @"local got no reply: its server sent a piece of the stream that is no JSON; it was tried 4 times");
    assert_eq!(server.count(), ALL);
}

#[tokio::test]
async fn a_stream_that_ends_early_is_no_reply() {
    let (text, _, _) = fails(vec![vec![events(&delta("Hel"))]], |_| {}).await;
    insta::assert_snapshot!(text, @"local got no reply: the stream ended before the reply was whole, 3 bytes of it had come");
}

#[tokio::test]
async fn twenty_megabytes_are_too_long() {
    let mut body = String::new();
    for _ in 0..20 {
        body.push_str(&delta(&"x".repeat(1 << 20)));
    }
    let (text, server, ear) = fails(vec![vec![events(&body)]], |_| {}).await;
    insta::assert_snapshot!(text, @"local wrote more than 16777216 bytes");
    assert!(ear.heard.lock().unwrap().len() <= 16 << 20);
    assert_eq!(server.count(), 1);
    // So is one event, and an answer in one piece, that does not end.
    let line = format!("data: {}", "x".repeat(3000));
    let (text, _, _) = fails(vec![vec![events(&line)]], |one| one.max_reply_bytes = 1000).await;
    assert_eq!(text, "local wrote more than 1000 bytes");
    let whole = answer(200, "content-type: application/json\r\n", &"x".repeat(3000));
    let (text, _, _) = fails(vec![whole], |one| one.max_reply_bytes = 1000).await;
    assert_eq!(text, "local wrote more than 1000 bytes");
}

#[tokio::test]
async fn silence_has_a_clock() {
    let idle = |one: &mut ModelSettings| one.idle = Duration::from_millis(100);
    let (text, server, _) = fails(vec![vec![events(&delta("Hel")), Act::Hang]], idle).await;
    insta::assert_snapshot!(text, @"local got no reply: its server sent nothing for 100ms (3 bytes of it had come); the clock is agents.local.idle_s, or limits.idle_s of the agent's file");
    assert_eq!(server.count(), 1);
    // Before the head of the answer too.
    let (text, server, _) = fails(vec![vec![Act::Hang]], idle).await;
    assert!(text.contains("sent nothing for 100ms (0 bytes"), "{text}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_slow_drip_has_a_clock() {
    let drip = Act::Drip(b": still here\n\n".to_vec(), Duration::from_millis(10));
    let (text, _, _) = fails(vec![vec![events(""), drip]], |one| {
        one.wall = Duration::from_millis(300);
    })
    .await;
    insta::assert_snapshot!(text, @"local got no reply: the reply was not whole after 300ms (0 bytes of it had come); the clock is agents.local.wall_s, or limits.wall_s of the agent's file");
}

#[tokio::test]
async fn what_somebody_must_mend_is_not_tried_again() {
    let body = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}"#);
    let mut texts = Vec::new();
    for (status, headers) in [
        (401, ""),
        (307, "location: http://elsewhere.example/v1?key=sk\r\n"),
        (404, ""),
        (400, ""),
    ] {
        let (text, server, _) = fails(vec![answer(status, headers, &body)], |_| {}).await;
        assert_eq!(server.count(), 1);
        texts.push(text);
    }
    let (text, _, _) = fails(vec![answer(401, "", &body)], |one| one.api_key = None).await;
    texts.push(text);
    insta::assert_snapshot!(texts.join("\n"), @"
    local cannot be asked: http://127.0.0.1:PORT/v1/chat/completions refuses the key in agents.local.api_key (HTTP 401); put a valid one there, or into SLUICE__AGENTS__LOCAL__API_KEY
    local cannot be asked: http://127.0.0.1:PORT/v1/chat/completions redirects to http://elsewhere.example/v1 (HTTP 307), which is not followed with a key; give the final address in agents.local.base_url
    local cannot be asked: http://127.0.0.1:PORT/v1/chat/completions has no model \"small\", or is not the address (HTTP 404); look at agents.local.model and agents.local.base_url. It said: Incorrect API key provided: …
    local cannot be asked: http://127.0.0.1:PORT/v1/chat/completions refuses the request (HTTP 400). It said: Incorrect API key provided: …
    local cannot be asked: http://127.0.0.1:PORT/v1/chat/completions wants a key (HTTP 401); set agents.local.api_key, or SLUICE__AGENTS__LOCAL__API_KEY
    ");
}

#[tokio::test]
async fn an_error_inside_a_stream_is_one() {
    let busy = r#"data: {"error":{"message":"overloaded","type":"overloaded_error"}}"#;
    let server = Server::start(vec![vec![events(&format!("{busy}\n\n"))], good()]).await;
    let ear = Ear::default();
    let got = ask(&live(settings(&server.url)), &ear).await.unwrap();
    assert_eq!((got, ear.call().tries), (reply("all"), 2));

    let wrong = r#"data: {"error":{"message":"no such thing","type":"invalid_request_error"}}"#;
    let (text, server, _) = fails(vec![vec![events(&format!("{wrong}\n\n"))]], |_| {}).await;
    insta::assert_snapshot!(text, @"local got no reply: its server sent an error in the stream, invalid_request_error: no such thing");
    assert_eq!(server.count(), 1);
}
