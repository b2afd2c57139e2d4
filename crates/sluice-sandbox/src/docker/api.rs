//! The engine's API as calls that always come back: each is bounded in time, and says what to do when the
//! engine is gone.

use std::env;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use bollard::ClientVersion;
use bollard::container::AttachContainerResults;
use bollard::errors::Error as ApiError;
use bollard::models::{
    ContainerCreateBody, ContainerState, ContainerWaitResponse, VolumeCreateRequest,
};
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, InspectContainerOptions, KillContainerOptions,
    RemoveContainerOptions, RemoveVolumeOptions, StartContainerOptions, WaitContainerOptions,
};
use futures::{Stream, StreamExt};
use tokio::time::timeout;

use super::{DockerKind, hello};
use crate::SandboxError;

/// How long an engine may take to answer that it is there.
const HELLO: Duration = Duration::from_secs(10);
/// How long one call may take on a machine that is loaded.
const CALL: Duration = Duration::from_secs(60);

/// One engine behind one socket.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) client: bollard::Docker,
    kind: DockerKind,
    /// The engine's own version, where its greeting told it.
    pub(super) version: Option<String>,
}

impl Api {
    /// Connects and agrees on a version of the API.
    pub(super) async fn connect(
        kind: DockerKind,
        socket: Option<&Path>,
    ) -> Result<Api, SandboxError> {
        let places = match socket {
            Some(path) => vec![path.to_owned()],
            None => sockets(kind, |name| env::var(name).ok()),
        };
        let mut last = "no socket was found".to_owned();
        for path in places.iter().filter(|path| path.exists()) {
            let connect = |version: &ClientVersion| {
                bollard::Docker::connect_with_unix(&path.to_string_lossy(), CALL.as_secs(), version)
                    .map_err(|fault| gone(kind, &fault))
            };
            match timeout(HELLO, hello::say(path)).await {
                Ok(Ok(Some(said))) => {
                    let version = said.api(bollard::API_DEFAULT_VERSION);
                    let (client, version) = (connect(&version)?, Some(said.version));
                    return Ok(Api {
                        client,
                        kind,
                        version,
                    });
                }
                Ok(Ok(None)) => {}
                Ok(Err(fault)) => {
                    last = format!("{}: {fault}", path.display());
                    continue;
                }
                Err(_) => {
                    last = format!("{} does not answer", path.display());
                    continue;
                }
            }
            // It answers, but not with what it is.
            let client = connect(bollard::API_DEFAULT_VERSION)?;
            match timeout(HELLO, client.negotiate_version()).await {
                Ok(Ok(client)) => {
                    return Ok(Api {
                        client,
                        kind,
                        version: None,
                    });
                }
                Ok(Err(fault)) => last = format!("{}: {fault}", path.display()),
                Err(_) => last = format!("{} does not answer", path.display()),
            }
        }
        Err(gone(kind, &last))
    }

    /// Carries out one call; a call that takes too long, or meets no engine, is the engine's absence.
    pub(super) async fn call<T>(
        &self,
        step: &'static str,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, SandboxError> {
        match timeout(CALL, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fault)) => Err(self.fault(step, fault)),
            Err(_) => Err(gone(self.kind, &format!("{step} took more than {CALL:?}"))),
        }
    }

    /// As [`Api::call`], with `None` for the answer that the thing is not there.
    pub(super) async fn find<T>(
        &self,
        step: &'static str,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<Option<T>, SandboxError> {
        let absent = async {
            match call.await {
                Err(ApiError::DockerResponseServerError {
                    status_code: 404, ..
                }) => Ok(None),
                answer => answer.map(Some),
            }
        };
        self.call(step, absent).await
    }

    /// The fault of the machinery that an error of the client stands for.
    pub(super) fn fault(&self, step: &'static str, fault: ApiError) -> SandboxError {
        match fault {
            ApiError::DockerResponseServerError { .. }
            | ApiError::DockerStreamError { .. }
            | ApiError::DockerContainerWaitError { .. }
            | ApiError::JsonDataError { .. } => SandboxError::Engine {
                step,
                source: Box::new(fault),
            },
            _ => gone(self.kind, &format!("{step}: {fault}")),
        }
    }

    /// The engine stopped to answer while a job ran.
    pub(super) fn gone(&self, said: &dyn fmt::Display) -> SandboxError {
        gone(self.kind, said)
    }

    /// Makes a volume; `false` when an earlier one of that name with other options is in the way.
    pub(super) async fn create_volume(
        &self,
        volume: &VolumeCreateRequest,
    ) -> Result<bool, SandboxError> {
        let made = self
            .call(
                "making the workspace volume",
                self.client.create_volume(volume.clone()),
            )
            .await?;
        let wanted = volume
            .driver_opts
            .as_ref()
            .and_then(|options| options.get("o"));
        Ok(made.options.get("o") == wanted)
    }

    /// Makes a container; `false` when an earlier one of that name is in the way.
    pub(super) async fn create_container(
        &self,
        name: &str,
        container: &ContainerCreateBody,
    ) -> Result<bool, SandboxError> {
        let options = CreateContainerOptions {
            name: Some(name.to_owned()),
            ..Default::default()
        };
        let create = async {
            match self
                .client
                .create_container(Some(options), container.clone())
                .await
            {
                Err(ApiError::DockerResponseServerError {
                    status_code: 409, ..
                }) => Ok(None),
                Err(ApiError::DockerResponseServerError {
                    status_code: 404,
                    message,
                }) if message.contains("image") => Ok(Some(false)),
                answer => answer.map(|_| Some(true)),
            }
        };
        match self.call("making the container", create).await? {
            Some(true) => Ok(true),
            None => Ok(false),
            Some(false) => Err(image_missing(
                container.image.as_deref().unwrap_or_default(),
            )),
        }
    }

    /// Attaches to a container that was made and not started yet.
    pub(super) async fn attach(
        &self,
        name: &str,
        stdin: bool,
    ) -> Result<AttachContainerResults, SandboxError> {
        let options = AttachContainerOptions {
            stream: true,
            stdin,
            stdout: true,
            stderr: true,
            ..Default::default()
        };
        self.call(
            "attaching to the container",
            self.client.attach_container(name, Some(options)),
        )
        .await
    }

    /// Starts a container.
    pub(super) async fn start(&self, name: &str) -> Result<(), SandboxError> {
        self.call(
            "starting the container",
            self.client
                .start_container(name, None::<StartContainerOptions>),
        )
        .await
    }

    /// Waits for a short command of ours, and returns its exit code.
    pub(super) async fn wait(&self, name: &str) -> Result<i64, SandboxError> {
        let wait = async {
            match self.exits(name).next().await {
                Some(answer) => exit_code(answer).map(Some),
                None => Ok(None),
            }
        };
        let code = self.call("waiting for the container", wait).await?;
        code.ok_or_else(|| self.gone(&"it hung up while a container ran"))
    }

    /// One answer, when a started container has ended.
    pub(super) fn exits(
        &self,
        name: &str,
    ) -> Pin<Box<dyn Stream<Item = Result<ContainerWaitResponse, ApiError>> + Send>> {
        let options = WaitContainerOptions {
            condition: "not-running".to_owned(),
        };
        Box::pin(self.client.wait_container(name, Some(options)))
    }

    /// What the engine knows about how a container ended.
    pub(super) async fn state(&self, name: &str) -> Result<ContainerState, SandboxError> {
        let found = self
            .call(
                "asking how the container ended",
                self.client
                    .inspect_container(name, None::<InspectContainerOptions>),
            )
            .await?;
        Ok(found.state.unwrap_or_default())
    }

    /// Ends every process of a container; one that has ended already is fine.
    pub(super) async fn kill(&self, name: &str) -> Result<(), SandboxError> {
        let options = KillContainerOptions {
            signal: "SIGKILL".to_owned(),
        };
        let kill = async {
            match self.client.kill_container(name, Some(options)).await {
                Err(ApiError::DockerResponseServerError {
                    status_code: 404 | 409,
                    ..
                }) => Ok(()),
                answer => answer,
            }
        };
        self.call("ending the container", kill).await
    }

    /// Removes a container, running or not, and tells whether there was one.
    pub(super) async fn remove_container(&self, name: &str) -> Result<bool, SandboxError> {
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            ..Default::default()
        };
        let found = self
            .find(
                "removing the container",
                self.client.remove_container(name, Some(options)),
            )
            .await?;
        Ok(found.is_some())
    }

    /// Removes a volume and tells whether there was one.
    pub(super) async fn remove_volume(&self, name: &str) -> Result<bool, SandboxError> {
        let options = RemoveVolumeOptions { force: false };
        let found = self
            .find(
                "removing the workspace volume",
                self.client.remove_volume(name, Some(options)),
            )
            .await?;
        Ok(found.is_some())
    }

    /// Asks whether the engine still answers.
    pub(super) async fn ping(&self) -> Result<(), SandboxError> {
        match timeout(HELLO, self.client.ping()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(fault)) => Err(self.fault("asking whether it is there", fault)),
            Err(_) => Err(self.gone(&"it stopped to answer")),
        }
    }
}

/// The exit code in an answer of [`Api::exits`].
pub(super) fn exit_code(answer: Result<ContainerWaitResponse, ApiError>) -> Result<i64, ApiError> {
    match answer {
        Ok(answer) => Ok(answer.status_code),
        // The client turns every code but 0 into an error.
        Err(ApiError::DockerContainerWaitError { error, code }) if error.is_empty() => Ok(code),
        Err(fault) => Err(fault),
    }
}

/// The image is not there, and how it is made.
pub(super) fn image_missing(image: &str) -> SandboxError {
    SandboxError::ImageMissing {
        image: image.to_owned(),
        mend: "run `sluice image build`, or name one that is there in engine.image".to_owned(),
    }
}

fn gone(kind: DockerKind, said: &dyn fmt::Display) -> SandboxError {
    let mend = match kind {
        DockerKind::Docker => "start Docker (scripts/engine.sh, or systemctl start docker)",
        DockerKind::Podman => "start Podman's service as root (systemctl start podman.socket)",
    };
    SandboxError::Unavailable {
        engine: kind.as_str(),
        mend: format!("{mend}, or use --engine native ({said})"),
    }
}

/// Where an engine's socket may be, best first.
pub(super) fn sockets(kind: DockerKind, var: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let named = match kind {
        DockerKind::Docker => var("DOCKER_HOST"),
        DockerKind::Podman => var("CONTAINER_HOST"),
    };
    let mut places: Vec<PathBuf> = named
        .and_then(|host| host.strip_prefix("unix://").map(PathBuf::from))
        .into_iter()
        .collect();
    let own = var("XDG_RUNTIME_DIR").map(PathBuf::from);
    match kind {
        DockerKind::Docker => {
            places.push(PathBuf::from("/var/run/docker.sock"));
            places.extend(own.map(|folder| folder.join("docker.sock")));
        }
        DockerKind::Podman => {
            places.push(PathBuf::from("/run/podman/podman.sock"));
            places.extend(own.map(|folder| folder.join("podman/podman.sock")));
        }
    }
    places
}
