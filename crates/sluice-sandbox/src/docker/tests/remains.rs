//! What crashed processes leave, and how it goes.

use std::fs;
use std::time::Duration;

use bollard::query_parameters::ListContainersOptions;
use tokio_util::sync::CancellationToken;

use super::{Bench, config};
use crate::docker::Docker;
use crate::{End, Job, LogSink, Sandbox, Stream, Upper};

/// Tells that output came.
struct Up(tokio::sync::mpsc::UnboundedSender<()>);

impl LogSink for Up {
    fn chunk(&mut self, _: Stream, _: &[u8]) {
        let _ = self.0.send(());
    }
}

/// Starts a job on an engine handle of its own and loses the process, as it looks from outside: the handle
/// forgets everything, and no destructor runs.
async fn crash(bench: &Bench, id: &str, job: &Job) {
    let mut settings = config(&bench.folder);
    settings.daemon_id = id.to_owned();
    let lost = Docker::connect(settings).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let job = job.clone();
    // A runtime of its own, which is stopped without one more poll.
    let doomed = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    doomed.spawn(async move {
        let mut log = Up(tell);
        let run = lost.run(&job, &mut log, &CancellationToken::new()).await;
        panic!("the job was to run for ever: {run:?}");
    });
    told.recv().await.expect("the job started");
    // Dropping the runtime drops the task, whose clean-up finds no runtime to run in.
    doomed.shutdown_background();
}

async fn containers(bench: &Bench, id: &str) -> usize {
    let options = ListContainersOptions {
        all: true,
        filters: Some([("label".to_owned(), vec![format!("sluice.daemon={id}")])].into()),
        ..Default::default()
    };
    bench
        .docker
        .api
        .client
        .list_containers(Some(options))
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_second_process_reaps_the_first_and_nobody_elses() {
    let bench = Bench::new().await;
    crash(&bench, "crashed", &bench.shell("echo up; sleep 1000")).await;
    assert_eq!(containers(&bench, "crashed").await, 1);
    // The folders of a state belong to one daemon; the other one here has a state of its own.
    let other = tempfile::tempdir().unwrap();
    let stranger = Docker::connect(config(&other)).await.unwrap();
    assert_eq!(stranger.reap().await.unwrap(), 0);
    assert_eq!(containers(&bench, "crashed").await, 1);

    let mut settings = config(&bench.folder);
    settings.daemon_id = "crashed".to_owned();
    let again = Docker::connect(settings).await.unwrap();
    assert_eq!(again.reap().await.unwrap(), 1);
    assert_eq!(containers(&bench, "crashed").await, 0);
    bench.assert_clean().await;
}

#[tokio::test]
async fn a_repeat_finds_the_first_start_and_starts_clean() {
    let bench = Bench::new().await;
    let mut job = bench.shell("echo partial > half; echo up; sleep 1000");
    job.upper = Upper::Keep(bench.path("layer"));
    crash(&bench, "repeat", &job).await;
    assert!(bench.path("layer/half").exists());

    let mut settings = config(&bench.folder);
    settings.daemon_id = "repeat".to_owned();
    let again = Docker::connect(settings).await.unwrap();
    job.argv[2] = "ls; echo whole > done".to_owned();
    let mut log = Vec::new();
    let ended = again
        .run(&job, &mut log, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(
        (ended.end, log.as_slice()),
        (End::Exited(0), b"".as_slice())
    );
    let kept: Vec<_> = fs::read_dir(bench.path("layer"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(kept, ["done"]);
    assert_eq!(again.reap().await.unwrap(), 0);
    bench.assert_clean().await;
}

#[tokio::test]
async fn remains_without_their_folder_are_found_too() {
    let bench = Bench::new().await;
    crash(&bench, "emptied", &bench.shell("echo up; sleep 1000")).await;
    let mut settings = config(&bench.folder);
    settings.daemon_id = "emptied".to_owned();
    settings.state = bench.path("another-state");
    let again = Docker::connect(settings).await.unwrap();
    let ended = again
        .run(
            &bench.job(&["true"]),
            &mut Vec::new(),
            &CancellationToken::new(),
        )
        .await
        .unwrap();
    assert_eq!(ended.end, End::Exited(0));
    assert_eq!(containers(&bench, "emptied").await, 0);
    bench.docker.reap().await.unwrap();
    bench.assert_clean().await;
}

#[tokio::test]
async fn an_aborted_task_cleans_up_behind_itself() {
    let bench = Bench::new().await;
    let job = bench.shell("echo up; sleep 1000");
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut log = Up(tell);
    let cancel = CancellationToken::new();
    tokio::select! {
        run = bench.docker.run(&job, &mut log, &cancel) => panic!("ended: {run:?}"),
        _ = told.recv() => {}
    }
    let place = bench.path("state/docker/test");
    tokio::time::timeout(Duration::from_secs(60), async {
        while place.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the clean-up task removes the job's folder last");
    bench.assert_clean().await;
}

#[tokio::test]
async fn one_name_runs_once_at_a_time() {
    let bench = Bench::new().await;
    let job = bench.shell("echo up; sleep 1000");
    let cancel = CancellationToken::new();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut log = Up(tell);
    let first = bench.docker.run(&job, &mut log, &cancel);
    let second = async {
        told.recv().await;
        let fault = bench
            .docker
            .run(&job, &mut Vec::new(), &cancel)
            .await
            .unwrap_err();
        cancel.cancel();
        fault.to_string()
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().end, End::Killed);
    assert!(second.contains("is running"), "{second}");
    bench.assert_clean().await;
}
