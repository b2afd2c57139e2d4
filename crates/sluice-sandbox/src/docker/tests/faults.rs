//! Engines that are missing, that stop to answer, that break off, and jobs that are not well formed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Bench, config};
use crate::docker::Docker;
use crate::{LogSink, Sandbox, SandboxError, Stream, Upper};

/// What the proxy does once it is told to fail.
#[derive(Clone, Copy)]
enum Failure {
    /// Every connection stays open and carries nothing more.
    Stall,
    /// Every connection is closed, and new ones are too.
    Close,
}

/// A socket that passes everything on to the real engine until it is told to fail.
struct Proxy {
    failing: Arc<AtomicBool>,
    told: Arc<Notify>,
}

impl Proxy {
    fn start(socket: &Path, failure: Failure) -> Proxy {
        let listener = UnixListener::bind(socket).unwrap();
        let failing = Arc::new(AtomicBool::new(false));
        let told = Arc::new(Notify::new());
        let (flag, bell) = (Arc::clone(&failing), Arc::clone(&told));
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = UnixStream::connect("/var/run/docker.sock").await.unwrap();
                tokio::spawn(pass(
                    near,
                    far,
                    failure,
                    Arc::clone(&flag),
                    Arc::clone(&bell),
                ));
            }
        });
        Proxy { failing, told }
    }

    fn fail(&self) {
        self.failing.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }
}

async fn pass(
    near: UnixStream,
    far: UnixStream,
    failure: Failure,
    failing: Arc<AtomicBool>,
    told: Arc<Notify>,
) {
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let up = async {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = from_near.read(&mut buffer).await {
            if to_far.write_all(&buffer[..n]).await.is_err() {
                return;
            }
        }
        let _ = to_far.shutdown().await;
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = from_far.read(&mut buffer).await {
            if to_near.write_all(&buffer[..n]).await.is_err() {
                return;
            }
        }
    };
    let broken = async {
        let rung = told.notified();
        if !failing.load(Ordering::SeqCst) {
            rung.await;
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        () = broken => if let Failure::Stall = failure {
            std::future::pending::<()>().await;
        }
    }
}

/// Makes the engine fail when the first output comes.
struct FailOnOutput(Proxy);

impl LogSink for FailOnOutput {
    fn chunk(&mut self, _: Stream, _: &[u8]) {
        self.0.fail();
    }
}

async fn dies(failure: Failure) {
    let bench = Bench::new().await;
    let socket = bench.path("proxy.sock");
    let proxy = Proxy::start(&socket, failure);
    let mut settings = config(&bench.folder);
    settings.socket = Some(socket);
    let id = settings.daemon_id.clone();
    let docker = Docker::connect(settings).await.unwrap();
    let job = bench.shell("echo up; sleep 1000");
    let started = Instant::now();
    let fault = docker
        .run(&job, &mut FailOnOutput(proxy), &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(150),
        "{:?}",
        started.elapsed()
    );
    assert!(
        matches!(fault, SandboxError::Unavailable { .. }),
        "{fault:?}"
    );
    assert!(fault.to_string().contains("start Docker"), "{fault}");

    // The engine is back, and so is the daemon: what was left is found.
    let mut settings = config(&bench.folder);
    settings.daemon_id = id;
    let again = Docker::connect(settings).await.unwrap();
    assert_eq!(again.reap().await.unwrap(), 1);
    bench.assert_clean().await;
}

#[tokio::test]
async fn an_engine_that_stops_to_answer_is_unavailable() {
    dies(Failure::Stall).await;
}

#[tokio::test]
async fn an_engine_that_hangs_up_is_unavailable() {
    dies(Failure::Close).await;
}

async fn refused(change: impl FnOnce(&mut crate::DockerConfig)) -> SandboxError {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(&folder);
    change(&mut settings);
    match Docker::connect(settings).await {
        Ok(_) => panic!("connected"),
        Err(fault) => fault,
    }
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_mend() {
    let fault = refused(|c| c.socket = Some(PathBuf::from("/nowhere/docker.sock"))).await;
    assert!(
        fault.is_missing() && fault.to_string().contains("scripts/engine.sh"),
        "{fault}"
    );
    let fault = refused(|c| c.socket = Some(PathBuf::from("/etc/passwd"))).await;
    assert!(fault.is_missing(), "{fault}");
    let fault = refused(|c| c.state = PathBuf::from("/var/tmp/a,b")).await;
    assert!(fault.to_string().contains("comma"), "{fault}");
    let fault = refused(|c| c.daemon_id = "A B".to_owned()).await;
    assert!(fault.to_string().contains("daemon id"), "{fault}");
}

#[tokio::test]
async fn a_socket_that_never_answers_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mute.sock");
    let _mute = UnixListener::bind(&socket).unwrap();
    let fault = refused(|c| c.socket = Some(socket)).await;
    assert!(fault.to_string().contains("does not answer"), "{fault}");
}

#[tokio::test]
async fn jobs_that_are_not_well_formed_start_nothing() {
    let bench = Bench::new().await;
    type Change = fn(&mut crate::Job);
    let changes: &[(&str, Change)] = &[
        ("its name", |job| job.name = "../x".to_owned()),
        ("no program", |job| job.argv.clear()),
        ("no snapshot", |job| job.lower.clear()),
        ("not absolute", |job| job.lower = vec!["relative".into()]),
        ("not there", |job| {
            job.lower = vec!["/nowhere/at/all".into()]
        }),
        ("not relative", |job| job.workdir = "../x".to_owned()),
        ("not relative", |job| job.workdir = "/etc".to_owned()),
        ("not there", |job| job.workdir = "missing".to_owned()),
        ("cannot be set", |job| {
            drop(job.env.insert("A=B".to_owned(), String::new()))
        }),
        ("NUL", |job| job.argv.push("a\0b".to_owned())),
        ("not there", |job| job.out = Some("/nowhere/at/all".into())),
        ("to keep", |job| job.upper = Upper::Keep("relative".into())),
    ];
    for (says, change) in changes {
        let mut job = bench.job(&["true"]);
        change(&mut job);
        let fault = bench.try_run(&job).await.unwrap_err();
        assert!(
            matches!(fault, SandboxError::InvalidJob { .. }),
            "{fault:?}"
        );
        assert!(fault.to_string().contains(says), "{fault}");
    }
}
