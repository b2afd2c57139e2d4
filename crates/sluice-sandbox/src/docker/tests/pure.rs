//! What needs no engine: where sockets are looked for, which engines are refused, and file trees.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bollard::models::SystemInfo;

use crate::SandboxError;
use crate::docker::api::sockets;
use crate::docker::engine::judge;
use crate::docker::{DockerKind, sweep};

#[test]
fn sockets_are_looked_for_where_people_have_them() {
    let none = |_: &str| None;
    assert_eq!(
        sockets(DockerKind::Docker, none),
        [PathBuf::from("/var/run/docker.sock")]
    );
    assert_eq!(
        sockets(DockerKind::Podman, none),
        [PathBuf::from("/run/podman/podman.sock")]
    );
    let set = |name: &str| match name {
        "DOCKER_HOST" => Some("unix:///d.sock".to_owned()),
        "CONTAINER_HOST" => Some("tcp://elsewhere".to_owned()),
        "XDG_RUNTIME_DIR" => Some("/run/user/1".to_owned()),
        _ => None,
    };
    let text = |kind| {
        sockets(kind, set)
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        text(DockerKind::Docker),
        ["/d.sock", "/var/run/docker.sock", "/run/user/1/docker.sock"]
    );
    assert_eq!(
        text(DockerKind::Podman),
        ["/run/podman/podman.sock", "/run/user/1/podman/podman.sock"]
    );
}

fn info(options: &[&str]) -> SystemInfo {
    SystemInfo {
        server_version: Some("1".to_owned()),
        memory_limit: Some(true),
        swap_limit: Some(true),
        cpu_cfs_quota: Some(true),
        pids_limit: Some(true),
        security_options: Some(options.iter().map(|option| (*option).to_owned()).collect()),
        ..Default::default()
    }
}

#[test]
fn an_engine_that_would_weaken_the_sandbox_is_refused() {
    let safe = "name=seccomp,profile=default";
    assert_eq!(
        judge(&info(&["name=apparmor", safe])).unwrap().unenforced,
        Vec::<String>::new()
    );
    for options in [
        &["name=apparmor"][..],
        &["name=seccomp,profile=unconfined"],
        &[safe, "name=rootless"],
        &[safe, "name=userns"],
        &[],
    ] {
        let fault = judge(&info(options)).unwrap_err();
        assert!(
            matches!(fault, SandboxError::Forbidden { .. }),
            "{options:?}: {fault}"
        );
    }
}

#[test]
fn a_limit_that_the_kernel_lacks_is_named() {
    let mut weak = info(&["name=seccomp,profile=default"]);
    weak.swap_limit = Some(false);
    weak.pids_limit = None;
    assert_eq!(judge(&weak).unwrap().unenforced, ["memory_bytes", "pids"]);
}

#[test]
fn trees_of_any_depth_are_removed_and_links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    let top = folder.path().join("top");
    fs::create_dir(&top).unwrap();
    symlink(&outside, top.join("link")).unwrap();
    // Deeper than a path can say: each step goes on from a folder that was moved below the next one.
    let seed = folder.path().join("seed");
    fs::create_dir(&seed).unwrap();
    fs::write(seed.join("f"), "x").unwrap();
    for n in 0..3_000 {
        let next = folder.path().join("next");
        fs::create_dir(&next).unwrap();
        fs::rename(&seed, next.join(format!("{}{n}", "d".repeat(100)))).unwrap();
        fs::rename(&next, &seed).unwrap();
    }
    fs::rename(&seed, top.join("deep")).unwrap();
    sweep::remove(&top).unwrap();
    assert!(!top.exists());
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    sweep::remove(Path::new("/nowhere/at/all")).unwrap();
}
