//! A person edits the working tree of a running daemon: at once, during a run, in conflict, and while it is down.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ADMIN, Daemon, spawn_by};
use crate::built::sluice;

fn daemon() -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let gates = folder.path().join("gates");
    std::fs::create_dir_all(&gates).unwrap();
    for n in 0..10 {
        let text = format!(
            "name = \"Gate {n}\"\npurpose = \"A test of edits.\"\nworker = \"backend\"\n\
             [[documents]]\npath = \"docs/G{n}.md\"\nkind = \"markdown\"\nsections = [\"Goals\"]\n"
        );
        std::fs::write(gates.join(format!("g{n}.toml")), text).unwrap();
    }
    let config = format!(
        "[gates]\ndir = {gates:?}\n[engine]\ndefault = \"native\"\n\
         [workspace]\nperson = \"Ada <ada@example.org>\"\ndebounce_ms = 50\n"
    );
    Daemon::on(folder, &config)
}

/// A document that its gate is content with.
fn document(who: &str) -> String {
    format!("# It\n\n## Goals\n\n{who} add numbers, and see the sum at once.\n")
}

impl Daemon {
    fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join("data/workspaces/adder").join(path)
    }

    fn save(&self, path: &str, text: &str) {
        let file = self.file(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn git_says(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        let output = command.arg("-C").arg(self.git()).args(arguments);
        let output = output.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until git says something.
    async fn until_git(&self, arguments: &[&str], wanted: &str) {
        let start = Instant::now();
        loop {
            let said = self.git_says(arguments);
            if said.trim_end() == wanted.trim_end() {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "git {arguments:?} says {said:?}, not {wanted:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until an edit is in a state.
    async fn until_edit(&self, n: u64, state: &str) -> Value {
        let start = Instant::now();
        loop {
            let path = format!("/projects/adder/edits/{n}");
            let (_, view) = self.ask(Method::GET, &path, ADMIN, None).await;
            if view["state"] == state {
                return view;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "edit {n} does not become {state}: {view:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn start_gate(&self, gate: &str) {
        let path = format!("/projects/adder/gates/{gate}/start");
        let (status, view) = self.post(&path, ADMIN, json!({})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{view}");
    }

    async fn approve(&self, gate: &str, who: &str) {
        let view = self.until(gate, "awaiting_approval").await;
        let path = format!("/projects/adder/gates/{gate}/approve");
        let decide = json!({ "subject_digest": view["subject_digest"], "comment": "fine" });
        let (status, view) = self.post(&path, who, decide).await;
        assert!(status.is_success(), "{view}");
        self.until(gate, "approved").await;
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(sluice());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SLUICE_URL", format!("http://{}", self.address))
            .env("SLUICE_TOKEN", ADMIN);
        command.output().unwrap()
    }

    fn edit_command(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[&["edit"], arguments, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[tokio::test]
async fn where_the_kernel_gives_too_few_watches_edits_are_taken_in_all_the_same() {
    for limit in ["max_inotify_instances", "max_inotify_watches"] {
        // The limits of a user namespace of its own: two are enough for nobody.
        let few = |arguments: &[&str]| {
            let mut command = Command::new("unshare");
            let script = format!(
                "echo {} > /proc/sys/user/{limit} && exec \"$0\" \"$@\"",
                if limit.ends_with("instances") { 0 } else { 2 }
            );
            command.args(["-Ur", "sh", "-c", &script]).arg(sluice());
            command.args(arguments);
            command
        };
        let mut daemon = daemon();
        daemon.kill();
        (daemon.child, daemon.address) = spawn_by(few(&[]), daemon.folder.path());
        let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
        let (status, _) = daemon.post("/projects", ADMIN, project).await;
        assert_eq!(status, StatusCode::CREATED);
        daemon.save("src/deep/er/a.js", "export const a = 1;\n");
        let newest = ["log", "-1", "--format=%an %s", "work"];
        daemon.until_git(&newest, "Ada Add src/deep/er/a.js").await;
        daemon.save("src/deep/er/a.js", "export const a = 2;\n");
        daemon.until_git(&newest, "Ada Edit src/deep/er/a.js").await;
        if limit.ends_with("instances") {
            let said = few(&["doctor"]).output().unwrap();
            let said = String::from_utf8_lossy(&said.stdout).into_owned();
            assert!(said.contains("max_user_instances"), "{said}");
        }
    }
}

#[tokio::test]
async fn what_a_person_saves_in_the_working_tree_becomes_theirs_whatever_happens() {
    let mut daemon = daemon();
    let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
    let (status, _) = daemon.post("/projects", ADMIN, project).await;
    assert_eq!(status, StatusCode::CREATED);
    let token = json!({ "name": "Anna", "role": "approver" });
    let (_, token) = daemon.post("/tokens", ADMIN, token).await;
    let anna = token["token"].as_str().unwrap().to_owned();
    let newest = ["log", "-1", "--format=%an <%ae> %s", "work"];

    // A project that was made after the start is watched, and so are folders that are made later.
    daemon.save("README.md", "# Ours\n");
    let said = "Ada <ada@example.org> Edit README.md";
    daemon.until_git(&newest, said).await;
    daemon.save("src/deep/er/a.js", "export const a = 1;\n");
    let said = "Ada <ada@example.org> Add src/deep/er/a.js";
    daemon.until_git(&newest, said).await;
    daemon.save("src/deep/er/a.js", "export const a = 2;\n");
    let said = "Ada <ada@example.org> Edit src/deep/er/a.js";
    daemon.until_git(&newest, said).await;

    // During a run it is held, and merged when the run has ended.
    daemon.start_gate("g0").await;
    daemon.save("notes.md", "mine\n");
    daemon.until_edit(1, "held").await;
    assert_eq!(
        daemon.git_says(&["log", "-1", "--format=%s", "work"]),
        "Edit src/deep/er/a.js\n"
    );
    let reply = format!("```md:docs/G0.md\n{}```\n", document("People"));
    let (status, run) = daemon.reply(&reply).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{run}");
    daemon.approve("g0", &anna).await;
    daemon.until_edit(1, "applied").await;
    daemon.until_git(&["show", "work:notes.md"], "mine\n").await;
    let shown = std::fs::read_to_string(daemon.file("docs/G0.md")).unwrap();
    assert_eq!(shown, document("People"));

    // What was approved does not cover it, and nobody says so.
    let view = daemon.get("/projects/adder/gates/g0").await;
    let subject = view["subject"]["commit"].as_str().unwrap();
    assert_eq!(daemon.git_says(&["rev-parse", "main"]).trim(), subject);
    assert_eq!(view["subject_is_head"], false);
    let since = view["edits_since"].as_array().unwrap();
    let head = daemon.git_says(&["rev-parse", "work"]);
    assert_eq!(since.as_slice(), [json!(head.trim())]);
    let bare = daemon.git();
    let verify = |repo: &str| daemon.command(&["verify", repo]);
    assert!(verify(bare.to_str().unwrap()).status.success());
    let cloned = daemon.git_says(&["clone", "-q", "-b", "work", ".", "../../clone"]);
    assert_eq!(cloned, "");
    let clone = daemon.folder.path().join("data/clone");
    let fetched = Command::new("git")
        .arg("-C")
        .arg(&clone)
        .args(["fetch", "-q", "origin", "+refs/gates/*:refs/gates/*"])
        .output()
        .unwrap();
    assert!(fetched.status.success());
    let said = verify(clone.to_str().unwrap());
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert!(text.contains("HEAD is not what g0 passed"), "{text}");

    // The agent and the person change the same line: the person sees both sides and says what holds.
    daemon.start_gate("g1").await;
    daemon.save("docs/G0.md", &document("Two persons"));
    daemon.until_edit(2, "held").await;
    let reply = format!(
        "```md:docs/G0.md\n{}```\n\n```md:docs/G1.md\n{}```\n",
        document("Many people"),
        document("People")
    );
    let (status, run) = daemon.reply(&reply).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{run}");
    daemon.approve("g1", &anna).await;
    daemon.until_edit(2, "conflict").await;
    let list = daemon.edit_command(&["list", "adder", "--state", "open"]);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let shown = daemon.edit_command(&["show", "adder", "2"]);
    let file = &shown["files"][0];
    assert_eq!(file["base"]["text"], document("People"));
    assert_eq!(file["mine"]["text"], document("Two persons"));
    assert_eq!(file["theirs"]["text"], document("Many people"));
    let on_disk = std::fs::read_to_string(daemon.file("docs/G0.md")).unwrap();
    assert_eq!(on_disk, document("Two persons"));
    std::fs::write(daemon.folder.path().join("both.md"), document("All people")).unwrap();
    let both = ["resolve", "adder", "2", "--file", "docs/G0.md=both.md"];
    assert_eq!(daemon.edit_command(&both)["state"], "resolved");
    let resolved = daemon.git_says(&["show", "work:docs/G0.md"]);
    assert_eq!(resolved, document("All people"));
    let on_disk = std::fs::read_to_string(daemon.file("docs/G0.md")).unwrap();
    assert_eq!(on_disk, document("All people"));

    // What is edited while the daemon is down is found at the start.
    daemon.kill();
    daemon.save("README.md", "# Ours, still\n");
    std::fs::remove_file(daemon.file("notes.md")).unwrap();
    daemon.start_again();
    let said = "Ada <ada@example.org> Edit README.md, notes.md";
    daemon.until_git(&newest, said).await;
    let parents = daemon.git_says(&["log", "-2", "--format=%an", "work"]);
    assert_eq!(parents, "Ada\nadmin\n", "one commit, on the resolution");
    daemon.save("README.md", "# And on\n");
    let said = "Ada <ada@example.org> Edit README.md";
    daemon.until_git(&newest, said).await;

    let fsck = Command::new("git")
        .arg("-C")
        .arg(daemon.git())
        .args(["fsck", "--strict"])
        .output()
        .unwrap();
    assert!(fsck.status.success());
    // The watch does not keep the daemon from ending.
    let pid = daemon.child.id().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(told.success());
    let start = Instant::now();
    while daemon.child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
