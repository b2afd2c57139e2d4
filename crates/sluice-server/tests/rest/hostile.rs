//! Every operation of the document, asked in every wrong way: a problem, never a fault.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::Value;

use crate::world::{Ask, GOOD, PROJECT, World};

/// Streams that do not end by themselves when they begin.
const ENDLESS: [&str; 4] = [
    "event_stream",
    "event_stream_of_project",
    "attempt_live",
    "gate_log",
];

struct Operation {
    method: Method,
    path: String,
    id: String,
    has_body: bool,
}

fn operations(world: &World) -> Vec<Operation> {
    let all = world.document.operations().into_iter();
    let mut all: Vec<Operation> = all
        .map(|(method, path, operation)| Operation {
            method,
            path,
            id: operation["operationId"].as_str().unwrap().to_owned(),
            has_body: operation.get("requestBody").is_some(),
        })
        .collect();
    // What ends the project comes last.
    all.sort_by_key(|operation| operation.id == "project_delete");
    all
}

async fn with_gate() -> World {
    let world = World::with_project().await;
    world.reply("olga", GOOD).await;
    world.work();
    world
}

fn usual(template: &str) -> String {
    template
        .replace("{project}", PROJECT)
        .replace("{path}", "src/x.txt")
        .replace("{gate}", "g0")
        .replace("{oid}", "work")
        .replace("{n}", "0")
        .replace("{edit}", "1")
        .replace("{agent}", "writer")
        .replace("{digest}", &"0".repeat(64))
        .replace("{id}", "01900000-0000-7000-8000-000000000000")
}

/// Sends it. The answer is held against the document, and is no fault.
async fn never_a_fault(operation: &Operation, ask: Ask<'_>, what: &str) -> u16 {
    let answer = ask.send().await;
    let status = answer.status.as_u16();
    assert!(
        status < 500 || status == 501,
        "{} {} with {what}: {status} {}",
        operation.method,
        operation.path,
        String::from_utf8_lossy(&answer.body)
    );
    status
}

#[tokio::test]
async fn wrong_bodies_are_problems() {
    let world = with_gate().await;
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let many = format!(
        "{{{}}}",
        (0..20_000)
            .map(|n| format!("\"k{n}\":{n}"))
            .collect::<Vec<_>>()
            .join(",")
    );
    let bodies: [(&str, Vec<u8>); 14] = [
        ("nothing", Vec::new()),
        ("null", b"null".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("an unknown member", b"{\"no_such_member\":1}".to_vec()),
        ("half of it", b"{\"name\":\"x\"".to_vec()),
        ("Latin-1", b"{\"name\":\"\xff\"}".to_vec()),
        ("UTF-16", vec![0xff, 0xfe, b'{', 0, b'}', 0]),
        ("lone surrogates", b"{\"name\":\"\\ud800\"}".to_vec()),
        ("a NUL", b"{\"name\":\"a\\u0000b\",\"kind\":\"web\",\"role\":\"viewer\",\"subject_digest\":\"\\u0000\"}".to_vec()),
        ("depth", deep.into_bytes()),
        ("many members", many.into_bytes()),
        ("twice the same", b"{\"name\":\"x\",\"name\":\"y\",\"kind\":\"web\"}".to_vec()),
    ];
    for operation in operations(&world) {
        if !operation.has_body || operation.id == "project_delete" {
            continue;
        }
        for (what, body) in &bodies {
            for kind in [
                "application/json",
                "text/markdown",
                "application/octet-stream",
                "text/plain; charset=x",
                ";;",
            ] {
                let ask = world.ask("adam", operation.method.clone(), &usual(&operation.path));
                let ask = ask.body(kind, body.clone());
                never_a_fault(&operation, ask, &format!("{what} as {kind}")).await;
            }
        }
        // Larger than it says, and without an end.
        let large = Body::from(vec![b'['; 17 << 20]);
        let ask = world.ask("adam", operation.method.clone(), &usual(&operation.path));
        let ask = ask.header("if-match", "*").body("application/json", large);
        let status = never_a_fault(&operation, ask, "17 MiB").await;
        assert!(
            [413, 415, 404].contains(&status),
            "{}: {status}",
            operation.id
        );
    }
}

#[tokio::test]
async fn wrong_members_are_problems() {
    let world = with_gate().await;
    let values = [
        "null",
        "true",
        "-1",
        "1e400",
        "\"\"",
        "\"\\u0000\"",
        "\"../../x\"",
        "[[[]]]",
        "{\"a\":{\"b\":[]}}",
        "\"\u{202e}\u{feff}\"",
        "99999999999999999999999",
    ];
    let document: Value = serde_json::from_str(&sluice_server::openapi_json()).unwrap();
    for operation in operations(&world) {
        let method = operation.method.as_str().to_lowercase();
        let schema = &document["paths"][&operation.path][&method]["requestBody"]["content"]["application/json"]
            ["schema"];
        let reference = schema
            .pointer("/oneOf/1/$ref")
            .or_else(|| schema.get("$ref"));
        let Some(name) = reference.and_then(Value::as_str) else {
            continue;
        };
        let shape = document.pointer(name.trim_start_matches('#')).unwrap();
        for member in shape["properties"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
        {
            for value in values {
                let required = shape["required"].as_array().into_iter().flatten();
                let others = required
                    .filter_map(Value::as_str)
                    .filter(|one| one != member);
                let others = others.map(|one| format!(",\"{one}\":\"x\""));
                let body = format!("{{\"{member}\":{value}{}}}", others.collect::<String>());
                let ask = world.ask("adam", operation.method.clone(), &usual(&operation.path));
                let ask = ask.body("application/json", body.clone());
                never_a_fault(&operation, ask, &body).await;
            }
        }
    }
}

#[tokio::test]
async fn foreign_names_in_paths_are_problems() {
    let world = with_gate().await;
    let long = "x".repeat(3000);
    let names = [
        "nobody",
        "..",
        "%2e%2e%2f%2e%2e",
        "%00",
        "%ff%fe",
        "a%0d%0ab",
        "-1",
        "18446744073709551616",
        "g10",
        "G0",
        "%e2%80%ae",
        "refs%2fheads%2fwork",
        "HEAD",
        "*",
        "'%20or%201=1--",
        &long,
    ];
    for operation in operations(&world) {
        let places = operation
            .path
            .split('/')
            .filter(|part| part.starts_with('{'));
        for place in places {
            for name in names {
                let path = usual(&operation.path.replacen(place, name, 1));
                let ask = world.ask("adam", operation.method.clone(), &path);
                let is_endless = ENDLESS.contains(&operation.id.as_str());
                if is_endless {
                    let status = ask.open().await.status().as_u16();
                    assert!(status < 500, "{path}: {status}");
                } else {
                    never_a_fault(&operation, ask, name).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn wrong_queries_and_headers_are_problems() {
    let world = with_gate().await;
    let queries = [
        "?no_such_parameter=1",
        "?limit=-1",
        "?limit=0",
        "?limit=x",
        "?limit=99999999999999999999",
        "?cursor=%00",
        "?cursor=%ff",
        "?cursor=99999999999999999999999",
        "?cursor=..%2f..",
        "?ref=%00",
        "?ref=..%2f..%2fx",
        "?ref=-x",
        "?path=..%2fx",
        "?path=%00",
        "?from=%00&to=%00",
        "?after=-9223372036854775808",
        "?after=9223372036854775807",
        "?state=%00",
        "?limit=1&limit=2",
        "?&&==&",
        "?%",
        "?resolved=2",
        "?gateId=%00&projectId=%00",
        "?projectId=%00",
    ];
    let headers = [
        ("if-match", "\"\""),
        ("if-match", "W/\"x\""),
        ("if-match", "x, ,\"y"),
        ("if-none-match", "\"x\""),
        ("last-event-id", "x"),
        ("last-event-id", "-1"),
        ("last-event-id", "99999999999999999999"),
        ("idempotency-key", ""),
        ("accept", "image/png"),
        ("accept-encoding", "x;q=9"),
        ("range", "bytes=5-1"),
        ("content-encoding", "gzip"),
        ("x-request-id", "{}"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-http-method-override", "DELETE"),
        ("transfer-encoding", "gzip"),
    ];
    for operation in operations(&world) {
        if operation.id == "project_delete" {
            continue;
        }
        let is_endless = ENDLESS.contains(&operation.id.as_str());
        let wrong = queries.iter().map(|query| (*query, None));
        let wrong = wrong.chain(headers.iter().map(|header| ("", Some(header))));
        for (query, extra) in wrong {
            let path = format!("{}{query}", usual(&operation.path));
            let mut ask = world.ask("adam", operation.method.clone(), &path);
            if let Some((name, value)) = extra {
                ask = ask.header(name, value);
            }
            if is_endless {
                let status = ask.open().await.status().as_u16();
                assert!(status < 500, "{path}: {status}");
            } else {
                never_a_fault(&operation, ask, &format!("{query}{extra:?}")).await;
            }
        }
    }
}

#[tokio::test]
async fn wrong_methods_and_replays_are_problems() {
    let world = with_gate().await;
    let all = operations(&world);
    for operation in &all {
        let path = usual(&operation.path);
        for method in ["PATCH", "PUT", "DELETE", "POST", "TRACE", "PROPFIND"] {
            let method: Method = method.parse().unwrap();
            let is_known = all
                .iter()
                .any(|one| one.path == operation.path && one.method == method);
            if is_known {
                continue;
            }
            let answer = world.ask("adam", method.clone(), &path).send().await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let allow = answer.header(header::ALLOW);
            assert!(allow.contains(operation.method.as_str()), "{path}: {allow}");
        }
    }
    // The same twice, in an order that makes no sense.
    for _ in 0..2 {
        for operation in all.iter().rev() {
            let is_endless = ENDLESS.contains(&operation.id.as_str());
            if is_endless || operation.id == "project_delete" {
                continue;
            }
            let ask = world.ask("adam", operation.method.clone(), &usual(&operation.path));
            never_a_fault(operation, ask, "nothing").await;
        }
    }
}
