//! A daemon that is told to stop: streams are told why, work is handed back, and the process ends well.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use super::{ADMIN, Daemon, gates};

/// An agent that says that it began and then takes for ever, the first time.
const SLEEPER: &str = r#"cat > /dev/null; printf 'thinking\n'; sleep 600"#;

fn start(shutdown_s: u32) -> Daemon {
    let folder: TempDir = tempfile::tempdir().unwrap();
    gates(&folder.path().join("gates"));
    let config = format!(
        "[server]\nshutdown_s = {shutdown_s}\n[gates]\ndir = {gates:?}\n[engine]\ndefault = \"native\"\n\
         [agents.sleeper]\nkind = \"command\"\ngates = [\"g0\"]\nargv = [\"/bin/sh\", \"-c\", {script}]\n",
        gates = folder.path().join("gates"),
        script = json!(SLEEPER),
    );
    Daemon::on(folder, &config)
}

impl Daemon {
    /// Sends SIGTERM.
    fn tell_to_stop(&self) {
        let told = std::process::Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
    }

    /// Waits for the end; how the process ended, and after how long.
    fn ended(&mut self) -> (std::process::ExitStatus, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, start.elapsed());
            }
            assert!(start.elapsed() < Duration::from_secs(60), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[tokio::test]
async fn a_daemon_that_is_told_to_stop_says_so_and_hands_back_what_runs() {
    let mut daemon = start(2);
    let project = json!({ "name": "adder", "template": "blank", "kind": "service" });
    let (status, _) = daemon.post("/projects", ADMIN, project).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, run) = daemon
        .post("/projects/adder/gates/g0/start", ADMIN, json!({}))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    // The agent is at work.
    let live = |path: &str| {
        let url = format!("http://{}/api/v1/{path}", daemon.address);
        daemon.client.get(url).bearer_auth(ADMIN).send()
    };
    let mut agent = live("projects/adder/gates/g0/live").await.unwrap();
    let mut said = String::new();
    while !said.contains("reply-opened") {
        said.push_str(&String::from_utf8_lossy(
            &agent.chunk().await.unwrap().unwrap(),
        ));
    }
    let mut events = live("events").await.unwrap();
    events.chunk().await.unwrap().unwrap();

    daemon.tell_to_stop();
    let mut told = String::new();
    while let Ok(Some(chunk)) = events.chunk().await {
        told.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(
        told.contains("event: closed\ndata: {\"reason\":\"shutdown\""),
        "{told}"
    );
    let (status, after) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(after < Duration::from_secs(20), "{after:?}");
    assert!(
        std::net::TcpStream::connect(&daemon.address).is_err(),
        "it still listens"
    );

    // The next one asks the agent again, in the same run.
    daemon.start_again();
    let (_, gate) = daemon
        .ask(Method::GET, "/projects/adder/gates/g0", ADMIN, None)
        .await;
    assert_eq!(
        (&gate["run"], &gate["state"]),
        (&run["run"], &json!("working"))
    );
    assert_eq!(gate["attempt"], 0);
    // Nothing runs for longer than it is let when there is nothing to do.
    let (status, _) = daemon
        .post("/projects/adder/gates/g0/cancel", ADMIN, json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    daemon.tell_to_stop();
    let (status, _) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{status}");
}
