//! What a job can take of the machine.

use std::time::{Duration, Instant};

use sluice_sandbox::End;

use super::{Fixture, Ran};

/// Whether `limit` is one that the job ran without, and said so.
fn is_loose(ran: &Ran, limit: &str) -> bool {
    ran.ended.unenforced.iter().any(|name| name == limit)
}

pub(crate) async fn memory_is_bounded(f: &Fixture) {
    let mut job = f.probe(&["memory", "1"]);
    job.limits.memory_bytes = 64 << 20;
    let ran = f.run(&job).await;
    if is_loose(&ran, "memory_bytes") {
        // One process is bounded all the same; its allocation fails.
        assert_ne!(ran.ended.end, End::Exited(0));
        assert!(!ran.out().contains("256 MiB"), "{}", ran.out());
    } else {
        assert_eq!(ran.ended.end, End::OutOfMemory);
        let peak = ran.ended.peak_memory.unwrap_or(64 << 20);
        assert!((32 << 20..=64 << 20).contains(&peak), "{peak}");
    }
}

pub(crate) async fn memory_of_all_processes_is_bounded(f: &Fixture) {
    let mut job = f.probe(&["memory", "8"]);
    job.limits.memory_bytes = 128 << 20;
    let ran = f.run(&job).await;
    if is_loose(&ran, "memory_bytes") {
        return;
    }
    assert_eq!(ran.ended.end, End::OutOfMemory);
}

pub(crate) async fn processes_are_bounded(f: &Fixture) {
    let mut job = f.probe(&["forks", "500"]);
    job.limits.pids = 40;
    let ran = f.run(&job).await;
    assert!(!is_loose(&ran, "pids"));
    let started: u32 = ran.out().trim().parse().unwrap();
    assert!((20..=40).contains(&started), "{started} processes");
    // A bomb that never stops is stopped.
    let mut job = f.sh("bomb() { bomb | bomb & }; bomb; sleep 1000");
    job.limits.pids = 40;
    job.limits.wall = Duration::from_secs(3);
    let begun = Instant::now();
    f.run(&job).await;
    assert!(begun.elapsed() < Duration::from_secs(8));
}

pub(crate) async fn processor_time_is_bounded(f: &Fixture) {
    let mut job = f.probe(&["spin", "1000"]);
    job.limits.cpus = 0.25;
    let ran = f.run(&job).await;
    assert_eq!(ran.ended.end, End::Exited(0));
    if !is_loose(&ran, "cpus") {
        let took: u64 = ran.out().trim().parse().unwrap();
        assert!(took >= 2_500, "1000 ms of processor time took {took} ms");
    }
}

pub(crate) async fn disk_is_bounded(f: &Fixture) {
    let script = "for i in 1 2 3 4; do head -c 16777216 /dev/zero > f$i || exit 9; done";
    let ran = f.run(&f.sh(script)).await;
    if !is_loose(&ran, "disk_bytes") {
        assert_eq!(ran.ended.end, End::Exited(9));
        assert!(ran.err().contains("No space left"), "{}", ran.err());
    }
}

pub(crate) async fn tmp_is_bounded(f: &Fixture) {
    let script = "for i in 1 2 3 4; do head -c 16777216 /dev/zero > /tmp/f$i || exit 9; done";
    let ran = f.run(&f.sh(script)).await;
    assert_eq!(ran.ended.end, End::Exited(9));
}

pub(crate) async fn inodes_are_bounded(f: &Fixture) {
    let ran = f.run(&f.probe(&["files", "/workspace", "3000"])).await;
    if !is_loose(&ran, "inodes") {
        let made: u32 = ran.out().trim().parse().unwrap();
        assert!((1_500..=2_000).contains(&made), "{made} files");
    }
    let ran = f.run(&f.probe(&["files", "/tmp", "3000"])).await;
    let made: u32 = ran.out().trim().parse().unwrap();
    assert!((1_500..=2_000).contains(&made), "{made} files in /tmp");
}

pub(crate) async fn file_size_is_bounded(f: &Fixture) {
    let mut job = f.sh(
        "head -c 8388608 /dev/zero > small && head -c 8388608 /dev/zero >> small; stat -c %s small",
    );
    job.limits.file_bytes = 12 << 20;
    let ran = f.run(&job).await;
    assert_eq!(ran.out().trim(), (12 << 20).to_string());
}

pub(crate) async fn open_files_are_bounded(f: &Fixture) {
    let mut job = f.probe(&["open", "1000"]);
    job.limits.open_files = 100;
    let opened: u32 = f.run(&job).await.out().trim().parse().unwrap();
    assert!((80..=100).contains(&opened), "{opened} files");
}

pub(crate) async fn no_core_file(f: &Fixture) {
    let ran = f.run(&f.sh("ulimit -Hc; ulimit -c")).await;
    assert_eq!(ran.out(), "0\n0\n");
}

pub(crate) async fn output_is_capped(f: &Fixture) {
    let marker = super::marker();
    let mut job = f.sh(&format!("sleep {marker} & yes; sleep {marker}"));
    job.limits.output_bytes = 1 << 20;
    let ran = f.run(&job).await;
    assert_eq!(ran.ended.end, End::OutputLimit);
    assert_eq!(ran.log.out.len(), 1 << 20);
    assert!(!super::runs(&marker));
}
