//! A job as the engine's own words: one volume and one container. Pure, so that what is asked for can be read
//! in a test.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig,
    Mount, MountType, MountVolumeOptions, ResourcesUlimits, VolumeCreateRequest,
};

use super::guest::Guest;
use super::latch;
use super::stage::Stage;
use crate::{Job, Network, OUT, SandboxError, Stdin, WORKSPACE};

/// Where the init program appears inside.
const INIT: &str = "/sluice/init";
/// The label that carries the daemon's id.
pub(super) const DAEMON: &str = "sluice.daemon";
/// The label that carries the job's name.
pub(super) const JOB: &str = "sluice.job";

/// The labels of everything that a job makes on the engine.
pub(super) fn labels(daemon_id: &str, job: &str) -> HashMap<String, String> {
    HashMap::from([
        (DAEMON.to_owned(), daemon_id.to_owned()),
        (JOB.to_owned(), job.to_owned()),
    ])
}

/// The workspace: the job's folders below, its own writes above.
pub(super) fn volume(
    name: &str,
    stage: &Stage,
    labels: HashMap<String, String>,
) -> VolumeCreateRequest {
    VolumeCreateRequest {
        name: Some(name.to_owned()),
        driver: Some("local".to_owned()),
        driver_opts: Some(HashMap::from([
            ("type".to_owned(), "overlay".to_owned()),
            ("device".to_owned(), "overlay".to_owned()),
            ("o".to_owned(), format!("nosuid,nodev,{}", stage.overlay())),
        ])),
        labels: Some(labels),
        ..Default::default()
    }
}

/// The container, with everything closed that a job did not ask for.
pub(super) fn container(
    job: &Job,
    volume: &str,
    stage: &Stage,
    image: &str,
    guest: &Guest,
    labels: HashMap<String, String>,
) -> Result<ContainerCreateBody, SandboxError> {
    let stdin = matches!(job.stdin, Stdin::Bytes(_));
    let workdir = if job.workdir.is_empty() {
        WORKSPACE.to_owned()
    } else {
        format!("{WORKSPACE}/{}", job.workdir)
    };
    Ok(ContainerCreateBody {
        image: Some(image.to_owned()),
        // A random name would differ from run to run, and the same inputs must give the same answer.
        hostname: Some("sluice".to_owned()),
        user: Some(format!("{0}:{1}", stage.user(), stage.group())),
        entrypoint: Some(entrypoint(job, guest)),
        cmd: Some(words(job)),
        env: Some(
            job.env
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        ),
        working_dir: Some(workdir),
        open_stdin: Some(stdin),
        stdin_once: Some(stdin),
        attach_stdin: Some(stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..Default::default()
        }),
        labels: Some(labels),
        host_config: Some(host(job, volume, stage, guest)?),
        ..Default::default()
    })
}

fn host(job: &Job, volume: &str, stage: &Stage, guest: &Guest) -> Result<HostConfig, SandboxError> {
    let limits = &job.limits;
    let memory = signed(limits.memory_bytes);
    Ok(HostConfig {
        network_mode: Some(
            match job.network {
                // The proxy is the only way out, and it listens on the loopback.
                Network::None | Network::Registries => "none",
                Network::Open => "bridge",
            }
            .to_owned(),
        ),
        readonly_rootfs: Some(true),
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned(), guest.seccomp.clone()]),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        init: Some(guest.init.is_none()),
        sysctls: guest.ipv6.then(loopback),
        auto_remove: Some(false),
        memory: Some(memory),
        // The sum of memory and swap: equal to memory means no swap.
        memory_swap: Some(memory),
        nano_cpus: Some((limits.cpus * 1e9) as i64),
        pids_limit: Some(i64::from(limits.pids)),
        ulimits: Some(vec![
            ulimit("nofile", signed(limits.open_files)),
            ulimit("fsize", signed(limits.file_bytes)),
            ulimit("core", 0),
        ]),
        tmpfs: Some(HashMap::from([(
            "/tmp".to_owned(),
            format!(
                "rw,exec,nosuid,nodev,mode=1777,size={},nr_inodes={}",
                limits.disk_bytes, limits.inodes
            ),
        )])),
        shm_size: Some(64 << 20),
        // Output is read by attaching, so the engine keeps no copy that could grow.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        mounts: Some(mounts(job, volume, stage, guest)?),
        ..Default::default()
    })
}

fn mounts(
    job: &Job,
    volume: &str,
    stage: &Stage,
    guest: &Guest,
) -> Result<Vec<Mount>, SandboxError> {
    let mut mounts = vec![Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(WORKSPACE.to_owned()),
        read_only: Some(false),
        volume_options: Some(MountVolumeOptions {
            // Nothing of the image may get into the workspace.
            no_copy: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    }];
    if let Some(init) = &guest.init {
        mounts.push(bound(job, init, INIT, true)?);
    }
    for bind in &job.binds {
        mounts.push(bound(job, &bind.host, &bind.inside, true)?);
    }
    if let Some(fifo) = stage.latch() {
        mounts.push(bound(job, fifo, latch::INSIDE, true)?);
        mounts.push(bound(job, &latch::socket_of(fifo), latch::SOCKET, true)?);
    }
    if let Some(out) = stage.out() {
        mounts.push(bound(job, out, OUT, false)?);
    }
    Ok(mounts)
}

/// The program that the container starts with: the job's, below the init program.
fn entrypoint(job: &Job, guest: &Guest) -> Vec<String> {
    let init = guest
        .init
        .as_ref()
        .map(|_| [INIT.to_owned(), "--".to_owned()]);
    init.into_iter()
        .flatten()
        .chain(match job.network {
            Network::Registries => Some("/bin/sh".to_owned()),
            Network::None | Network::Open => job.argv.first().cloned(),
        })
        .collect()
}

/// The words after the program. A command with a way out waits until that is open.
fn words(job: &Job) -> Vec<String> {
    match job.network {
        Network::Registries => ["-c", latch::SCRIPT]
            .map(str::to_owned)
            .into_iter()
            .chain(job.argv.iter().cloned())
            .collect(),
        Network::None | Network::Open => job.argv[1..].to_vec(),
    }
}

/// The engine switches IPv6 off in a container without a network, and with it the `::1` of its loopback.
fn loopback() -> HashMap<String, String> {
    HashMap::from([("net.ipv6.conf.lo.disable_ipv6".to_owned(), "0".to_owned())])
}

fn bound(job: &Job, host: &Path, inside: &str, read_only: bool) -> Result<Mount, SandboxError> {
    let source = host
        .to_str()
        .ok_or_else(|| job.invalid(format!("the path {host:?} is not UTF-8")))?;
    Ok(Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_owned()),
        target: Some(inside.to_owned()),
        read_only: Some(read_only),
        ..Default::default()
    })
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(value),
        hard: Some(value),
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
