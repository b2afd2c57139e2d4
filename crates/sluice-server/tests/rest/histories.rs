//! History over REST: commits, those of a path, lines, tags, differences; and what is no history.

use axum::http::header;

use crate::world::{PROJECT, World};

fn at(rest: &str) -> String {
    format!("/projects/{PROJECT}{rest}")
}

async fn written(world: &World, path: &str, text: &str) {
    let path = at(&format!("/files/{path}"));
    let there = world.get("olga", &path).send().await;
    let put = world.put("olga", &path);
    let put = match there.status.as_u16() {
        200 => put.header("if-match", there.header(header::ETAG)),
        _ => put.header("if-none-match", "*"),
    };
    let done = put
        .body("application/octet-stream", text.to_owned())
        .send()
        .await;
    assert!(done.status.is_success(), "{}", done.status);
}

#[tokio::test]
async fn history_is_had_page_by_page() {
    let world = World::with_project().await;
    for n in 0..6 {
        written(&world, "a.txt", &format!("first\n{n}\n")).await;
        written(&world, &format!("d/{n}"), "x\n").await;
    }
    let mut pages = vec![];
    let mut cursor = String::new();
    loop {
        let path = at(&format!("/commits?path=a.txt&limit=4&cursor={cursor}"));
        let page = world.get("vera", &path).send().await.is(200).json();
        pages.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let messages: Vec<_> = pages
        .iter()
        .map(|one| one["message"].as_str().unwrap().trim())
        .collect();
    assert_eq!(messages.len(), 6, "{messages:?}");
    assert!(
        messages[0].contains("a.txt") && messages[5].contains("a.txt"),
        "{messages:?}"
    );

    let blame = world
        .get("vera", &at("/blame/a.txt?ref=work"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(blame["items"].as_array().unwrap().len(), 2);
    assert_eq!(blame["items"][0]["commit"], pages[5]["oid"]);
    assert_eq!(blame["items"][1]["commit"], pages[0]["oid"]);
    let second = world
        .get("vera", &at("/blame/a.txt?cursor=2&limit=1"))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(second["items"], serde_json::json!([blame["items"][1]]));

    let diff = world
        .get("vera", &at("/diff?limit=3"))
        .send()
        .await
        .is(200)
        .json();
    let next = diff["next_cursor"].as_str().unwrap();
    let rest = world
        .get("vera", &at(&format!("/diff?cursor={next}")))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(
        diff["files"].as_array().unwrap().len() + rest["files"].as_array().unwrap().len(),
        7
    );
    let tags = world.get("vera", &at("/tags")).send().await.is(200).json();
    assert_eq!(tags["items"], serde_json::json!([]));
}

#[tokio::test]
async fn what_names_no_history_is_refused() {
    let world = World::with_project().await;
    let zero = "0".repeat(40);
    for path in [
        "/blame/nothing",
        "/blame/README.md?ref=nothing",
        "/commits?ref=%2e%2e%2f%2e%2e",
        "/commits?ref=refs%2fheads%2f%2e%2e",
        "/commits?ref=a%00b",
        "/commits?ref=main%5e",
        "/commits?ref=@%7b1%7d",
        &format!("/commits?ref={zero}"),
        &format!("/diff?from={zero}&to=work"),
        "/diff?from=-&to=--help",
    ] {
        world.get("vera", &at(path)).send().await.is(404);
    }
    let long = "9".repeat(4000);
    for path in [
        "/blame/..%2fsecret",
        "/blame/.git%2fconfig",
        "/commits?path=..",
        "/commits?path=%2fetc%2fpasswd",
        "/commits?path=a%00b",
        "/commits?cursor=x",
        "/commits?cursor=..%2f..",
        &format!("/commits?cursor={zero}"),
        &format!("/commits?cursor={zero}.0.5.x"),
        &format!("/commits?cursor={zero}.0.5.9.{zero}.{zero}"),
        &format!("/commits?cursor={long}"),
        "/diff?cursor=a.b.c",
        &format!("/diff?cursor={zero}.{zero}.1"),
        &format!("/diff?cursor=.{zero}.{long}"),
        "/tags?cursor=nothing",
        "/blame/README.md?cursor=0",
    ] {
        world.get("vera", &at(path)).send().await.is(422);
    }
    for path in [
        "/commits?limit=0",
        "/commits?limit=-1",
        "/commits?paths=a",
        "/blame/README.md?cursor=-1",
        "/blame/README.md?limit=x",
        "/diff?limit=0",
    ] {
        world.get("vera", &at(path)).send().await.is(400);
    }
    world.get("", &at("/tags")).send().await.is(401);
    world.get("", &at("/blame/README.md")).send().await.is(401);
}
