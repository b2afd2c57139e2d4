//! What only this engine promises.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sluice_sandbox::{End, Native, NativeConfig, Network, Sandbox, SandboxError, Upper};

use super::{again, as_ordinary_user, engine, fixture, fixture_with, is_root};
use crate::conformance::{folders, marker, run_here};

async fn self_test_holds() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    assert_eq!(engine.probe().await.unwrap().failed, Vec::<String>::new());
    // Nothing of it is left, so a second one starts from the same place.
    assert_eq!(engine.reap().await.unwrap(), 0);
    assert_eq!(engine.probe().await.unwrap().failed, Vec::<String>::new());
    assert_eq!(engine.engine().name, "native");
    assert!(engine.engine().image.starts_with("sha256:"));
}

#[test]
fn self_test() {
    run_here("", self_test_holds());
}

#[test]
fn self_test_of_ordinary_user() {
    as_ordinary_user(
        concat!(module_path!(), "::self_test_of_ordinary_user"),
        self_test_holds(),
    );
}

#[test]
fn forbidden_namespaces_are_said_with_the_mend() {
    let none_left = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let setting = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap();
    if setting.trim() != "0" {
        // A user namespace that allows no further one: what such a machine looks like.
        let wrapper = [
            "unshare",
            "--user",
            "--map-root-user",
            "sh",
            "-c",
            none_left,
            "sh",
        ];
        let name = concat!(
            module_path!(),
            "::forbidden_namespaces_are_said_with_the_mend"
        );
        assert!(again(&wrapper, name).status().unwrap().success());
        return;
    }
    run_here("", async {
        let dir = tempfile::tempdir().unwrap();
        match engine(dir.path()).probe().await {
            Err(error @ SandboxError::Forbidden { .. }) => {
                assert!(error.is_missing());
                let text = error.to_string();
                assert!(text.contains("user.max_user_namespaces"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn works_as_the_root_of_a_user_namespace() {
    if fs::read_to_string("/proc/self/uid_map")
        .unwrap()
        .split_whitespace()
        .last()
        != Some("1")
    {
        let name = concat!(module_path!(), "::works_as_the_root_of_a_user_namespace");
        let wrapper = ["unshare", "--user", "--map-root-user"];
        assert!(again(&wrapper, name).status().unwrap().success());
        return;
    }
    run_here("", self_test_holds());
}

#[tokio::test]
async fn a_program_that_changes_is_seen_by_an_engine_that_runs() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("tools/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("tool"), "#!/bin/sh\necho 1\n").unwrap();
    let mut config = NativeConfig::new(dir.path().join("state"), super::helper());
    config.extra_paths = vec![dir.path().join("tools")];
    let engine = Native::new(config).unwrap();
    let first = engine.image(None).await.unwrap();
    assert_eq!(engine.image(None).await.unwrap(), first);
    // The same size, and the time that it had, as package managers do.
    let path = bin.join("tool");
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "#!/bin/sh\necho 2\n").unwrap();
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(written).unwrap();
    let second = engine.image(None).await.unwrap();
    assert_ne!(second, first);
    fs::write(bin.join("other"), "").unwrap();
    assert_ne!(engine.image(None).await.unwrap(), second);
}

#[tokio::test]
async fn missing_helper_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let config = NativeConfig::new(dir.path(), vec!["/no/such/helper".into()]);
    let engine = Native::new(config).unwrap();
    let failed = engine.probe().await;
    assert!(matches!(failed, Err(SandboxError::Io { .. })), "{failed:?}");
    assert_eq!(engine.reap().await.unwrap(), 0);
}

#[tokio::test]
async fn open_network_reaches_the_host() {
    let f = fixture().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut job = f.probe(&["connect", &address]);
    job.network = Network::Open;
    assert_eq!(f.run(&job).await.ended.end, End::Exited(0));
    listener.accept().unwrap();
}

#[tokio::test]
async fn foreign_architecture_ends_the_process() {
    let f = fixture().await;
    let ended = f.run(&f.probe(&["int80"])).await.ended;
    assert_ne!(ended.end, End::Exited(0));
}

#[tokio::test]
async fn roots_jobs_are_nobody_outside() {
    if !is_root() {
        // Said by `is_nobody` for an ordinary user: there is no other user to be.
        return;
    }
    let f = fixture().await;
    let marker = marker();
    let kept = f.dir.path().join("kept");
    let out = f.folder("out");
    let mut job = f.sh(&format!(
        "echo x > file; echo x > /sluice/out/file; echo ready; sleep {marker}"
    ));
    job.upper = Upper::Keep(kept.clone());
    job.out = Some(out.clone());
    let users = async {
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|entry| {
                fs::read_to_string(entry.path().join("cmdline"))
                    .is_ok_and(|line| line.contains(&marker))
            })
            .map(|entry| entry.metadata().unwrap().uid())
            .collect::<Vec<_>>()
    };
    let (_, users) = f.run_while(&job, users).await;
    assert!(
        !users.is_empty() && users.iter().all(|user| *user == 100_000),
        "{users:?}"
    );
    for path in [kept.join("file"), out.join("file")] {
        assert_eq!(fs::metadata(path).unwrap().uid(), 100_000);
    }
}

/// What kernels before 6.6 have only, and others where it is asked for.
async fn layers_on_disk_hold() {
    let f = fixture_with(|config| config.layer_on_disk = true);
    let ended = f
        .run(&f.sh("rm -rf dir && mkdir dir && chmod 000 dir"))
        .await
        .ended;
    assert_eq!(ended.end, End::Exited(0));
    assert!(ended.unenforced.contains(&"disk_bytes".to_owned()));
    folders::same_name_again(&f).await;
    folders::workspace_can_be_changed(&f).await;
    folders::snapshot_is_not_changed(&f).await;
    let jobs = f.dir.path().join("state/jobs");
    assert_eq!(fs::read_dir(jobs).unwrap().count(), 0);
}

#[test]
fn layers_on_disk() {
    run_here("", layers_on_disk_hold());
}

#[test]
fn layers_on_disk_of_ordinary_user() {
    as_ordinary_user(
        concat!(module_path!(), "::layers_on_disk_of_ordinary_user"),
        layers_on_disk_hold(),
    );
}

#[tokio::test]
async fn what_is_not_enforced_is_said() {
    let f = fixture().await;
    let discarded = f.run(&f.sh("true")).await.ended.unenforced;
    assert!(
        !discarded.contains(&"disk_bytes".to_owned()),
        "{discarded:?}"
    );
    let mut job = f.sh("true");
    job.upper = Upper::Keep(f.dir.path().join("kept"));
    let kept = f.run(&job).await.ended.unenforced;
    assert!(kept.contains(&"disk_bytes".to_owned()), "{kept:?}");
    assert!(kept.contains(&"inodes".to_owned()), "{kept:?}");
}

/// Names the control group that was handed to the ordinary user.
const HANDED: &str = "SLUICE_TEST_CGROUP";

#[test]
fn handed_control_group_bounds_an_ordinary_user() {
    let hierarchies = ["memory", "pids", "cpu"].map(|name| Path::new("/sys/fs/cgroup").join(name));
    if let Some(group) = std::env::var_os(HANDED) {
        return run_here("", bounded_in(group.to_str().unwrap().to_owned()));
    }
    if !is_root() || !hierarchies.iter().all(|path| path.is_dir()) {
        // Only root can hand one out, and in version 2 only a session's own manager can.
        return;
    }
    let group = format!("sluice-test-{}", uuid::Uuid::new_v4().simple());
    for path in &hierarchies {
        fs::create_dir(path.join(&group)).unwrap();
        std::os::unix::fs::chown(path.join(&group), Some(4242), Some(4242)).unwrap();
    }
    let user = [
        "setpriv",
        "--reuid",
        "4242",
        "--regid",
        "4242",
        "--clear-groups",
    ];
    let name = concat!(
        module_path!(),
        "::handed_control_group_bounds_an_ordinary_user"
    );
    let status = again(&user, name).env(HANDED, &group).status();
    for path in &hierarchies {
        // Works only where the engine left no group in it.
        fs::remove_dir(path.join(&group)).unwrap();
    }
    assert!(status.unwrap().success());
}

async fn bounded_in(group: String) {
    let f = fixture_with(|config| config.cgroup = Some(group));
    let mut job = f.probe(&["memory", "1"]);
    job.limits.memory_bytes = 64 << 20;
    let ran = f.run(&job).await;
    assert_eq!(ran.ended.end, End::OutOfMemory);
    assert_eq!(ran.ended.unenforced, Vec::<String>::new());
    assert!(ran.ended.peak_memory.is_some());
}
