//! What the machine has and lacks: `sluice doctor`, `sluice sandbox-exec`.

use std::fs;

use serde_json::{Value, json};

use crate::world::World;

#[test]
fn doctor_names_everything_and_a_fix_for_each_miss() {
    let world = World::new();
    let ran = world.run_with(&[("SSL_CERT_FILE", "/nowhere.pem")], &["doctor", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    assert_eq!(document["ok"], true);
    let items = document["items"].as_array().unwrap();
    for name in [
        "docker",
        "podman",
        "native",
        "node",
        "npm",
        "python3",
        "cargo",
        "go",
        "git",
        "namespaces",
        "cgroups",
        "overlay",
        "disk",
    ] {
        assert!(
            items.iter().any(|item| item["name"] == name),
            "{name} is missing"
        );
    }
    for item in items {
        let is_ok = item["state"] == "ok";
        assert_eq!(item["fix"].is_string(), !is_ok, "{item}");
    }
    let certificates = items
        .iter()
        .find(|item| item["name"] == "certificates")
        .unwrap();
    assert_eq!(certificates["state"], "missing");
    assert!(
        certificates["detail"]
            .as_str()
            .unwrap()
            .contains("SSL_CERT_FILE")
    );
}

#[test]
fn doctor_shows_what_is_configured_and_what_is_wrong_with_it() {
    let world = World::new();
    world.write(
        "sluice.toml",
        "[engine]\nslots = 3\n[github]\ntoken = \"t\"\n",
    );
    let ran = world.run(&["doctor"]);
    assert!(
        ran.out.contains("engine.slots   3 (sluice.toml)"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("(set) (sluice.toml)"), "{}", ran.out);
    world.write("sluice.toml", "[engine]\nslot = 3\n");
    let ran = world.run(&["doctor", "--json"]);
    assert_eq!(ran.code, 2);
    let document = ran.json();
    assert_eq!(document["ok"], false);
    assert!(ran.out.contains("engine.slots"), "{}", ran.out);
}

fn job(world: &World, argv: &[&str]) -> Value {
    fs::create_dir_all(world.path("snapshot")).unwrap();
    let limits = json!({
        "wall": {"secs": 10, "nanos": 0}, "silence": null, "memory_bytes": 268_435_456, "cpus": 1.0, "pids": 64,
        "open_files": 256, "file_bytes": 1_048_576, "disk_bytes": 1_048_576, "inodes": 1_000,
        "output_bytes": 1_048_576,
    });
    json!({
        "name": "exec-test", "lower": [world.path("snapshot")], "upper": "discard", "workdir": "", "argv": argv,
        "env": {}, "binds": [], "out": null, "network": "none", "stdin": "empty", "limits": limits,
        "engine": "native",
    })
}

#[test]
fn a_job_has_our_streams_and_gives_its_code() {
    let world = World::new();
    let script = "cat; echo told >&2; exit 7";
    world.write(
        "job.json",
        job(&world, &["/bin/sh", "-c", script]).to_string(),
    );
    let ran = world.run_fed(b"the prompt\n", &["sandbox-exec", "--job", "job.json"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (7, "the prompt\n", "told\n")
    );
}

#[test]
fn a_job_that_takes_too_long_is_124() {
    let world = World::new();
    let mut job = job(&world, &["/bin/sleep", "60"]);
    job["limits"]["wall"]["secs"] = json!(1);
    world.write("job.json", job.to_string());
    let ran = world.run_fed(b"", &["sandbox-exec", "--job", "job.json"]);
    assert_eq!(ran.code, 124, "{ran:?}");
    assert!(ran.err.contains("timed_out"), "{}", ran.err);
}

#[test]
fn a_job_that_is_none_is_wrong_usage() {
    let world = World::new();
    world.write("job.json", "{\"name\": \"x\"}");
    let ran = world.run_fed(b"", &["sandbox-exec", "--job", "job.json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no job"), "{}", ran.err);
    let mut job = job(&world, &["/bin/true"]);
    job["engine"] = json!("lxc");
    world.write("job.json", job.to_string());
    assert_eq!(
        world
            .run_fed(b"", &["sandbox-exec", "--job", "job.json"])
            .code,
        2
    );
}
