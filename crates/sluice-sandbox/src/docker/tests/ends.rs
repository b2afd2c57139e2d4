//! How commands end, and what they hand out.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Bench;
use crate::{End, LogSink, Sandbox, Stdin, Stream, Upper};

#[derive(Default)]
struct Both {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl LogSink for Both {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Out => self.out.extend_from_slice(bytes),
            Stream::Err => self.err.extend_from_slice(bytes),
        }
    }
}

#[tokio::test]
async fn exit_code_and_both_streams_byte_exact() {
    let bench = Bench::new().await;
    let job = bench.shell(r"printf 'a\377\000b'; printf 'c\r\n' >&2; exit 7");
    let mut log = Both::default();
    let ended = bench
        .docker
        .run(&job, &mut log, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(ended.end, End::Exited(7));
    assert_eq!(ended.unenforced, Vec::<String>::new());
    assert_eq!(log.out, b"a\xff\x00b");
    assert_eq!(log.err, b"c\r\n");
    bench.assert_clean().await;
}

#[tokio::test]
async fn a_missing_program_is_127_and_a_signal_is_killed() {
    let bench = Bench::new().await;
    let (ended, log) = bench.run(&bench.job(&["no-such-program"])).await;
    assert_eq!(ended.end, End::Exited(127), "{log}");
    let (ended, _) = bench.run(&bench.shell("kill -SEGV $$")).await;
    assert_eq!(ended.end, End::Killed);
}

#[tokio::test]
async fn stdin_is_given_whole_or_not_at_all() {
    let bench = Bench::new().await;
    let mut job = bench.job(&["sha256sum"]);
    let (ended, log) = bench.run(&job).await;
    assert_eq!(ended.end, End::Exited(0));
    assert!(log.starts_with("e3b0c442"), "{log}");

    job.stdin = Stdin::Bytes(vec![b'x'; 3 << 20]);
    job.argv = vec!["wc".to_owned(), "-c".to_owned()];
    let (ended, log) = bench.run(&job).await;
    assert_eq!((ended.end, log.trim()), (End::Exited(0), "3145728"));

    // One that never reads it ends all the same.
    job.argv = vec!["true".to_owned()];
    let (ended, _) = bench.run(&job).await;
    assert_eq!(ended.end, End::Exited(0));
}

#[tokio::test]
async fn the_clocks_ring() {
    let bench = Bench::new().await;
    let mut job = bench.shell("trap '' TERM; while :; do echo tick; sleep 0.1; done");
    job.limits.wall = Duration::from_secs(2);
    job.limits.silence = Some(Duration::from_secs(1));
    let (ended, _) = bench.run(&job).await;
    assert_eq!(ended.end, End::TimedOut);

    let mut job = bench.shell("echo once; setsid sleep 1000 & sleep 1000");
    job.limits.silence = Some(Duration::from_secs(1));
    let (ended, log) = bench.run(&job).await;
    assert_eq!((ended.end, log.as_str()), (End::Silent, "once\n"));
}

#[tokio::test]
async fn output_is_cut_at_its_limit_and_always_drained() {
    let bench = Bench::new().await;
    let mut job = bench.job(&["sh", "-c", "yes 0123456789 & yes abcdefghij >&2"]);
    job.limits.output_bytes = 1 << 20;
    let (ended, log) = bench.run(&job).await;
    assert_eq!((ended.end, log.len()), (End::OutputLimit, 1 << 20));

    let mut job = bench.shell("head -c 20000000 /dev/zero");
    job.limits.output_bytes = 20_000_000;
    let (ended, log) = bench.run(&job).await;
    assert_eq!((ended.end, log.len()), (End::Exited(0), 20_000_000));
}

/// Cancels when the first output comes.
struct CancelOnOutput(CancellationToken);

impl LogSink for CancelOnOutput {
    fn chunk(&mut self, _: Stream, _: &[u8]) {
        self.0.cancel();
    }
}

#[tokio::test]
async fn cancelling_kills_every_descendant() {
    let bench = Bench::new().await;
    let job = bench.shell("setsid sh -c 'sleep 1000' & echo up; sleep 1000");
    let cancel = CancellationToken::new();
    let mut log = CancelOnOutput(cancel.clone());
    let started = Instant::now();
    let ended = bench.docker.run(&job, &mut log, &cancel).await.unwrap();
    assert_eq!(ended.end, End::Killed);
    assert!(started.elapsed() < Duration::from_secs(30));
    bench.assert_clean().await;
}

#[tokio::test]
async fn memory_processes_disk_inodes_and_file_size_are_bounded() {
    let bench = Bench::new().await;
    let mut job = bench.job(&[
        "node",
        "-e",
        "const a=[]; for(;;) a.push(Buffer.alloc(1<<20, 1))",
    ]);
    job.limits.memory_bytes = 128 << 20;
    let (ended, _) = bench.run(&job).await;
    assert_eq!(ended.end, End::OutOfMemory);

    let mut job = bench.shell(
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 5 & done; echo all",
    );
    job.limits.pids = 10;
    let (ended, log) = bench.run(&job).await;
    assert_ne!(ended.end, End::Exited(0), "{log}");
    assert!(log.contains("fork"), "{log}");

    for folder in ["/workspace", "/tmp"] {
        let mut job = bench.shell(&format!("head -c 20000000 /dev/zero > {folder}/big"));
        job.limits.disk_bytes = 8 << 20;
        let (ended, log) = bench.run(&job).await;
        assert_eq!(ended.end, End::Exited(1), "{folder}: {log}");
        assert!(log.contains("No space left"), "{folder}: {log}");

        let mut job = bench.shell(&format!(
            "i=0; while [ $i -lt 300 ]; do : > {folder}/f$i || exit 9; i=$((i+1)); done"
        ));
        job.limits.inodes = 200;
        let (ended, log) = bench.run(&job).await;
        assert_ne!(ended.end, End::Exited(0), "{folder}: {log}");
        assert!(log.contains("No space left"), "{folder}: {log}");
    }

    let mut job = bench.shell("head -c 3000000 /dev/zero > big; wc -c < big");
    job.limits.file_bytes = 1 << 20;
    let (_, log) = bench.run(&job).await;
    assert!(log.contains("1048576"), "{log}");
}

#[tokio::test]
async fn the_snapshot_can_be_changed_and_never_is() {
    let bench = Bench::new().await;
    bench.file("src/a.txt", "old");
    bench.file("src/b/c.txt", "deep");
    bench.file("d.txt", "gone");
    let mut job = bench.shell("echo new > a.txt && mv b e && rm ../d.txt && rm -r ../src/e && cat a.txt && pwd && stat -c %u a.txt . | uniq | grep -c .");
    job.workdir = "src".to_owned();
    let (ended, log) = bench.run(&job).await;
    assert_eq!(
        (ended.end, log.as_str()),
        (End::Exited(0), "new\n/workspace/src\n1\n")
    );
    assert_eq!(
        fs::read_to_string(bench.path("snapshot/src/a.txt")).unwrap(),
        "old"
    );
    assert_eq!(
        fs::read_to_string(bench.path("snapshot/src/b/c.txt")).unwrap(),
        "deep"
    );
    assert_eq!(
        fs::read_to_string(bench.path("snapshot/d.txt")).unwrap(),
        "gone"
    );
}

#[tokio::test]
async fn a_kept_layer_is_seen_by_the_next_job() {
    let bench = Bench::new().await;
    bench.file("package.json", "{}");
    bench.file("old", "x");
    let layer = bench.path("layers/deps");
    fs::create_dir(bench.path("layers")).unwrap();
    let mut job = bench.shell("mkdir -p node_modules/x && echo one > node_modules/x/i && rm old");
    job.upper = Upper::Keep(layer.clone());
    let (ended, log) = bench.run(&job).await;
    assert_eq!(ended.end, End::Exited(0), "{log}");
    assert_eq!(ended.unenforced, ["disk_bytes", "inodes"]);
    assert_eq!(
        fs::read_to_string(layer.join("node_modules/x/i")).unwrap(),
        "one\n"
    );
    let beside: Vec<_> = fs::read_dir(bench.path("layers"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(beside, ["deps"], "the engine's work folder was left");

    let mut next = bench.shell("cat node_modules/x/i; echo two > node_modules/x/i; ls");
    next.lower.insert(0, layer.clone());
    let (_, log) = bench.run(&next).await;
    assert_eq!(log, "one\nnode_modules\npackage.json\n");
    assert_eq!(
        fs::read_to_string(layer.join("node_modules/x/i")).unwrap(),
        "one\n"
    );

    let fault = bench.try_run(&job).await.unwrap_err();
    assert!(fault.to_string().contains("not empty"), "{fault}");
    assert_eq!(
        fs::read_to_string(layer.join("node_modules/x/i")).unwrap(),
        "one\n"
    );
}

#[tokio::test]
async fn reports_come_out_as_plain_files_only() {
    let bench = Bench::new().await;
    let out = bench.path("out");
    fs::create_dir(&out).unwrap();
    let mut job = bench.shell(
        "cd /sluice/out && echo ok > report.json && mkdir sub && echo x > sub/y && ln -s /etc/passwd link && mkfifo pipe && cp /bin/true runs && chmod 6777 runs && truncate -s 65M holes && exit 1",
    );
    job.out = Some(out.clone());
    let (ended, log) = bench.run(&job).await;
    assert_eq!(ended.end, End::Exited(1), "{log}");
    let mut names: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .flatten()
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["report.json", "runs", "sub"]);
    assert_eq!(fs::metadata(out.join("runs")).unwrap().mode() & 0o7111, 0);
    assert_eq!(fs::read_to_string(out.join("sub/y")).unwrap(), "x\n");
    assert_eq!(
        fs::metadata(out.join("report.json")).unwrap().uid(),
        rustix::process::geteuid().as_raw()
    );
}

#[tokio::test]
async fn folders_with_any_name_can_be_mounted() {
    let bench = Bench::new().await;
    let odd = bench.path("a:b,ro,c\\d e\u{e9}\n");
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("f"), "odd").unwrap();
    let linked = bench.path("linked");
    symlink(&odd, &linked).unwrap();
    let mut job = bench.shell("cat f");
    job.lower = vec![odd.clone(), bench.path("snapshot")];
    assert_eq!(bench.run(&job).await.1, "odd");
    job.lower = vec![linked];
    job.upper = Upper::Keep(bench.path("kept:one,two"));
    job.argv = vec!["sh".to_owned(), "-c".to_owned(), "cp f g".to_owned()];
    assert_eq!(bench.run(&job).await.0.end, End::Exited(0));
    assert_eq!(
        fs::read_to_string(bench.path("kept:one,two/g")).unwrap(),
        "odd"
    );
}
