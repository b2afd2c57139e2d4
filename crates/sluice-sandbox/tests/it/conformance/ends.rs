//! How a job ends, and what goes in and out of it.

use sluice_sandbox::{End, SandboxError, Stdin, Upper};
use tokio_util::sync::CancellationToken;

use super::Fixture;

pub(crate) async fn exit_code_is_kept(f: &Fixture) {
    for code in [0, 1, 42, 137, 255] {
        let ran = f.run(&f.sh(&format!("exit {code}"))).await;
        assert_eq!(ran.ended.end, End::Exited(code));
    }
}

pub(crate) async fn signal_is_killed(f: &Fixture) {
    for signal in ["KILL", "TERM", "SEGV", "ABRT"] {
        let ran = f.run(&f.sh(&format!("kill -{signal} $$"))).await;
        assert_eq!(ran.ended.end, End::Killed, "{signal}");
    }
}

pub(crate) async fn missing_program_is_127(f: &Fixture) {
    for program in ["no-such-program", "/no/such/program"] {
        let ran = f.run(&f.job(&[program])).await;
        assert_eq!(ran.ended.end, End::Exited(127), "{program}");
        assert!(ran.err().contains(program), "{:?}", ran.err());
    }
}

pub(crate) async fn program_that_cannot_run_is_126(f: &Fixture) {
    let ran = f.run(&f.job(&["/workspace/a.txt"])).await;
    assert_eq!(ran.ended.end, End::Exited(126));
}

pub(crate) async fn both_streams_are_kept(f: &Fixture) {
    let ran = f
        .run(&f.sh("printf 'one\\n'; printf 'two\\n' >&2; printf 'a\\000b\\377'"))
        .await;
    assert_eq!(ran.log.out, b"one\na\0b\xff");
    assert_eq!(ran.log.err, b"two\n");
}

pub(crate) async fn streams_can_be_opened_by_name(f: &Fixture) {
    let ran = f
        .run(&f.sh("echo one > /dev/stdout; echo two > /dev/stderr; cat < /dev/stdin"))
        .await;
    assert_eq!((ran.out().as_str(), ran.err().as_str()), ("one\n", "two\n"));
}

pub(crate) async fn stdin_is_given(f: &Fixture) {
    let mut job = f.job(&["cat"]);
    job.stdin = Stdin::Bytes(b"some\0bytes\xff\n".to_vec());
    let ran = f.run(&job).await;
    assert_eq!(ran.log.out, b"some\0bytes\xff\n");
    assert_eq!(ran.ended.end, End::Exited(0));
}

pub(crate) async fn empty_stdin_ends(f: &Fixture) {
    let ran = f.run(&f.job(&["cat"])).await;
    assert_eq!(ran.ended.end, End::Exited(0));
    assert!(ran.log.out.is_empty());
}

pub(crate) async fn much_input_and_output(f: &Fixture) {
    let mut job = f.sh("cat; cat /dev/null >&2");
    let bytes: Vec<u8> = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect();
    job.stdin = Stdin::Bytes(bytes.clone());
    let ran = f.run(&job).await;
    assert!(
        ran.log.out == bytes,
        "{} bytes came back",
        ran.log.out.len()
    );
    // A command that does not read its input ends all the same.
    let mut job = f.sh("exit 3");
    job.stdin = Stdin::Bytes(bytes);
    assert_eq!(f.run(&job).await.ended.end, End::Exited(3));
}

pub(crate) async fn cancelled_is_killed(f: &Fixture) {
    let marker = super::marker();
    let job = f.sh(&format!("sleep {marker} & echo ready; sleep {marker}"));
    let (ended, was_there) = f.run_while(&job, async { super::runs(&marker) }).await;
    assert_eq!(ended.end, End::Killed);
    assert!(
        was_there,
        "the marker cannot be seen, so its absence says nothing"
    );
    assert!(!super::runs(&marker));
}

pub(crate) async fn cancelled_before_start(f: &Fixture) {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let mut log = Vec::new();
    let job = f.job(&["sleep", "1000"]);
    let ended = f.sandbox.run(&job, &mut log, &cancel).await.unwrap();
    assert_eq!(ended.end, End::Killed);
}

pub(crate) async fn first_process_can_be_killed_by_itself(f: &Fixture) {
    // Inside a process namespace its first process is deaf to such signals; a command must not be it.
    let ran = f.run(&f.sh("kill -TERM $$; echo still here")).await;
    assert_eq!(ran.ended.end, End::Killed);
    assert_eq!(ran.out(), "");
}

pub(crate) async fn malformed_jobs_are_refused(f: &Fixture) {
    let good = f.job(&["true"]);
    let mut jobs = vec![good.clone(); 8];
    jobs[0].name = "Not A Name".to_owned();
    jobs[1].name = "../up".to_owned();
    jobs[2].argv.clear();
    jobs[3].argv.push("nul\0byte".to_owned());
    jobs[4].workdir = "../..".to_owned();
    jobs[5].workdir = "not-there".to_owned();
    jobs[6].upper = Upper::Keep("relative".into());
    jobs[7].env.insert("A=B".to_owned(), String::new());
    for job in jobs {
        match f.try_run(&job).await {
            Err(SandboxError::InvalidJob { name, .. }) => assert_eq!(name, job.name),
            Err(other) => panic!("{other:?}"),
            Ok(ran) => panic!("{job:?} ended: {:?}", ran.ended),
        }
    }
}
