//! Tests with real commands: floods, silence, signals, prompts larger than a pipe.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::CommandAgent;
use crate::{Agent, AgentError, Answer, Limits, Request};

fn agent(script: &str) -> CommandAgent {
    CommandAgent {
        name: "tester".into(),
        launcher: vec!["/bin/sh".into(), "-c".into()],
        argv: vec![script.into()],
        env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        wall: Duration::from_secs(30),
        idle: Duration::from_secs(30),
        max_reply_bytes: 16 << 20,
    }
}

fn request(prompt: &str) -> Request {
    Request {
        project: "p".into(),
        gate: "g5".into(),
        run: "r".into(),
        attempt: 0,
        answers: 0,
        strategy: "normal".into(),
        prompt: prompt.into(),
        ..Request::default()
    }
}

async fn ask(agent: &CommandAgent, prompt: &str) -> Result<Answer, AgentError> {
    agent
        .ask(&request(prompt), &(), &CancellationToken::new())
        .await
}

async fn reply(agent: &CommandAgent, prompt: &str) -> String {
    match ask(agent, prompt).await.unwrap() {
        Answer::Reply { text, .. } => text,
        Answer::NotYet => panic!("a command answers or fails"),
    }
}

fn is_running(pid: i32) -> bool {
    // A zombie is not running; it waits for whoever adopted it.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim().starts_with('Z'))
}

/// Waits until the process that wrote its id into `file` is gone.
async fn assert_ends(file: &Path) {
    let pid: i32 = std::fs::read_to_string(file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while is_running(pid) {
        assert!(Instant::now() < end, "process {pid} still runs");
        tokio::task::yield_now().await;
    }
}

async fn wait_for(file: &Path) {
    let end = Instant::now() + Duration::from_secs(10);
    while !std::fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n')) {
        assert!(Instant::now() < end, "{} did not come", file.display());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_prompt_goes_in_and_the_reply_comes_out() {
    let text = "# Ünïcode\r\n\0 and the end";
    assert_eq!(reply(&agent("cat"), text).await, text);
    assert_eq!(reply(&agent("exit 0"), text).await, "");
}

#[tokio::test]
async fn five_megabytes_go_both_ways_at_once() {
    let prompt = "0123456789abcdef".repeat(5 << 16);
    assert_eq!(reply(&agent("cat"), &prompt).await, prompt);
}

#[tokio::test]
async fn a_command_may_write_before_it_reads() {
    let prompt = "x".repeat(5 << 20);
    let script =
        "head -c 3000000 /dev/zero | tr '\\0' y; head -c 3000000 /dev/zero | tr '\\0' e >&2; cat";
    let text = reply(&agent(script), &prompt).await;
    assert_eq!(text.len(), 3_000_000 + prompt.len());
    assert!(text.starts_with("yyy") && text.ends_with("xxx"));
}

#[tokio::test]
async fn a_command_need_not_read_at_all() {
    let prompt = "x".repeat(5 << 20);
    assert_eq!(reply(&agent("echo done"), &prompt).await, "done\n");
}

#[tokio::test]
async fn only_the_given_environment_is_there() {
    let mut agent = agent("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort");
    agent.env.insert("KEY".into(), "value".into());
    assert_eq!(reply(&agent, "").await, "KEY=value\nPATH=/usr/bin:/bin\n");
}

#[tokio::test]
async fn a_failure_says_why() {
    let script = "echo half a reply; printf 'out of \\033[31mcredit\\n' >&2; exit 7";
    let error = ask(&agent(script), "").await.unwrap_err();
    assert!(error.is_passing());
    assert_eq!(
        error.to_string(),
        "tester ended with exit status: 7; it said: out of \u{FFFD}[31mcredit"
    );
    let error = ask(&agent("kill -9 $$"), "").await.unwrap_err();
    assert!(error.to_string().contains("signal: 9"), "{error}");
}

#[tokio::test]
async fn bytes_that_are_not_text_are_noted() {
    let answer = ask(&agent("printf 'a\\377b'"), "").await.unwrap();
    let Answer::Reply { text, note, .. } = answer else {
        panic!("a reply was expected");
    };
    assert_eq!(text, "a\u{FFFD}b");
    assert!(note.unwrap().contains("byte 1"));
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let mut agent = agent("yes");
    agent.max_reply_bytes = 100_000;
    let error = ask(&agent, "").await.unwrap_err();
    assert!(
        matches!(error, AgentError::TooLong { limit: 100_000, .. }),
        "{error}"
    );
    agent.argv = vec!["head -c 100000 /dev/zero".into()];
    assert_eq!(reply(&agent, "").await.len(), 100_000);
}

#[tokio::test]
async fn a_flood_of_errors_is_drained_and_bounded() {
    let script = "head -c 50000000 /dev/zero | tr '\\0' e >&2; exit 1";
    let error = ask(&agent(script), "").await.unwrap_err();
    assert!(error.to_string().len() < 5000);
}

#[tokio::test]
async fn silence_ends_it_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let mut agent = agent(&format!("sleep 600 & echo $! > {}; wait", file.display()));
    agent.idle = Duration::from_millis(300);
    let error = ask(&agent, "").await.unwrap_err();
    assert!(matches!(error, AgentError::Silent { .. }), "{error}");
    assert_ends(&file).await;
}

#[tokio::test]
async fn talking_does_not_stretch_the_wall_clock() {
    let mut agent = agent("while :; do echo .; sleep 0.05; done");
    agent.wall = Duration::from_millis(500);
    agent.idle = Duration::from_secs(20);
    let error = ask(&agent, "").await.unwrap_err();
    assert!(matches!(error, AgentError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!(
        "trap '' TERM; echo $$ > {}; while :; do sleep 1; done",
        file.display()
    );
    let cancel = CancellationToken::new();
    let asked = {
        let cancel = cancel.clone();
        tokio::spawn(async move { agent(&script).ask(&request(""), &(), &cancel).await })
    };
    wait_for(&file).await;
    cancel.cancel();
    let error = asked.await.unwrap().unwrap_err();
    assert!(matches!(error, AgentError::Cancelled { .. }), "{error}");
    assert_ends(&file).await;
}

#[tokio::test]
async fn dropping_the_question_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", file.display());
    let asked = tokio::spawn(async move {
        agent(&script)
            .ask(&request(""), &(), &CancellationToken::new())
            .await
    });
    wait_for(&file).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    assert_ends(&file).await;
}

#[tokio::test]
async fn what_is_left_behind_does_not_hold_up_the_reply() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; echo reply", file.display());
    assert_eq!(reply(&agent(&script), "").await, "reply\n");
    assert_ends(&file).await;
}

#[tokio::test]
async fn a_command_that_cannot_be_run_is_final() {
    let mut agent = agent("");
    for (argv, expected) in [
        (
            vec!["/no/such/agent".to_owned()],
            "/no/such/agent is not there",
        ),
        (vec!["/etc/passwd".to_owned()], "not a program"),
        (vec![], "its command is empty"),
    ] {
        agent.launcher = vec![];
        agent.argv = argv;
        let error = ask(&agent, "").await.unwrap_err();
        assert!(!error.is_passing());
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_request_may_narrow_the_clocks() {
    let agent = agent("sleep 20");
    let limits = |wall: Option<u64>, idle: Option<u64>| Limits {
        wall: wall.map(Duration::from_millis),
        idle: idle.map(Duration::from_millis),
        max_tokens: None,
    };
    let ask = async |limits| {
        let request = Request {
            limits,
            ..request("")
        };
        let cancel = CancellationToken::new();
        agent.ask(&request, &(), &cancel).await.unwrap_err()
    };
    let error = ask(limits(Some(100), None)).await;
    assert!(matches!(error, AgentError::TimedOut { .. }), "{error}");
    let error = ask(limits(None, Some(100))).await;
    assert!(matches!(error, AgentError::Silent { .. }), "{error}");
}
