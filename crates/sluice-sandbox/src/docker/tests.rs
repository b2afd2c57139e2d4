//! Real containers on the real engine; only engines that fail are made here.

mod bare;
mod ends;
mod faults;
mod ordinary;
mod pure;
mod remains;
mod walls;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Docker, DockerConfig, DockerKind, ImageConfig};
use crate::{Ended, Job, Limits, Network, Sandbox, SandboxError, Stdin, Upper};

/// An engine, a snapshot, and a place for the state of one test.
struct Bench {
    docker: Docker,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("snapshot")).unwrap();
        let docker = match Docker::connect(config(&folder)).await {
            Ok(docker) => docker,
            Err(fault) => panic!(
                "these tests need Docker: run scripts/engine.sh and scripts/base-image.sh ({fault})"
            ),
        };
        Bench { docker, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file into the snapshot.
    fn file(&self, name: &str, text: &str) {
        let path = self.path("snapshot").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn job(&self, argv: &[&str]) -> Job {
        Job {
            name: "test".to_owned(),
            lower: vec![self.path("snapshot")],
            upper: Upper::Discard,
            toolchain: None,
            workdir: String::new(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: BTreeMap::new(),
            binds: Vec::new(),
            out: None,
            network: Network::None,
            registries: sluice_egress::Policy::default(),
            stdin: Stdin::Empty,
            limits: Limits {
                wall: Duration::from_secs(60),
                silence: None,
                memory_bytes: 256 << 20,
                disk_bytes: 64 << 20,
                ..Limits::step()
            },
        }
    }

    fn shell(&self, script: &str) -> Job {
        self.job(&["sh", "-c", script])
    }

    async fn try_run(&self, job: &Job) -> Result<(Ended, String), SandboxError> {
        let mut log = Vec::new();
        let ended = self
            .docker
            .run(job, &mut log, &CancellationToken::new())
            .await;
        self.assert_clean().await;
        Ok((ended?, String::from_utf8_lossy(&log).into_owned()))
    }

    async fn run(&self, job: &Job) -> (Ended, String) {
        self.try_run(job).await.unwrap()
    }

    /// Nothing of any job is left, on the engine and on the host.
    async fn assert_clean(&self) {
        assert_eq!(self.docker.reap().await.unwrap(), 0, "something was left");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let here = self.folder.path().to_str().unwrap();
        assert!(!mounts.contains(here), "a mount was left: {mounts}");
    }
}

fn config(folder: &TempDir) -> DockerConfig {
    DockerConfig {
        kind: DockerKind::Docker,
        socket: None,
        images: ImageConfig::one(Docker::NODE_IMAGE),
        daemon_id: format!("test-{}", uuid::Uuid::new_v4().simple()),
        state: folder.path().join("state"),
        resolver: std::sync::Arc::new(sluice_egress::System),
    }
}
