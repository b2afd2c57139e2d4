//! A backup of a running daemon, restored beside it: both go on, and what each proves holds.

use std::process::Command;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{ADMIN, Daemon, gates, spawn};
use crate::built::sluice;

fn run(daemon: &Daemon, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = Command::new(sluice());
    command.arg("--json").args(arguments);
    let output = command.current_dir(daemon.folder.path()).output().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), said)
}

async fn approve(daemon: &Daemon, gate: &str, who: &str) {
    let view = daemon.until(gate, "awaiting_approval").await;
    let path = format!("/projects/adder/gates/{gate}/approve");
    let decide = json!({ "subject_digest": view["subject_digest"], "comment": "fine" });
    let (status, said) = daemon.post(&path, who, decide).await;
    assert!(status.is_success(), "{said}");
    daemon.until(gate, "approved").await;
}

#[tokio::test]
async fn a_backup_of_a_running_daemon_is_restored_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    gates(&folder.path().join("gates"));
    let config = "[gates]\ndir = \"gates\"\n[engine]\ndefault = \"native\"\n";
    let mut daemon = Daemon::on(folder, config);
    let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
    let (status, _) = daemon.post("/projects", ADMIN, project).await;
    assert_eq!(status, StatusCode::CREATED);
    let anna = json!({ "name": "Anna", "role": "approver" });
    let (_, token) = daemon.post("/tokens", ADMIN, anna).await;
    let anna = token["token"].as_str().unwrap().to_owned();
    let text = "```md:docs/G0.md\n# G0\n\n## Goals\n\nPeople add numbers, and see the sum.\n```\n";
    let (status, _) = daemon.reply(text).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    daemon.until("g0", "awaiting_approval").await;

    let (code, made) = run(&daemon, &["backup", "saved", "--data", "data"]);
    assert_eq!((code, &made["projects"]), (Some(0), &json!(["adder"])));
    let (code, _) = run(&daemon, &["backup", "saved", "--data", "data"]);
    assert_eq!(code, Some(2), "the place is taken");
    let (code, _) = run(&daemon, &["backup", "other", "--data", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(!daemon.folder.path().join("other").exists());

    // The daemon that was backed up goes on; then it is lost with its data.
    approve(&daemon, "g0", &anna).await;
    daemon.kill();
    std::fs::remove_dir_all(daemon.folder.path().join("data")).unwrap();
    let (code, restored) = run(&daemon, &["restore", "saved", "--data", "data"]);
    assert_eq!((code, &restored["projects"]), (Some(0), &json!(["adder"])));
    (daemon.child, daemon.address) = spawn(daemon.folder.path());
    // The approval came after the backup; the token was made before it.
    approve(&daemon, "g0", &anna).await;
    let (code, verified) = run(&daemon, &["verify", "data/git/adder.git"]);
    assert_eq!(code, Some(0), "{verified:#}");
    // A backup is a place to read from, too.
    let (code, _) = run(&daemon, &["verify", "saved/git/adder.git"]);
    assert_eq!(code, Some(1), "nothing was approved then");
}
