//! Chooses the engine that runs the sandboxes, and says which and why.

mod stay;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluice_checks::{HostToolchains, Toolchain};
use sluice_sandbox::{
    Docker, DockerConfig, DockerKind, Native, NativeConfig, Sandbox, SandboxError,
};

use crate::cli::EngineChoice;
use crate::config::Config;
use crate::exit::{Exit, chain};
pub(crate) use stay::{Stay, cache_folder};

/// What an engine keeps of its own, and under whose name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineHome<'a> {
    /// A folder for what exists while a job runs.
    pub(crate) state: &'a Path,
    /// Whose jobs they are, `[a-z0-9-]{1,63}`.
    pub(crate) owner: &'a str,
}

/// An engine that answers, and why it was taken.
pub(crate) struct Chosen {
    /// The engine.
    pub(crate) sandbox: Arc<dyn Sandbox>,
    /// One line: which engine, and why this one.
    pub(crate) said: String,
}

/// Takes the engine that `choice` (else the configuration) asks for. A container engine must be reachable and
/// have the image; the native one must pass its test of itself, and shows these toolchains of the machine.
pub(crate) async fn choose(
    choice: Option<EngineChoice>,
    config: &Config,
    home: EngineHome<'_>,
    toolchains: &[Toolchain],
) -> Result<Chosen, Exit> {
    match choice.unwrap_or(config.engine) {
        EngineChoice::Docker => named(DockerKind::Docker, config, home).await,
        EngineChoice::Podman => named(DockerKind::Podman, config, home).await,
        EngineChoice::Native => match native(home, toolchains).await {
            Ok(sandbox) => Ok(chosen(sandbox, "as asked")),
            Err(error) => Err(Exit::from(error).doing("the native engine cannot be used")),
        },
        EngineChoice::Auto => auto(config, home, toolchains).await,
    }
}

async fn named(kind: DockerKind, config: &Config, home: EngineHome<'_>) -> Result<Chosen, Exit> {
    match container(kind, config, home).await {
        Ok(sandbox) => Ok(chosen(sandbox, "as asked")),
        Err(error) => Err(Exit::from(error).mend(
            "or run without a container engine: --engine native; `sluice doctor` says what this machine has",
        )),
    }
}

async fn auto(
    config: &Config,
    home: EngineHome<'_>,
    toolchains: &[Toolchain],
) -> Result<Chosen, Exit> {
    let mut why = Vec::new();
    for kind in [DockerKind::Docker, DockerKind::Podman] {
        match container(kind, config, home).await {
            Ok(sandbox) => return Ok(chosen(sandbox, "a container engine that has the image")),
            Err(SandboxError::Unavailable { .. }) => {
                why.push(format!("{} does not answer", kind.as_str()));
            }
            Err(error) => why.push(format!("{}: {}", kind.as_str(), chain(&error))),
        }
    }
    let why = why.join("; ");
    match native(home, toolchains).await {
        Ok(sandbox) => Ok(chosen(sandbox, &why)),
        Err(error) => Err(Exit::missing(format!(
            "no engine can run sandboxes here: {why}; native: {}",
            chain(&error)
        ))
        .mend("`sluice doctor` says what is missing and how to get it")),
    }
}

fn chosen(sandbox: Arc<dyn Sandbox>, why: &str) -> Chosen {
    let info = sandbox.engine();
    let said = format!("engine: {} {} ({why})", info.name, info.version);
    Chosen { sandbox, said }
}

/// Connects to a container engine.
pub(crate) async fn container(
    kind: DockerKind,
    config: &Config,
    home: EngineHome<'_>,
) -> Result<Arc<dyn Sandbox>, SandboxError> {
    let config = DockerConfig {
        kind,
        socket: named_socket(kind)?,
        image: config.image.clone(),
        daemon_id: home.owner.to_owned(),
        state: home.state.join(kind.as_str()),
    };
    Ok(Arc::new(Docker::connect(config).await?))
}

/// The socket that the user's environment names: then no other one is asked, since another engine there is not
/// the one that is meant.
fn named_socket(kind: DockerKind) -> Result<Option<PathBuf>, SandboxError> {
    let variable = match kind {
        DockerKind::Docker => "DOCKER_HOST",
        DockerKind::Podman => "CONTAINER_HOST",
    };
    let Some(host) = env::var(variable).ok().filter(|host| !host.is_empty()) else {
        return Ok(None);
    };
    match host.strip_prefix("unix://") {
        Some(path) => Ok(Some(PathBuf::from(path))),
        None => Err(SandboxError::Unavailable {
            engine: kind.as_str(),
            mend: format!(
                "{variable} is {host}, and only engines on this machine can be used: name a socket as in \
                 unix:///var/run/docker.sock, or unset it"
            ),
        }),
    }
}

/// Sets the native engine up, and believes it only after its test of itself.
pub(crate) async fn native(
    home: EngineHome<'_>,
    toolchains: &[Toolchain],
) -> Result<Arc<dyn Sandbox>, SandboxError> {
    let native = Native::new(native_config(home, toolchains).await?)?;
    let test = native.probe().await?;
    match test.failed.is_empty() {
        true => Ok(Arc::new(native)),
        false => Err(SandboxError::Forbidden {
            what: format!("a native sandbox that holds: {}", test.failed.join(", ")),
            mend: "use a container engine (`--engine docker`)".to_owned(),
        }),
    }
}

/// The native engine with the toolchains of this machine that lie outside of `/usr`.
pub(crate) async fn native_config(
    home: EngineHome<'_>,
    toolchains: &[Toolchain],
) -> Result<NativeConfig, SandboxError> {
    let path = env::var("PATH").unwrap_or_default();
    let found = HostToolchains::find(toolchains, &path).await;
    Ok(NativeConfig {
        extra_paths: found.mounts,
        search: found.search,
        ..NativeConfig::new(home.state.join("native"), helper()?)
    })
}

/// This program again, as the native engine's helper.
pub(crate) fn helper() -> Result<Vec<OsString>, SandboxError> {
    let program = env::current_exe().map_err(|source| SandboxError::Io {
        step: "find this program",
        path: "/proc/self/exe".into(),
        source,
    })?;
    Ok(vec![program.into(), "sandbox-init".into()])
}
