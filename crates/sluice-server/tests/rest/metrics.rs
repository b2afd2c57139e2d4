//! What `/metrics` tells.

use std::collections::BTreeMap;

use crate::world::{GOOD, POOR, PROJECT, World};

/// The values by name and labels, each held against the format.
async fn scrape(world: &World) -> BTreeMap<String, f64> {
    let answer = world.get("vera", "/metrics").send().await.is(200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let mut typed = "";
    let mut seen = Vec::new();
    let mut values = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(!seen.contains(&name), "{name} is there twice");
            seen.push(name);
            typed = name;
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(series.starts_with(typed), "{line}");
            let value: f64 = value.parse().unwrap();
            assert!(values.insert(series.to_owned(), value).is_none(), "{line}");
        }
    }
    values
}

#[tokio::test]
async fn what_was_done_is_counted() {
    let world = World::with_project().await;
    let before = scrape(&world).await;
    world.reply("olga", GOOD).await;
    world.get("nobody", "/projects").send().await.is(401);
    world.get("vera", "/projects/none").send().await.is(404);
    let after = scrape(&world).await;
    let grew = |series: &str| {
        let value = |all: &BTreeMap<String, f64>| all.get(series).copied().unwrap_or(0.0);
        let (before, after) = (value(&before), value(&after));
        assert!(after > before, "{series}: {before} {after} {after:#?}");
        after - before
    };
    grew(r#"sluice_run_moves_total{gate="g0",state="awaiting_approval"}"#);
    grew(r#"sluice_steps_total{effect="check",outcome="done"}"#);
    grew(r#"sluice_step_seconds_count{effect="check"}"#);
    grew("sluice_step_wait_seconds_count");
    grew("sluice_database_change_seconds_count");
    grew("sluice_database_group_changes_sum");
    grew("sluice_events_total");
    grew(r#"sluice_credentials_refused_total{kind="token"}"#);
    grew(r#"sluice_http_answers_total{status="4xx"}"#);
    grew(
        r#"sluice_http_request_seconds_count{method="GET",route="/api/v1/projects/{project}",status="4xx"}"#,
    );
    assert_eq!(
        after[r#"sluice_runs_open{gate="g0",state="awaiting_approval"}"#],
        1.0
    );
    assert_eq!(after["sluice_projects"], 1.0);
    assert_eq!(after["sluice_escalations_open"], 0.0);
    assert!(after["process_resident_memory_bytes"] > 1e6);
    // Nothing that somebody outside chooses becomes a series.
    assert!(
        after.keys().all(|series| !series.contains(PROJECT)),
        "{after:#?}"
    );
}

#[tokio::test]
async fn questions_to_people_have_an_age() {
    let world = World::with_project().await;
    world.reply("olga", POOR).await;
    let after = scrape(&world).await;
    assert_eq!(after["sluice_escalations_open"], 1.0);
    assert!(after["sluice_escalations_oldest_seconds"] >= 0.0);
    assert!(after[r#"sluice_run_moves_total{gate="g0",state="escalated"}"#] >= 1.0);
    assert_eq!(after["sluice_runs_due"], 0.0);
}
