//! The thin clients against a server that answers what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::world::{Ran, World};

/// A request as it came over the wire.
#[derive(Debug)]
struct Asked {
    line: String,
    headers: Vec<String>,
    body: String,
}

/// Answers one connection after the other with the given statuses and bodies.
fn server(answers: Vec<(u16, Value)>) -> (String, JoinHandle<Vec<Asked>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handle = thread::spawn(move || {
        let one =
            |(status, body): (u16, Value)| answer(listener.accept().unwrap().0, status, &body);
        answers.into_iter().map(one).collect()
    });
    (url, handle)
}

fn answer(mut stream: TcpStream, status: u16, body: &Value) -> Asked {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut read_line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let line = read_line();
    let mut headers = Vec::new();
    loop {
        let header = read_line();
        if header.is_empty() {
            break;
        }
        headers.push(header);
    }
    let length = headers
        .iter()
        .find_map(|one| one.strip_prefix("content-length: "));
    let mut bytes = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut bytes).unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    write!(
        stream,
        "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    Asked {
        line,
        headers,
        body: String::from_utf8(bytes).unwrap(),
    }
}

fn call(answers: Vec<(u16, Value)>, arguments: &[&str]) -> (Ran, Vec<Asked>) {
    let world = World::new();
    world.write("reply.md", "```ts:a.ts\nx\n```\n");
    let (url, server) = server(answers);
    let variables = [
        ("SLUICE_URL", url.as_str()),
        ("SLUICE_TOKEN", "the-token"),
        // A proxy must not see what goes to this machine.
        ("http_proxy", "http://127.0.0.1:9"),
    ];
    let ran = world.run_with(&variables, arguments);
    (ran, server.join().unwrap())
}

#[test]
fn each_command_calls_its_route() {
    let gate = json!({"gate": "g5", "subject_digest": "d1"});
    let list = json!({"items": [], "next_cursor": null});
    let cases: Vec<(&[&str], Value, &str, &str)> = vec![
        (
            &["gate", "list", "p"],
            list.clone(),
            "GET /api/v1/projects/p/gates",
            "",
        ),
        (
            &["edit", "list", "p", "--state", "open"],
            list.clone(),
            "GET /api/v1/projects/p/edits?state=open",
            "",
        ),
        (
            &["edit", "show", "p", "3"],
            json!({"id": 3}),
            "GET /api/v1/projects/p/edits/3",
            "",
        ),
        (
            &[
                "edit",
                "resolve",
                "p",
                "3",
                "--ours",
                "--file",
                "a b.ts=reply.md",
            ],
            json!({"id": 3}),
            "POST /api/v1/projects/p/edits/3/resolve",
            r#"{"files":{"a b.ts":{"content":"```ts:a.ts\nx\n```\n"}},"take":"mine"}"#,
        ),
        (
            &["edit", "resolve", "p", "3", "--theirs"],
            json!({"id": 3}),
            "POST /api/v1/projects/p/edits/3/resolve",
            r#"{"files":{},"take":"theirs"}"#,
        ),
        (
            &["edit", "drop", "p", "3"],
            json!({"id": 3}),
            "POST /api/v1/projects/p/edits/3/drop",
            "",
        ),
        (
            &["gate", "show", "p", "G5"],
            gate.clone(),
            "GET /api/v1/projects/p/gates/g5",
            "",
        ),
        (
            &["gate", "start", "p", "g5"],
            gate.clone(),
            "POST /api/v1/projects/p/gates/g5/start",
            "",
        ),
        (
            &["gate", "reply", "p", "reply.md"],
            gate.clone(),
            "POST /api/v1/projects/p/replies",
            "```ts:a.ts\nx\n```\n",
        ),
        (
            &[
                "gate",
                "approve",
                "p",
                "g5",
                "--digest",
                "d",
                "-m",
                "good",
                "--field",
                "design=a.html",
            ],
            gate.clone(),
            "POST /api/v1/projects/p/gates/g5/approve",
            r#"{"subject_digest":"d","comment":"good","fields":{"design":"a.html"}}"#,
        ),
        (
            &["gate", "reject", "p", "g5", "--digest", "d"],
            gate.clone(),
            "POST /api/v1/projects/p/gates/g5/reject",
            r#"{"subject_digest":"d","comment":""}"#,
        ),
        (
            &["gate", "rule", "p", "g5", "--refuse", "-m", "no"],
            gate.clone(),
            "POST /api/v1/projects/p/gates/g5/rule",
            r#"{"allow":false,"comment":"no"}"#,
        ),
        (
            &["gate", "cancel", "p", "g5"],
            gate.clone(),
            "POST /api/v1/projects/p/gates/g5/cancel",
            r#"{"comment":""}"#,
        ),
        (
            &["gate", "attempts", "p", "g5"],
            list.clone(),
            "GET /api/v1/projects/p/gates/g5/attempts",
            "",
        ),
        (
            &["gate", "attempts", "p", "g5", "--attempt", "2"],
            gate.clone(),
            "GET /api/v1/projects/p/gates/g5/attempts/2",
            "",
        ),
        (
            &["project", "create", "p", "--kind", "library"],
            gate.clone(),
            "POST /api/v1/projects",
            r#"{"name":"p","template":"blank","kind":"library"}"#,
        ),
        (
            &["project", "list"],
            list.clone(),
            "GET /api/v1/projects",
            "",
        ),
        (
            &["project", "show", "p"],
            gate.clone(),
            "GET /api/v1/projects/p",
            "",
        ),
        (
            &["project", "delete", "p"],
            Value::Null,
            "DELETE /api/v1/projects/p",
            "",
        ),
        (
            &["escalation", "list"],
            list.clone(),
            "GET /api/v1/escalations",
            "",
        ),
        (
            &["escalation", "show", "a/../b"],
            gate.clone(),
            "GET /api/v1/escalations/a%2F..%2Fb",
            "",
        ),
        (
            &[
                "escalation",
                "answer",
                "7",
                "--action",
                "retry",
                "-m",
                "again",
            ],
            gate.clone(),
            "POST /api/v1/escalations/7/answer",
            r#"{"action":"retry","guidance":"again","fields":{}}"#,
        ),
        (
            &[
                "token", "create", "ci", "--role", "operator", "--kind", "agent",
            ],
            gate.clone(),
            "POST /api/v1/tokens",
            r#"{"name":"ci","role":"operator","kind":"agent"}"#,
        ),
        (&["token", "list"], list, "GET /api/v1/tokens", ""),
        (
            &["token", "revoke", "7"],
            Value::Null,
            "DELETE /api/v1/tokens/7",
            "",
        ),
    ];
    for (arguments, given, line, body) in cases {
        let arguments = [arguments, &["--json"]].concat();
        let (ran, asked) = call(vec![(200, given.clone())], &arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        assert_eq!(asked[0].line, format!("{line} HTTP/1.1"), "{arguments:?}");
        assert_eq!(asked[0].body, body, "{arguments:?}");
        let has = |header: &str| asked[0].headers.iter().any(|one| one == header);
        assert!(
            has("authorization: Bearer the-token"),
            "{:?}",
            asked[0].headers
        );
        let wanted = if given.is_null() {
            json!({"ok": true})
        } else {
            given
        };
        assert_eq!(ran.json(), wanted, "{arguments:?}");
    }
}

#[test]
fn approving_takes_the_present_digest_when_none_is_named() {
    let shown = json!({"gate": "g5", "subject_digest": "now"});
    let (ran, asked) = call(
        vec![(200, shown.clone()), (200, shown)],
        &["gate", "approve", "p", "g5"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(asked[1].body, r#"{"subject_digest":"now","comment":""}"#);
    let shown =
        json!({"gate": "g5", "subject_digest": null, "waits_for_text": "It waits for an agent."});
    let (ran, _) = call(vec![(200, shown)], &["gate", "approve", "p", "g5"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("It waits for an agent."), "{}", ran.err);
}

#[test]
fn lists_are_followed_to_their_end() {
    let page = |name: &str, next: Value| json!({"items": [{"name": name, "kind": "web"}], "next_cursor": next});
    let pages = vec![
        (200, page("a", json!("c&1"))),
        (200, page("b", Value::Null)),
    ];
    let (ran, asked) = call(pages, &["project", "list"]);
    insta::assert_snapshot!(ran.all(), @"
    code 0
    --- out
    PROJECT  KIND  TEMPLATE  GATE  STATE
    a        web
    b        web
    --- err
    ");
    assert_eq!(asked[1].line, "GET /api/v1/projects?cursor=c%261 HTTP/1.1");
}

#[test]
fn one_thing_is_shown_member_by_member() {
    let gate = json!({
        "gate": "g5", "subject": {"commit": "c", "tree": "t"}, "attempt": 1, "run": null, "fields": [],
        "present_proofs": [{"digest": "d", "path": "p"}], "request": "one\ntwo \u{1b}[2J\n",
    });
    let (ran, _) = call(vec![(200, gate)], &["gate", "show", "p", "g5"]);
    insta::assert_snapshot!(ran.all());
}

#[test]
fn problems_are_sentences_with_the_right_code() {
    let problem = |title: &str, detail: &str| json!({"type": "about:blank", "title": title, "detail": detail});
    let cases = [
        (401, problem("Unauthorized", "the token is not known"), 2),
        (400, problem("Bad request", "no such kind"), 2),
        (
            403,
            problem("Forbidden", "the author of a subject cannot approve it"),
            1,
        ),
        (404, problem("Not found", "project \"p\" does not exist"), 1),
        (409, problem("Conflict", "the subject moved meanwhile"), 1),
        (500, Value::Null, 1),
        (302, Value::Null, 2),
    ];
    for (status, body, code) in cases {
        let detail = body["detail"].as_str().unwrap_or("HTTP").to_owned();
        let (ran, _) = call(
            vec![(status, body)],
            &["gate", "start", "p", "g1", "--json"],
        );
        assert_eq!(ran.code, code, "{status}: {ran:?}");
        assert!(ran.err.contains(&detail), "{status}: {}", ran.err);
        assert_eq!(ran.json()["error"]["exit"], code);
        assert!(!ran.all().contains("the-token"));
    }
    let (ran, _) = call(vec![(200, json!("hello"))], &["project", "list"]);
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn no_daemon_is_3_with_the_mend() {
    let world = World::new();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ran = world.run(&["project", "list", "--url", &format!("http://{free}")]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:?}");
    assert!(ran.err.contains("sluice serve"), "{}", ran.err);
}
