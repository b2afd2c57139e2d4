//! How often somebody may ask, and how much at once.

use axum::http::header;
use sluice_server::{Limits, Options};

use crate::streams::until_streams;
use crate::world::World;

async fn world(limits: Limits) -> World {
    World::with_options(Options {
        limits,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_token_has_so_many_requests_and_another_has_its_own() {
    let limits = Limits {
        per_second: 1,
        burst: 3,
        ..Limits::default()
    };
    let world = world(limits).await;
    for path in ["/projects", "/metrics", "/nowhere-is-not-counted", "/audit"] {
        world.get("vera", path).send().await;
    }
    let refused = world.get("vera", "/projects").send().await.is(429);
    assert_eq!(refused.json()["type"], "/problems/rate-limited");
    assert_eq!(refused.header(header::RETRY_AFTER), "1");
    // From another address it is the same token, and from the same address another is another.
    let moved = world.get("vera", "/projects").from("198.51.100.7:1");
    moved.send().await.is(429);
    let git = world.get("vera", "/git/x.git/info/refs?service=git-upload-pack");
    assert_eq!(git.open().await.status(), 429);
    world.get("olga", "/projects").send().await.is(200);
    // A client that waits as long as it is told is answered.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    world.get("vera", "/projects").send().await.is(200);
}

#[tokio::test]
async fn an_address_has_so_many_tries_without_a_token_and_holds_up_nobody_who_has_one() {
    let limits = Limits {
        anonymous_per_second: 1,
        anonymous_burst: 2,
        ..Limits::default()
    };
    let world = world(limits).await;
    let guess = |who: &'static str, address: &'static str| {
        let ask = world.get(who, "/projects").from(address);
        async move { ask.send().await.status.as_u16() }
    };
    assert_eq!(guess("nobody", "198.51.100.7:1").await, 401);
    assert_eq!(guess("", "198.51.100.7:2").await, 401);
    assert_eq!(guess("nobody", "198.51.100.7:3").await, 429);
    assert_eq!(guess("nobody", "[::ffff:198.51.100.7]:3").await, 429);
    assert_eq!(guess("vera", "198.51.100.7:4").await, 200);
    assert_eq!(guess("nobody", "198.51.100.8:1").await, 401);
    // A network of IPv6 is one address.
    assert_eq!(guess("nobody", "[2001:db8::1]:1").await, 401);
    assert_eq!(guess("nobody", "[2001:db8::2]:1").await, 401);
    assert_eq!(guess("nobody", "[2001:db8::3]:1").await, 429);
    assert_eq!(guess("nobody", "[2001:db8:0:1::1]:1").await, 401);
    // The document is for everybody, but not without end; probes are.
    let document = || world.get("", "/api/v1/openapi.json").from("198.51.100.7:5");
    document().send().await.is(429);
    for _ in 0..5 {
        let probe = world.get("", "/healthz").from("198.51.100.7:5");
        probe.send().await.is(200);
    }
}

#[tokio::test]
async fn a_token_has_so_many_streams() {
    let limits = Limits {
        streams: 2,
        ..Limits::default()
    };
    let world = world(limits).await;
    let first = world.get("vera", "/events").open().await;
    let second = world.get("vera", "/events").open().await;
    assert_eq!(
        (first.status(), second.status()),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    let refused = world.get("vera", "/events").send().await.is(429);
    assert!(!refused.header(header::RETRY_AFTER).is_empty());
    assert_eq!(world.get("olga", "/events").open().await.status(), 200);
    drop(second);
    until_streams(&world, 1).await;
    assert_eq!(world.get("vera", "/events").open().await.status(), 200);
    drop(first);
}
