//! Files as raw bytes, edited under their entity tags; trees, commits, differences.

use axum::http::header;
use serde_json::json;

use crate::world::{PROJECT, World};

fn at(path: &str) -> String {
    format!("/projects/{PROJECT}/files/{path}")
}

const RAW: &str = "application/octet-stream";

#[tokio::test]
async fn a_file_is_made_read_edited_and_deleted_under_its_tag() {
    let world = World::with_project().await;
    let path = at("src/näme with space%20%C3%A9.bin").replace(' ', "%20");
    let path = path.replace('ä', "%C3%A4");
    let bytes: Vec<u8> = (0..=255).collect();
    let made = world
        .put("olga", &path)
        .header("if-none-match", "*")
        .body(RAW, bytes.clone());
    let made = made.send().await.is(201);
    let first = made.header(header::ETAG).to_owned();
    assert_eq!(
        first,
        format!("\"{}\"", made.json()["oid"].as_str().unwrap())
    );

    let read = world.get("vera", &path).send().await.is(200);
    assert_eq!(read.body, bytes);
    assert_eq!(read.header(header::ETAG), first);
    assert_eq!(read.header(header::CONTENT_TYPE), RAW);
    for tag in [first.as_str(), "*", "\"x\", W/\"y\""] {
        let again = world.get("vera", &path).header("if-none-match", tag);
        let known = if tag.contains('x') { 200 } else { 304 };
        let again = again.send().await.is(known);
        assert_eq!(again.header(header::ETAG), first);
    }

    let edited = world
        .put("olga", &path)
        .header("if-match", &first)
        .body(RAW, "new");
    let second = edited.send().await.is(200).header(header::ETAG).to_owned();
    assert_ne!(first, second);
    // The one who still holds the first version is told so, and nothing is lost.
    let late = world
        .put("anna", &path)
        .header("if-match", &first)
        .body(RAW, "late");
    late.send().await.is(412);
    let late = world
        .put("anna", &path)
        .header("if-none-match", "*")
        .body(RAW, "late");
    late.send().await.is(412);
    let late = world.delete("anna", &path).header("if-match", &first);
    late.send().await.is(412);
    let weak = world
        .put("anna", &path)
        .header("if-match", &format!("W/{second}"));
    weak.body(RAW, "weak").send().await.is(412);
    assert_eq!(world.get("vera", &path).send().await.body, "new");

    world
        .delete("olga", &path)
        .header("if-match", &second)
        .send()
        .await
        .is(204);
    world.get("vera", &path).send().await.is(404);
    let gone = world.delete("olga", &path).header("if-match", "*");
    gone.send().await.is(404);
}

#[tokio::test]
async fn a_change_without_a_precondition_is_refused() {
    let world = World::with_project().await;
    world
        .put("olga", &at("x"))
        .body(RAW, "x")
        .send()
        .await
        .is(428);
    world.delete("olga", &at("README.md")).send().await.is(428);
    let both = world
        .put("olga", &at("x"))
        .header("if-match", "\"a\"")
        .header("if-none-match", "*");
    both.body(RAW, "x").send().await.is(400);
    let tag = world.put("olga", &at("x")).header("if-none-match", "\"a\"");
    tag.body(RAW, "x").send().await.is(400);
    let absent = world.put("olga", &at("x")).header("if-match", "*");
    absent.body(RAW, "x").send().await.is(412);
    world.get("vera", &at("x")).send().await.is(404);
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_outside() {
    let world = World::with_project().await;
    let outside = world.folder.path().join("data").join("outside");
    for (spelling, reason) in [
        ("..%2f..%2foutside", "parent"),
        ("%2e%2e/%2e%2e/outside", "parent"),
        ("../../outside", "parent"),
        ("a/..%2f..%2f..%2foutside", "parent"),
        ("/etc/passwd", "absolute"),
        ("%2fetc%2fpasswd", "absolute"),
        ("a%00b", "control"),
        ("a%5c..%5cb", "backslash"),
        (".git/config", "git"),
        (".GIT%20/hooks/x", "git"),
        ("git~1/config", "git"),
        (".g%E2%80%8Bit/config", "control"),
        ("C:/x", "absolute"),
        ("node_modules/x/index.js", "tool_owned"),
        ("a%E2%80%AEb", "control"),
    ] {
        let path = at(spelling);
        let write = world
            .put("adam", &path)
            .header("if-none-match", "*")
            .body(RAW, "x");
        let write = write.send().await;
        assert_eq!(write.status, 422, "{spelling}");
        assert_eq!(write.json()["reason"], reason, "{spelling}");
        let read = world.get("adam", &path).send().await;
        assert_eq!(read.status, 422, "{spelling}");
        let delete = world
            .delete("adam", &path)
            .header("if-match", "*")
            .send()
            .await;
        assert_eq!(delete.status, 422, "{spelling}");
    }
    assert!(!outside.exists());
    // What is not UTF-8 is no path at all; an escape is decoded once and never again.
    let bad = world.put("adam", &at("a%ff")).header("if-none-match", "*");
    bad.body(RAW, "x").send().await.is(400);
    let twice = at("%252e%252e%252fx");
    let twice = world
        .put("adam", &twice)
        .header("if-none-match", "*")
        .body(RAW, "x");
    let written = twice.send().await.is(201).json();
    assert_eq!(written["path"], "%2e%2e%2fx");
}

#[tokio::test]
async fn a_name_of_a_project_cannot_lead_outside_either() {
    let world = World::with_project().await;
    for name in ["..", "%2e%2e", "..%2f..%2fetc", "a%00b", "ADDER", "%ff"] {
        for rest in ["", "/tree", "/gates", "/files/x"] {
            let answer = world
                .get("adam", &format!("/projects/{name}{rest}"))
                .send()
                .await;
            assert!(
                [404, 400].contains(&answer.status.as_u16()),
                "{name}{rest}: {}",
                answer.status
            );
        }
    }
    for name in ["../x", "-x", "X", "", "a/b", "a\0b", &"a".repeat(64)] {
        let new = json!({ "name": name, "kind": "web" });
        world
            .post("adam", "/projects")
            .json(&new)
            .send()
            .await
            .is(422);
    }
}

#[tokio::test]
async fn trees_and_history_are_paged_and_tagged() {
    let world = World::with_project().await;
    for n in 0..5 {
        let put = world
            .put("olga", &at(&format!("f{n}")))
            .header("if-none-match", "*");
        put.body(RAW, n.to_string()).send().await.is(201);
    }
    let tree = format!("/projects/{PROJECT}/tree");
    let whole = world.get("vera", &tree).send().await.is(200);
    let tag = whole.header(header::ETAG).to_owned();
    world
        .get("vera", &tree)
        .header("if-none-match", &tag)
        .send()
        .await
        .is(304);
    let names = |value: &serde_json::Value| -> Vec<String> {
        let items = value["items"].as_array().unwrap().iter();
        items
            .map(|item| item["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = names(&whole.json());
    assert_eq!(all.len(), 7);
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("{tree}?limit=3&cursor={cursor}");
        let page = world.get("vera", &path).send().await.is(200).json();
        assert!(names(&page).len() <= 3);
        paged.extend(names(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, all);

    let log = format!("/projects/{PROJECT}/commits");
    let first = world
        .get("vera", &format!("{log}?limit=4"))
        .send()
        .await
        .is(200)
        .json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world
        .get("vera", &format!("{log}?limit=4&cursor={cursor}"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(first["items"].as_array().unwrap().len(), 4);
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
    assert_eq!(rest["next_cursor"], serde_json::Value::Null);
    let newest = first["items"][0]["oid"].as_str().unwrap();
    let commit = world
        .get("vera", &format!("{log}/{newest}"))
        .send()
        .await
        .is(200);
    assert_eq!(commit.header(header::ETAG), format!("\"{newest}\""));
    assert_eq!(commit.json()["diff"]["files"][0]["path"], "f4");
    let diff = format!("/projects/{PROJECT}/diff?from=main&to=work");
    let diff = world.get("vera", &diff).send().await.is(200).json();
    assert_eq!(diff["files"].as_array().unwrap().len(), 5);
    let branches = format!("/projects/{PROJECT}/branches");
    let branches = world.get("vera", &branches).send().await.is(200).json();
    assert_eq!(branches["items"].as_array().unwrap().len(), 2);
    world
        .get("vera", &format!("{tree}?ref=nowhere"))
        .send()
        .await
        .is(404);
    world
        .get("vera", &format!("{tree}?cursor=nowhere"))
        .send()
        .await
        .is(422);
    world
        .get("vera", &format!("{log}?cursor=nowhere"))
        .send()
        .await
        .is(422);
}

#[tokio::test]
async fn a_folder_is_no_file_and_a_file_no_folder() {
    let world = World::with_project().await;
    let put = |path: &str| {
        let put = world.put("olga", &at(path)).header("if-none-match", "*");
        put.body(RAW, "x")
    };
    put("src/a.ts").send().await.is(201);
    world.get("vera", &at("src")).send().await.is(404);
    put("src").send().await.is(422);
    put("src/a.ts/b.ts").send().await.is(422);
    let unchanged = world.get("vera", &at("src/a.ts")).send().await.is(200);
    assert_eq!(unchanged.body, "x");
}
