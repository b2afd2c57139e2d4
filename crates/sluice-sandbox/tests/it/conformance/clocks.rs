//! The clocks, and that nothing outlives a job.

use std::time::{Duration, Instant};

use sluice_sandbox::{End, LogSink, Stream};

use super::{Fixture, marker, runs};

/// How much longer than its wall clock a job may take to be over.
const SLACK: Duration = Duration::from_secs(5);

pub(crate) async fn wall_ends_it(f: &Fixture) {
    let marker = marker();
    let mut job = f.job(&["sleep", &marker]);
    job.limits.wall = Duration::from_secs(2);
    let started = Instant::now();
    let ran = f.run(&job).await;
    assert_eq!(ran.ended.end, End::TimedOut);
    assert!(started.elapsed() < job.limits.wall + SLACK);
    assert!(ran.ended.wall >= job.limits.wall);
    assert!(!runs(&marker));
}

pub(crate) async fn wall_ends_what_never_stops_printing(f: &Fixture) {
    let mut job = f.sh("exec yes");
    job.limits.wall = Duration::from_secs(2);
    job.limits.output_bytes = u64::MAX;
    let started = Instant::now();
    let mut none = Nothing;
    let cancel = tokio_util::sync::CancellationToken::new();
    let ended = f.sandbox.run(&job, &mut none, &cancel).await.unwrap();
    assert_eq!(ended.end, End::TimedOut);
    assert!(started.elapsed() < job.limits.wall + SLACK);
}

/// Forgets all output.
struct Nothing;

impl LogSink for Nothing {
    fn chunk(&mut self, _: Stream, _: &[u8]) {}
}

pub(crate) async fn clocks_may_be_far_away(f: &Fixture) {
    let mut job = f.sh("exit 6");
    job.limits.wall = Duration::MAX;
    job.limits.silence = Some(Duration::MAX);
    assert_eq!(f.run(&job).await.ended.end, End::Exited(6));
}

pub(crate) async fn silence_ends_it(f: &Fixture) {
    let mut job = f.sh("echo begun; sleep 1000");
    job.limits.silence = Some(Duration::from_secs(2));
    let ran = f.run(&job).await;
    assert_eq!(ran.ended.end, End::Silent);
    assert_eq!(ran.out(), "begun\n");
}

pub(crate) async fn output_resets_silence(f: &Fixture) {
    // Either stream counts.
    let mut job = f.sh("for i in 1 2 3 4; do sleep 1; echo $i >&2; done; exit 5");
    job.limits.silence = Some(Duration::from_secs(3));
    assert_eq!(f.run(&job).await.ended.end, End::Exited(5));
}

pub(crate) async fn sigterm_cannot_be_ignored(f: &Fixture) {
    let marker = marker();
    let mut job = f.sh(&format!(
        "trap '' TERM INT HUP QUIT; (trap '' TERM; exec sleep {marker}) & while :; do sleep {marker}; done"
    ));
    job.limits.wall = Duration::from_secs(2);
    let started = Instant::now();
    assert_eq!(f.run(&job).await.ended.end, End::TimedOut);
    assert!(started.elapsed() < job.limits.wall + SLACK);
    assert!(!runs(&marker));
}

pub(crate) async fn orphans_are_gone(f: &Fixture) {
    let marker = marker();
    let script = format!(
        "setsid sh -c 'sleep {marker} & sleep {marker}' >/dev/null 2>&1 </dev/null & exit 7"
    );
    let ran = f.run(&f.sh(&script)).await;
    assert_eq!(ran.ended.end, End::Exited(7));
    assert!(!runs(&marker));
}

pub(crate) async fn orphans_do_not_hold_it(f: &Fixture) {
    // The orphan keeps the output open, which must not keep the job open.
    let marker = marker();
    let mut job = f.sh(&format!("setsid sleep {marker} & echo done"));
    job.limits.wall = Duration::from_secs(20);
    let started = Instant::now();
    let ran = f.run(&job).await;
    assert_eq!(ran.ended.end, End::Exited(0));
    assert_eq!(ran.out(), "done\n");
    assert!(started.elapsed() < job.limits.wall);
    assert!(!runs(&marker));
}

pub(crate) async fn stopped_processes_are_gone(f: &Fixture) {
    let marker = marker();
    let mut job = f.sh(&format!("sleep {marker} & kill -STOP $!; kill -STOP $$"));
    job.limits.wall = Duration::from_secs(2);
    let started = Instant::now();
    assert_eq!(f.run(&job).await.ended.end, End::TimedOut);
    assert!(started.elapsed() < job.limits.wall + SLACK);
    assert!(!runs(&marker));
}
