//! What a command finds and can do inside, as the probe program reports it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;

use serde::Deserialize;
use sluice_sandbox::{End, Job, Network};

use super::Fixture;

/// The report of `sluice-sandbox-probe report`.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    status: BTreeMap<String, String>,
    hostname: String,
    env: BTreeMap<String, String>,
    descriptors: Vec<String>,
    processes: Vec<String>,
    devices: Vec<String>,
    /// `ok`, or the name of the error.
    pub(crate) attempts: BTreeMap<String, String>,
}

pub(crate) async fn report(f: &Fixture, job: &Job) -> Report {
    let ran = f.run(job).await;
    assert_eq!(ran.ended.end, End::Exited(0), "{}{}", ran.out(), ran.err());
    serde_json::from_slice(&ran.log.out).unwrap()
}

pub(crate) async fn is_nobody(f: &Fixture) {
    let report = report(f, &f.probe(&["report"])).await;
    assert_eq!((report.uid, report.gid), (1000, 1000));
    // An unmapped group of the daemon's shows as 65534; anything else would be a right.
    assert!(
        report
            .groups
            .iter()
            .all(|group| [1000, 65534].contains(group)),
        "{:?}",
        report.groups
    );
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(report.status[set], "0000000000000000", "{set}");
    }
    assert_eq!(report.status["NoNewPrivs"], "1");
    assert_eq!(report.status["Seccomp"], "2");
}

/// Everything here must fail. An attempt missing from the report is a failure of the case too.
pub(crate) const REFUSED: [&str; 70] = [
    "write /",
    "write /usr",
    "write /etc",
    "write /proc/sys",
    "write /proc/1/mem",
    "read /etc/shadow",
    "read /proc/kcore",
    "read /proc/1/environ",
    "list /root",
    "connect outside",
    "connect outside 6",
    "connect metadata",
    "send outside",
    "raw socket",
    "packet socket",
    "vsock socket",
    "alg socket",
    "audit socket",
    "unshare user",
    "unshare mount",
    "unshare net",
    "clone user",
    "clone3 user",
    "setns",
    "mount tmpfs",
    "mount proc",
    "fsopen",
    "open_tree",
    "pivot_root",
    "chroot",
    "mknod disk",
    "ptrace 1",
    "ptrace child",
    "process_vm_readv",
    "io_uring",
    "keyctl",
    "add_key",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "open_by_handle_at",
    "read /proc/kmsg",
    "read /proc/keys",
    "read /proc/timer_list",
    "read /proc/kallsyms",
    "write /proc/sysrq-trigger",
    "write /proc/self/oom_score_adj",
    "write /sys",
    "write a control group",
    "read /sys/firmware",
    "read /sys/kernel/debug",
    "read a device of the host",
    "netfilter socket",
    "device event socket",
    "bluetooth socket",
    "change the interfaces",
    "signal outside",
    "type into a terminal",
    "type into a terminal, disguised",
    "paste into the console",
    "personality",
    "quotactl",
    "swapoff",
    "init_module",
    "kexec_load",
    "set the clock",
    "set the host's name",
    "raise its own limits",
    "lower its niceness",
    "become root",
];

pub(crate) async fn refuses_every_attempt(f: &Fixture) {
    refuses_every_attempt_with(f, Network::None).await;
}

pub(crate) async fn refuses_every_attempt_with(f: &Fixture, network: Network) {
    let mut job = f.probe(&["report"]);
    job.network = network;
    let report = report(f, &job).await;
    let went_through: Vec<String> = REFUSED
        .iter()
        .filter(|name| !f.lets.contains(name))
        .filter(|name| report.attempts.get(**name).is_none_or(|how| how == "ok"))
        .map(|name| format!("{name}: {:?}", report.attempts.get(*name)))
        .collect();
    assert_eq!(went_through, Vec::<String>::new());
    // New kernels refuse these by themselves, in other words: here the filter must have done it.
    for name in [
        "type into a terminal",
        "type into a terminal, disguised",
        "paste into the console",
    ] {
        let how = &report.attempts[name];
        assert!(how.contains("Operation not permitted"), "{name}: {how}");
    }
    // What an engine is excused from must be what it really lets through, or the excuse is out of date.
    for name in f.lets {
        assert!(REFUSED.contains(name), "{name} is no attempt");
    }
}

/// Everything here must work.
pub(crate) const NEEDED: [&str; 18] = [
    "loopback",
    "loopback 6",
    "unix socket",
    "abstract socket of its own",
    "list interfaces",
    "write /tmp",
    "write /dev/shm",
    "write /workspace",
    "write /dev/null",
    "read /dev/urandom",
    "open a terminal",
    "ask a terminal its size",
    "run a program",
    "start a thread",
    "read /proc/self/status",
    "read /etc/passwd",
    "execute from /workspace",
    "execute from /tmp",
];

pub(crate) async fn has_what_programs_need(f: &Fixture) {
    let report = report(f, &f.probe(&["report"])).await;
    for name in NEEDED {
        let how = report.attempts.get(name).map(String::as_str);
        assert_eq!(how, Some("ok"), "{name}");
    }
    for device in [
        "null", "zero", "full", "random", "urandom", "fd", "pts", "shm",
    ] {
        assert!(report.devices.iter().any(|name| name == device), "{device}");
    }
    let known = [
        "null", "zero", "full", "random", "urandom", "fd", "pts", "ptmx", "shm", "stdin", "stdout",
        "stderr", "tty", "mqueue", "core", "console",
    ];
    for device in &report.devices {
        assert!(known.contains(&device.as_str()), "{device} is shown");
    }
}

pub(crate) async fn has_its_environment_alone(f: &Fixture) {
    let mut job = f.probe(&["report"]);
    job.env
        .insert("GIVEN".to_owned(), "a b=c\n\"d\"".to_owned());
    job.env.insert("EMPTY".to_owned(), String::new());
    let report = report(f, &job).await;
    for (key, value) in &job.env {
        assert_eq!(report.env.get(key), Some(value), "{key}");
    }
    for key in report.env.keys() {
        let known = job.env.contains_key(key) || ["HOME", "HOSTNAME"].contains(&key.as_str());
        assert!(known, "{key} came from somewhere");
    }
}

pub(crate) async fn has_no_descriptor_of_ours(f: &Fixture) {
    let report = report(f, &f.probe(&["report"])).await;
    assert_eq!(report.descriptors, ["0", "1", "2"]);
}

pub(crate) async fn sees_no_process_of_the_host(f: &Fixture) {
    let report = report(f, &f.probe(&["report"])).await;
    // Itself and at most the sandbox's own first processes.
    assert!(report.processes.len() <= 3, "{:?}", report.processes);
}

pub(crate) async fn cannot_read_the_host(f: &Fixture) {
    let canary = f.dir.path().join("canary");
    fs::write(&canary, "canary").unwrap();
    let here = std::env::current_dir().unwrap();
    for path in [
        canary.as_path(),
        here.as_path(),
        std::path::Path::new("/var/lib/dpkg/status-old"),
    ] {
        let ran = f.run(&f.job(&["ls", path.to_str().unwrap()])).await;
        assert_ne!(ran.ended.end, End::Exited(0), "{path:?}");
    }
}

pub(crate) async fn cannot_reach_the_host(f: &Fixture) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let ran = f
        .run(&f.probe(&["connect", &format!("127.0.0.1:{port}")]))
        .await;
    assert_eq!(ran.ended.end, End::Exited(1), "{}", ran.out());
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

pub(crate) async fn abstract_sockets_of_the_host_are_not_there(f: &Fixture) {
    // Abstract names have no file that could be left out: only a network of its own keeps them apart.
    let name = format!("sluice-{}", super::marker());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let ran = f.run(&f.probe(&["connect-abstract", &name])).await;
    assert_eq!(ran.ended.end, End::Exited(1), "{}", ran.out());
    assert!(ran.err().contains("refused"), "{}", ran.err());
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

pub(crate) async fn signals_stay_inside(f: &Fixture) {
    // Of the same user, where we may start one: a right of the user alone must not be enough.
    let marker = super::marker();
    let mut command = std::process::Command::new("sleep");
    command.arg(&marker);
    if rustix::process::geteuid().is_root() {
        command.uid(sluice_sandbox::INNER_ID);
    }
    let mut stranger = command.spawn().unwrap();
    let script = format!(
        "trap '' TERM; kill -TERM {} 2>/dev/null; kill -TERM -1; echo still here",
        stranger.id()
    );
    let ran = f.run(&f.sh(&script)).await;
    let alive = stranger.try_wait().unwrap().is_none();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(alive, "a signal got out");
    assert!(ran.out().contains("still here"), "{}", ran.err());
}

pub(crate) async fn names_are_its_own(f: &Fixture) {
    let report = report(f, &f.probe(&["report"])).await;
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_ne!(report.hostname, host.trim());
    let ran = f.run(&f.sh("getent hosts localhost")).await;
    assert_eq!(ran.ended.end, End::Exited(0), "localhost has no address");
}
