//! The container engine: one container for one job, through the Docker API that Docker and Podman speak.
//!
//! The workspace is a local `overlay` volume over the job's folders, so that jobs that run at the same time
//! share a snapshot and never see each other's writes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sluice_egress::{Record, Resolve};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::way_out::WayOut;
use crate::{End, Ended, EngineInfo, Job, LogSink, Sandbox, SandboxError};

mod api;
mod broom;
mod engine;
mod follow;
mod guest;
mod hello;
mod image;
mod latch;
mod reap;
mod seccomp;
mod spec;
mod stage;
mod sweep;
mod validate;

#[cfg(test)]
mod tests;

use api::Api;
use guest::Guest;
use image::Images;
pub use image::{BuildConfig, ImageConfig, ImageState, Say};
use latch::Latch;
use reap::Remains;
use stage::{Place, Stage};

/// Which engine answers on the other side of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerKind {
    /// Docker Engine.
    Docker,
    /// Podman's Docker-compatible service, run by root.
    Podman,
}

impl DockerKind {
    /// The word on the command line, in reports and in proofs.
    pub fn as_str(self) -> &'static str {
        match self {
            DockerKind::Docker => "docker",
            DockerKind::Podman => "podman",
        }
    }
}

/// What a container engine must be told.
#[derive(Debug, Clone)]
pub struct DockerConfig {
    /// Which engine is looked for.
    pub kind: DockerKind,
    /// Its socket; `None` looks at `DOCKER_HOST` or `CONTAINER_HOST` and then at the usual places.
    pub socket: Option<PathBuf>,
    /// The images that jobs run in. Each is looked for, or made, when a job first needs it, and used by its id
    /// from then on.
    pub images: ImageConfig,
    /// Which daemon the containers belong to, `[a-z0-9-]{1,63}`: only remains with this id are reaped.
    pub daemon_id: String,
    /// A folder of ours for what exists while a job runs. Absolute, without `,`, `:` and `\`, which the
    /// engine's mount options cannot carry.
    pub state: PathBuf,
    /// Finds the registries of jobs with [`crate::Network::Registries`].
    pub resolver: Arc<dyn Resolve>,
}

/// A container engine that jobs run in.
pub struct Docker {
    api: Api,
    info: EngineInfo,
    place: Place,
    kind: DockerKind,
    state: PathBuf,
    /// Found before the first job.
    ready: OnceCell<Ready>,
    images: Arc<Images>,
    daemon_id: String,
    resolver: Arc<dyn Resolve>,
    /// Names of the jobs that run in this process, so that one is never taken for remains of another.
    running: Arc<Mutex<HashSet<String>>>,
}

/// What every job needs of the engine and of this host.
struct Ready {
    guest: Guest,
    /// Limits that the engine's host cannot enforce.
    unenforced: Vec<String>,
}

impl Docker {
    /// The Node toolchain's image, as we build it.
    pub const NODE_IMAGE: &str = "sluice/node:22";

    /// Finds the engine, and looks whether it can keep untrusted code in. It neither pulls nor builds an image:
    /// [`Sandbox::image`] does, and a job that needs one.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`] when nothing answers, [`SandboxError::Forbidden`] when the engine would
    /// weaken the sandbox.
    pub async fn connect(config: DockerConfig) -> Result<Docker, SandboxError> {
        let docker = Docker::find(config).await?;
        docker.look().await?;
        Ok(docker)
    }

    /// As [`Docker::connect`], but looks at the engine only before its first job: most often every answer is
    /// known, and nothing runs.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`] when nothing answers.
    pub async fn find(config: DockerConfig) -> Result<Docker, SandboxError> {
        validate::daemon_id(&config.daemon_id)?;
        validate::state(&config.state)?;
        let api = Api::connect(config.kind, config.socket.as_deref()).await?;
        let version = match &api.version {
            Some(version) => version.clone(),
            None => engine::look(&api).await?.version,
        };
        let images = Images::new(config.images);
        let image = images.default_id(&api).await?.unwrap_or_default();
        Ok(Docker {
            info: EngineInfo {
                name: config.kind.as_str().to_owned(),
                version,
                image,
                search: Vec::new(),
            },
            ready: OnceCell::new(),
            images: Arc::new(images),
            place: Place::new(config.state.clone()),
            kind: config.kind,
            state: config.state,
            daemon_id: config.daemon_id,
            resolver: config.resolver,
            running: Arc::default(),
            api,
        })
    }

    /// Looks whether the engine can keep untrusted code in, once.
    ///
    /// # Errors
    /// As [`Docker::connect`].
    pub async fn look(&self) -> Result<(), SandboxError> {
        self.ready().await.map(|_| ())
    }

    async fn ready(&self) -> Result<&Ready, SandboxError> {
        let look = || async {
            let engine = engine::look(&self.api).await?;
            Ok(Ready {
                guest: Guest::prepare(&self.state, self.kind)?,
                unenforced: engine.unenforced,
            })
        };
        self.ready.get_or_try_init(look).await
    }

    /// How the images stand, the base of ours first.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn images(&self) -> Result<Vec<ImageState>, SandboxError> {
        self.images.list(&self.api).await
    }

    /// Builds our image of a toolchain where it is not there, with `fresh` in any case; pulls it where the
    /// configuration names one. Returns its id.
    ///
    /// # Errors
    /// [`SandboxError::ImageMissing`], [`SandboxError::ImageBuild`], and any fault of the engine.
    pub async fn image_build(&self, toolchain: &str, fresh: bool) -> Result<String, SandboxError> {
        self.images.build(&self.api, toolchain, fresh).await
    }

    /// Makes the base of our images with mmdebstrap, for machines that reach no registry of images. Returns its
    /// id, and whether it was made: one that is there stays.
    ///
    /// # Errors
    /// [`SandboxError::ImageMissing`] without mmdebstrap, [`SandboxError::ImageBuild`] when it fails, and any
    /// fault of the engine.
    pub async fn image_bootstrap(&self) -> Result<(String, bool), SandboxError> {
        self.images.bootstrap(&self.api).await
    }

    /// The name of a job's container and volume on the engine.
    fn name_of(&self, job: &str) -> String {
        format!("sluice-{}-{job}", self.daemon_id)
    }

    /// Remembers that `job` runs; `None` when it already does.
    fn begin(&self, job: &str) -> Option<Running> {
        let mut running = self.running.lock().unwrap_or_else(|held| held.into_inner());
        running.insert(job.to_owned()).then(|| Running {
            name: job.to_owned(),
            all: Arc::clone(&self.running),
        })
    }

    /// Runs a job whose name is free of remains; returns its end, the limits that its stage could not set, and what
    /// was asked of the proxy.
    async fn attempt(
        &self,
        job: &Job,
        (guest, image): (&Guest, &str),
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<(End, Vec<String>, Vec<Record>), SandboxError> {
        let stage = self.place.stage(job).await?;
        let mut way_out = WayOut::new(job, &self.resolver);
        let end = self
            .run_staged(job, (guest, image), &stage, &mut way_out, log, cancel)
            .await?;
        let requests = way_out.close().await;
        stage.finish(job).await?;
        Ok((end, stage.unenforced(), requests))
    }

    async fn run_staged(
        &self,
        job: &Job,
        (guest, image): (&Guest, &str),
        stage: &Stage,
        way_out: &mut WayOut,
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<End, SandboxError> {
        let name = self.name_of(&job.name);
        let labels = spec::labels(&self.daemon_id, &job.name);
        let latch = stage.latch().map(Latch::hold).transpose()?;
        let volume = spec::volume(&name, stage, labels.clone());
        let container = spec::container(job, &name, stage, image, guest, labels)?;
        if !self.api.create_volume(&volume).await?
            || !self.api.create_container(&name, &container).await?
        {
            // Remains whose folder is gone, from a state folder that was emptied by hand.
            Remains::of(self, &job.name).clear_engine().await?;
            if !self.api.create_volume(&volume).await?
                || !self.api.create_container(&name, &container).await?
            {
                return Err(SandboxError::Setup {
                    why: format!("another program makes containers named {name} at the same time"),
                });
            }
        }
        let start = follow::Start {
            name: &name,
            job,
            latch,
            way_out,
        };
        follow::follow(&self.api, start, log, cancel).await
    }
}

#[async_trait]
impl Sandbox for Docker {
    fn engine(&self) -> &EngineInfo {
        &self.info
    }

    async fn image(&self, toolchain: Option<&str>) -> Result<String, SandboxError> {
        self.images.get(&self.api, toolchain).await
    }

    async fn run(
        &self,
        job: &Job,
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<Ended, SandboxError> {
        job.check()?;
        let Some(running) = self.begin(&job.name) else {
            return Err(job.invalid("a job of this name is running"));
        };
        let found = async {
            let ready = self.ready().await?;
            Ok::<_, SandboxError>((ready, self.image(job.toolchain.as_deref()).await?))
        };
        let (ready, image) = tokio::select! {
            found = found => found?,
            () = cancel.cancelled() => {
                return Ok(Ended {
                    end: End::Killed,
                    wall: Duration::ZERO,
                    peak_memory: None,
                    unenforced: Vec::new(),
                    requests: Vec::new(),
                });
            }
        };
        let started = Instant::now();
        let mut remains = Remains::of(self, &job.name).held_by(running);
        if self.place.exists(&job.name) {
            remains.clear().await?;
        }
        remains.arm();
        let outcome = self.attempt(job, (&ready.guest, &image), log, cancel).await;
        if let Err(SandboxError::ImageMissing { .. }) = outcome {
            self.images.forget();
        }
        if let Err(SandboxError::Unavailable { .. }) = outcome {
            // Removing would only wait for the engine once more. The folder stays, so that a repeat of the
            // job, or the next reaping, removes it all first.
            remains.leave();
        }
        let cleared = remains.finish().await;
        let (end, staged, requests) = outcome?;
        cleared?;
        let mut unenforced = ready.unenforced.clone();
        unenforced.extend(staged);
        Ok(Ended {
            end,
            wall: started.elapsed(),
            peak_memory: None,
            unenforced,
            requests,
        })
    }

    async fn reap(&self) -> Result<usize, SandboxError> {
        reap::reap(self).await
    }
}

/// Holds a job's name while the job runs.
struct Running {
    name: String,
    all: Arc<Mutex<HashSet<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all
            .lock()
            .unwrap_or_else(|held| held.into_inner())
            .remove(&self.name);
    }
}
