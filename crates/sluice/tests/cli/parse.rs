//! `sluice parse`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::{Ran, World};

const REPLY: &str = "Here:\n\n```ts:src/add.ts\nexport const one = 1;\n```\n\n```ts:../x\nx\n```\n\n\
                     ```diff\n--- a/b.ts\n+++ b/b.ts\n```\n\n```delete:old.ts\n```\n\n```ts:cut.ts\nlet a\n";

#[test]
fn the_document_has_the_shape_of_the_contract() {
    let world = World::new();
    world.write("reply.md", REPLY);
    let ran = world.run(&["parse", "reply.md", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let document = ran.json();
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["files", "edits", "deletions", "warnings"]);
    assert_eq!(
        document["files"][0],
        json!({
            "path": "src/add.ts", "language": "ts", "size": 22, "complete": true, "inferred": false,
            "sha256": "da892e4e82bcf839d96015d7782564f860296b3312b1e18d6b2f3622185d2cbf",
            "source": "info-string", "lines": [3, 5], "bytes": [24, 46],
        })
    );
    assert_eq!(document["files"][1]["complete"], false);
    let codes: Vec<&str> = document["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["path_rejected", "diff_skipped", "truncated"]);
    let rejected = &document["warnings"][0];
    assert_eq!(
        (&rejected["line"], &rejected["reason"]),
        (&json!(7), &json!("parent"))
    );
    assert_eq!(document["deletions"][0]["path"], "old.ts");
}

#[test]
fn contents_are_added_when_asked_for() {
    let world = World::new();
    let ran = world.run_fed(REPLY.as_bytes(), &["parse", "-", "--json", "--contents"]);
    assert_eq!(ran.json()["files"][0]["content"], "export const one = 1;\n");
    let without = world.run_fed(REPLY.as_bytes(), &["parse", "--json"]);
    assert_eq!(without.json()["files"][0].get("content"), None);
}

#[test]
fn a_person_sees_a_table_and_warnings_apart() {
    let world = World::new();
    let ran = world.run_fed(REPLY.as_bytes(), &["parse", "--contents"]);
    insta::assert_snapshot!(ran.all());
    let ran = world.run_fed(b"only words\n", &["parse"]);
    insta::assert_snapshot!(ran.all(), @"
    code 0
    --- out
    no files (0 fenced blocks)
    --- err
    ");
}

#[test]
fn what_others_wrote_cannot_act_on_the_terminal() {
    let world = World::new();
    let reply = "```ts:a\u{1b}[2J.ts\nx\u{1b}[31m\n```\n```ts:ok.ts\ny\u{1b}]0;title\u{7}\n```\n";
    let ran = world.run_fed(reply.as_bytes(), &["parse", "--contents"]);
    assert!(
        !ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'),
        "{ran:?}"
    );
    let ran = world.run_fed(reply.as_bytes(), &["apply", "-", "--into", "repo"]);
    assert!(
        !ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'),
        "{ran:?}"
    );
}

#[test]
fn bytes_that_are_no_text_are_read_with_a_warning() {
    let world = World::new();
    let input = b"\xff\n\n```ts:a.ts\n\xfe\n```\n";
    let ran = world.run_fed(input, &["parse", "--json"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("line 1: the reply is not UTF-8"),
        "{}",
        ran.err
    );
    assert_eq!(ran.json()["files"][0]["bytes"], json!([14, 16]));
}

#[test]
fn a_stream_of_bytes_that_are_no_text_is_read_with_a_warning() {
    let world = World::new();
    let input = b"one\n\xff\n```ts:a.ts\n\xfe\n```\n";
    let ran = world.run_fed(input, &["parse", "--stream"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("line 2: the reply is not UTF-8"),
        "{}",
        ran.err
    );
}

/// Runs `sluice parse` on so many repetitions of a text; it may take so many MiB of address space.
fn parse_within(mebibytes: usize, text: &str, count: usize, options: &[&str]) -> Ran {
    let world = World::new();
    let parse = world.command(&[&["parse", "reply.md"], options].concat());
    let mut limited = Command::new("sh");
    limited
        .args(["-c", r#"ulimit -v "$1" && shift && exec "$@""#, "sh"])
        .arg((mebibytes << 10).to_string())
        .arg(parse.get_program())
        .args(parse.get_args())
        .envs(
            parse
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(world.path("."));
    world.write("reply.md", text.repeat(count));
    world.ran(limited.output().unwrap())
}

#[test]
fn large_replies_need_memory_in_proportion() {
    for (text, count) in [
        ("x", 50 << 20),
        ("```ts:a.ts\nx\n```\n", 5_000),
        ("```\n", 50_000),
        ("> ", 1 << 20),
        ("- a\n", 100_000),
    ] {
        let ran = parse_within(512, text, count, &["--json"]);
        assert_eq!(ran.code, 0, "{text:?}: {}", ran.err);
    }
}

#[test]
fn more_than_a_hundred_mebibytes_are_refused() {
    for options in [&["--json"][..], &["--stream"], &["--explain"]] {
        let ran = parse_within(1024, "0123456789abcdef", (100 << 16) + 1, options);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(
            ran.err.contains("larger than 100 MiB")
                || ran.err.contains("longer than 104857600 bytes"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new();
    let blocks: String = (0..20_000)
        .map(|n| format!("```ts:a{n}.ts\nx\n```\n"))
        .collect();
    world.write("reply.md", blocks);
    let mut child = world
        .command(&["parse", "reply.md"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = world.ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let world = World::new();
    world.write("reply.md", REPLY);
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = world
        .command(&["parse", "reply.md", "--json"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    let ran = world.ran(output);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("could not be written"), "{}", ran.err);
}

#[test]
fn every_block_is_explained() {
    let world = World::new();
    let reply = "### src/b.ts\n```ts:src/a.ts\nx\n```\n\n### src/c.ts\n```sh\nnpm i\n```\n\n\
                 ```ts:src/a.ts\ny\n```\n\n```diff\n--- a/d.ts\n+++ b/d.ts\n```\n\n```delete:old.ts\n```\n\n\
                 ```ts:../e\n```\n\n```12:15:f.ts\n```\n\n```\nwords\n```\n\n```ts:cut.ts\nlet a\n";
    let ran = world.run_fed(reply.as_bytes(), &["parse", "--explain"]);
    insta::assert_snapshot!(ran.all());
    let document = world
        .run_fed(reply.as_bytes(), &["parse", "--explain", "--json"])
        .json();
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["files", "edits", "deletions", "warnings", "blocks"]);
    assert_eq!(
        document["blocks"][1],
        json!({
            "lines": [7, 9], "language": "sh", "became": "nothing", "complete": true,
            "heard": [{"source": "label", "path": "src/c.ts", "counts": false}],
            "why": "commands are not executed and are no file: a script needs `sh:path` in its info string \
                    (the line before it does not count for such a block)",
            "warnings": ["shell_skipped"],
        })
    );
    let ran = world.run_fed(b"only words\n", &["parse", "--explain"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "no fenced blocks\n"));
}

#[test]
fn a_stream_says_what_it_knows_before_the_end() {
    let world = World::new();
    let mut child = world
        .command(&["parse", "--stream"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    input.write_all(b"```ts:src/a.ts\nlet a;\nlet").unwrap();
    assert_eq!(
        next(),
        json!({"event": "file-opened", "file": 0, "path": "src/a.ts", "language": "ts", "source": "info-string", "line": 1})
    );
    assert_eq!(
        next(),
        json!({"event": "file-text", "file": 0, "text": "let a;\n"})
    );
    input.write_all(b" b;\n```\n").unwrap();
    assert_eq!(next()["text"], "let b;\n");
    let closed = next();
    assert_eq!(
        (&closed["event"], &closed["complete"]),
        (&json!("file-closed"), &json!(true))
    );
    drop(input);
    let reply = next();
    assert_eq!(reply["event"], "reply");
    assert_eq!(reply["reply"]["files"][0]["sha256"], closed["sha256"]);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_stream_of_a_file_is_the_same_and_takes_no_other_form() {
    let world = World::new();
    world.write("reply.md", REPLY);
    let ran = world.run(&["parse", "reply.md", "--stream"]);
    let last: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        last["reply"],
        world.run(&["parse", "reply.md", "--json"]).json()
    );
    assert_eq!(world.run(&["parse", "--stream", "--explain"]).code, 2);
    assert_eq!(world.run(&["parse", "--stream", "missing.md"]).code, 2);
}
