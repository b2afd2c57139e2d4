//! That nothing is left, whoever of those concerned is killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sluice_sandbox::{Job, LogSink, Sandbox, SandboxError, Stream, Upper};
use tokio_util::sync::CancellationToken;

use super::{again, as_ordinary_user, engine, fixture};
use crate::conformance::{Fixture, eventually, marker, run_here, runs};

/// Tells a test that it plays the daemon, and in which folder.
const DAEMON: &str = "SLUICE_TEST_DAEMON";

/// Whether nothing of a job is below the engine's state folder or in a control group.
fn is_clean(f: &Fixture, job: &str) -> bool {
    let jobs = fs::read_dir(f.dir.path().join("state/jobs")).unwrap();
    jobs.count() == 0 && !has_cgroup(job)
}

fn has_cgroup(job: &str) -> bool {
    let find = Command::new("find")
        .args(["/sys/fs/cgroup", "-type", "d", "-name", &format!("*{job}")])
        .output()
        .unwrap();
    !find.stdout.is_empty()
}

/// A job that says `ready` and stays, with a layer that would be kept.
fn staying(f: &Fixture, marker: &str) -> Job {
    let mut job = f.sh(&format!(
        "echo x > y; setsid sleep {marker} & echo ready; sleep {marker}"
    ));
    job.upper = Upper::Keep(f.dir.path().join("kept"));
    job
}

#[tokio::test]
async fn ended_job_leaves_nothing() {
    let f = fixture().await;
    let job = f.sh("mkdir closed && chmod 000 closed; true");
    f.run(&job).await;
    assert!(is_clean(&f, &job.name));
    let names = |f: &Fixture| {
        let mut names: Vec<_> = fs::read_dir(f.dir.path())
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        names
    };
    let before = names(&f);
    let (ended, ()) = f.run_while(&staying(&f, &marker()), async {}).await;
    assert_eq!(ended.end, sluice_sandbox::End::Killed);
    let after = names(&f);
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
}

#[tokio::test]
async fn dropped_run_leaves_nothing() {
    let f = fixture().await;
    let marker = marker();
    let job = staying(&f, &marker);
    let mut log = Vec::new();
    let cancel = CancellationToken::new();
    let run = f.sandbox.run(&job, &mut log, &cancel);
    let started = eventually("the job starts", || runs(&marker));
    tokio::select! {
        ended = run => panic!("{ended:?}"),
        () = started => {}
    }
    eventually("the processes are gone", || !runs(&marker)).await;
    eventually("its things are gone", || is_clean(&f, &job.name)).await;
    assert!(!f.dir.path().join("kept").exists());
}

/// The processes of our helper program that process `parent` started.
fn children(parent: &str) -> Vec<String> {
    let parent = format!(" {parent} ");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (before, after) = stat.rsplit_once(')')?;
            let is_child = after.get(2..)?.starts_with(&parent);
            (is_child && before.contains("sluice-sandbox"))
                .then(|| entry.file_name().to_string_lossy().into_owned())
        })
        .collect()
}

/// The number of the process that helpers of this process are forked from.
fn nursery_pid() -> Option<String> {
    children(&std::process::id().to_string()).pop()
}

/// The number of the one helper.
fn helper_pid() -> Option<String> {
    children(&nursery_pid()?).pop()
}

fn signal(signal: &str, pid: &str) {
    let sent = Command::new("kill").args([signal, pid]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test]
async fn killed_helper_leaves_nothing() {
    let f = fixture().await;
    let marker = marker();
    let job = staying(&f, &marker);
    let mut log = Vec::new();
    let cancel = CancellationToken::new();
    let kill = async {
        eventually("the job starts", || runs(&marker)).await;
        signal("-9", &helper_pid().expect("a helper runs"));
    };
    let (ended, ()) = tokio::join!(f.sandbox.run(&job, &mut log, &cancel), kill);
    assert!(
        matches!(ended, Err(SandboxError::Setup { .. })),
        "{ended:?}"
    );
    assert!(!runs(&marker));
    assert!(is_clean(&f, &job.name));
    assert!(!f.dir.path().join("kept").exists());
}

#[tokio::test]
async fn stuck_helper_does_not_hold_the_job() {
    let f = fixture().await;
    let marker = marker();
    let mut job = staying(&f, &marker);
    job.limits.wall = Duration::from_secs(2);
    let mut log = Vec::new();
    let cancel = CancellationToken::new();
    let started = Instant::now();
    let stop = async {
        eventually("the job starts", || runs(&marker)).await;
        let helper = helper_pid().expect("a helper runs");
        signal("-STOP", &helper);
        helper
    };
    let (ended, helper) = tokio::join!(f.sandbox.run(&job, &mut log, &cancel), stop);
    assert_eq!(ended.unwrap().end, sluice_sandbox::End::TimedOut);
    assert!(started.elapsed() < job.limits.wall + Duration::from_secs(5));
    assert!(!runs(&marker));
    assert!(is_clean(&f, &job.name));
    let state = || fs::read_to_string(format!("/proc/{helper}/stat")).unwrap_or_default();
    eventually("the helper is killed", || !state().contains(") T ")).await;
}

#[tokio::test]
async fn helpers_are_waited_for() {
    let f = fixture().await;
    for _ in 0..3 {
        f.run(&f.sh("true")).await;
    }
    let nursery = nursery_pid().expect("helpers were started");
    // The last one may still be on its way out.
    assert!(children(&nursery).len() <= 1);
}

#[tokio::test]
async fn a_job_outlives_the_process_that_its_helper_was_forked_from() {
    let f = fixture().await;
    let job = f.sh("sleep 2; echo done");
    let mut log = Vec::new();
    let cancel = CancellationToken::new();
    let kill = async {
        eventually("the helper starts", || helper_pid().is_some()).await;
        signal("-9", &nursery_pid().expect("it runs"));
    };
    let (ended, ()) = tokio::join!(f.sandbox.run(&job, &mut log, &cancel), kill);
    assert_eq!(ended.unwrap().end, sluice_sandbox::End::Exited(0));
    assert_eq!(String::from_utf8(log).unwrap(), "done\n");
    // The next one is forked from a new process.
    let next = f.sh("true");
    assert_eq!(f.run(&next).await.ended.end, sluice_sandbox::End::Exited(0));
    assert!(is_clean(&f, &job.name) && is_clean(&f, &next.name));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once() {
    let f = fixture().await;
    let jobs: Vec<Job> = (0..16)
        .map(|number| f.sh(&format!("echo {number} > own && cat own && ls | wc -l")))
        .collect();
    let ran = futures::future::join_all(jobs.iter().map(|job| f.run(job))).await;
    for (number, ran) in ran.iter().enumerate() {
        assert_eq!(ran.out(), format!("{number}\n4\n"));
    }
    assert!(jobs.iter().all(|job| is_clean(&f, &job.name)));
}

/// Prints what the job prints, for the test that watches.
struct Passed;

impl LogSink for Passed {
    fn chunk(&mut self, _: Stream, bytes: &[u8]) {
        use std::io::Write;
        let mut out = std::io::stdout();
        out.write_all(bytes).unwrap();
        out.flush().unwrap();
    }
}

async fn play_daemon(dir: &Path) {
    let engine = engine(&dir.join("state"));
    let job: Job = serde_json::from_slice(&fs::read(dir.join("job.json")).unwrap()).unwrap();
    let cancel = CancellationToken::new();
    let _ = engine.run(&job, &mut Passed, &cancel).await;
}

async fn kill_daemon(name: &str) {
    if let Some(dir) = std::env::var_os(DAEMON) {
        return play_daemon(Path::new(&dir)).await;
    }
    let f = fixture().await;
    let marker = marker();
    let job = staying(&f, &marker);
    let text = serde_json::to_vec(&job).unwrap();
    fs::write(f.dir.path().join("job.json"), text).unwrap();
    let mut daemon = again(&[], name)
        .env(DAEMON, f.dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    assert!(
        lines
            .map_while(Result::ok)
            .any(|line| line.ends_with("ready"))
    );
    assert!(runs(&marker));

    // A running job of another process is not an orphan.
    assert_eq!(f.sandbox.reap().await.unwrap(), 0);
    assert!(runs(&marker));

    daemon.kill().unwrap();
    daemon.wait().unwrap();
    eventually("the processes are gone", || !runs(&marker)).await;
    assert_eq!(f.sandbox.reap().await.unwrap(), 1);
    assert!(is_clean(&f, &job.name));
    assert!(!f.dir.path().join("kept").exists());
    assert_eq!(f.sandbox.reap().await.unwrap(), 0);
    // The same job starts again as if nothing had been.
    let (ended, ()) = f.run_while(&job, async {}).await;
    assert_eq!(ended.end, sluice_sandbox::End::Killed);
    assert!(f.dir.path().join("kept/y").exists());
}

#[test]
fn killed_daemon_leaves_nothing() {
    let name = concat!(module_path!(), "::killed_daemon_leaves_nothing");
    run_here(name, kill_daemon(name));
}

#[test]
fn killed_daemon_of_ordinary_user_leaves_nothing() {
    let name = concat!(
        module_path!(),
        "::killed_daemon_of_ordinary_user_leaves_nothing"
    );
    as_ordinary_user(name, kill_daemon(name));
}

#[tokio::test]
async fn same_name_at_once_is_refused() {
    let f = fixture().await;
    let job = staying(&f, &marker());
    let mut second = job.clone();
    second.upper = Upper::Discard;
    let (_, refused) = f.run_while(&job, f.try_run(&second)).await;
    assert!(matches!(
        refused.err(),
        Some(SandboxError::InvalidJob { .. })
    ));
}
