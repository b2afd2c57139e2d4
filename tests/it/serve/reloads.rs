//! Files of gates and prompts that change under a running daemon.

use super::*;

fn write(daemon: &Daemon, path: &str, text: &str) {
    let path = daemon.folder.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Gives a gate another name and waits until it has it. Prompts that changed before are taken then, or refused.
async fn rename(daemon: &Daemon, name: &str) {
    let path = daemon.folder.path().join("gates/g9.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    write(daemon, "gates/g9.toml", &format!("name = {name:?}\n{rest}"));
    let start = Instant::now();
    while daemon.get("/projects/adder/gates/g9").await["name"] != name {
        assert!(start.elapsed() < Duration::from_secs(60), "{name}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Hands in a reply that has no document, and gives the request that comes of it.
async fn next(daemon: &Daemon, attempt: u16) -> String {
    let reply = format!("```md:notes-{attempt}.md\nNothing of use.\n```\n");
    let (status, problem) = daemon.reply(&reply).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{problem}");
    daemon.request("g0", attempt).await
}

#[tokio::test]
async fn a_changed_configuration_is_a_row_of_the_audit_log_without_its_values() {
    let folder = tempfile::tempdir().unwrap();
    gates(&folder.path().join("gates"));
    let config =
        |rest: &str| format!("[gates]\ndir = \"gates\"\n[engine]\ndefault = \"native\"\n{rest}");
    let first = config("slots = 2\n[github]\ntoken = \"hunter1\"\n");
    let mut daemon = Daemon::on(folder, &first);
    let rows = async |daemon: &Daemon| {
        let list = daemon.get("/audit?kind=config.changed").await;
        list["items"].as_array().unwrap().clone()
    };
    let told = rows(&daemon).await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["who"]["kind"], "system");
    let names = &told[0]["body"]["changed"];
    assert_eq!(
        names,
        &json!([
            "admin_token",
            "engine.default",
            "engine.slots",
            "gates.dir",
            "github.token"
        ])
    );
    // The same again is nothing new.
    daemon.kill_and_start_again();
    assert_eq!(rows(&daemon).await.len(), 1);
    write(
        &daemon,
        "sluice.toml",
        &config("[github]\ntoken = \"hunter2\"\n"),
    );
    daemon.kill_and_start_again();
    let told = rows(&daemon).await;
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(
        told[1]["body"],
        json!({ "changed": ["github.token"], "gone": ["engine.slots"] })
    );
    let shown = daemon.get("/audit").await.to_string();
    assert!(!shown.contains("hunter"), "{shown}");
}

#[tokio::test]
async fn a_changed_file_holds_without_a_restart_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    gates(&folder.path().join("gates"));
    let prompts = folder.path().join("mine/prompts");
    std::fs::create_dir_all(&prompts).unwrap();
    std::fs::write(prompts.join("answer.md"), "Answer in verse.\n").unwrap();
    let config =
        "[gates]\ndir = \"gates\"\n[templates]\ndir = \"mine\"\n[engine]\ndefault = \"native\"\n";
    let daemon = Daemon::on(folder, config);
    let project = json!({ "name": "adder", "kind": "library" });
    let (status, view) = daemon.post("/projects", ADMIN, project).await;
    assert_eq!(status, StatusCode::CREATED, "{view}");
    let (status, view) = daemon
        .post("/projects/adder/gates/g0/start", ADMIN, json!({}))
        .await;
    assert!(status.is_success(), "{view}");
    let first = daemon.request("g0", 0).await;
    assert!(
        first.contains("# How to answer\nAnswer in verse.\n"),
        "{first}"
    );

    write(
        &daemon,
        "mine/prompts/answer.md",
        "Answer in {{tongues}}.\n",
    );
    write(&daemon, "gates/g8.toml", "name = 8\n");
    let doctor = Command::new(sluice())
        .args(["doctor", "--json"])
        .current_dir(daemon.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout);
    for words in ["{{tongues}}", "answer.md", "g8.toml"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let text = std::fs::read_to_string(daemon.folder.path().join("gates/g7.toml")).unwrap();
    write(&daemon, "gates/g8.toml", &text.replace("G7.md", "G8.md"));
    rename(&daemon, "Gate nine").await;
    let second = next(&daemon, 1).await;
    assert!(second.contains("Answer in verse."), "{second}");

    write(&daemon, "mine/prompts/answer.md", "Answer in prose.\n");
    write(
        &daemon,
        "mine/prompts/heal.md",
        "Once more, for the {{attempt}}nd time.\n",
    );
    rename(&daemon, "The last gate").await;
    let third = next(&daemon, 2).await;
    for words in ["Answer in prose.", "Once more, for the 2nd time."] {
        assert!(third.contains(words), "{third}");
    }
}
