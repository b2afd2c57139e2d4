//! Chooses the engine that runs the sandboxes, and says which and why.

mod judged;
mod stay;
mod tested;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluice_checks::{HostToolchains, Settings, Toolchain};
use sluice_sandbox::{
    BuildConfig, Docker, DockerConfig, DockerKind, ImageConfig, Native, NativeConfig, Sandbox,
    SandboxError, Say,
};

use crate::cli::EngineChoice;
use crate::config::Config;
use crate::exit::{Exit, chain};
use crate::output::{Output, one_line};
pub(crate) use judged::forget;
pub(crate) use stay::{Stay, cache_folder};
use tested::Tested;

/// What an engine keeps of its own, and under whose name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineHome<'a> {
    /// A folder for what exists while a job runs.
    pub(crate) state: &'a Path,
    /// Whose jobs they are, `[a-z0-9-]{1,63}`.
    pub(crate) owner: &'a str,
}

/// What an engine is wanted for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work<'a> {
    /// Checks of a project with these toolchains.
    Project(&'a [Toolchain]),
    /// The same, where perhaps every answer is known already and nothing has to run.
    Remembered(&'a [Toolchain]),
    /// Projects that are not known yet.
    Any,
}

impl Work<'_> {
    /// The toolchains that a native engine shows.
    fn toolchains(&self) -> &[Toolchain] {
        match self {
            Work::Project(toolchains) | Work::Remembered(toolchains) => toolchains,
            Work::Any => &Toolchain::ALL,
        }
    }
}

/// An engine that answers, and why it was taken.
pub(crate) struct Chosen {
    /// The engine.
    pub(crate) sandbox: Arc<dyn Sandbox>,
    /// One line: which engine, and why this one.
    pub(crate) said: String,
}

/// Takes the engine that `choice` (else the configuration) asks for. A container engine must be reachable and
/// have an image for the work, which is built or pulled the first time; the native one must pass its test of
/// itself before its first command, and shows the work's toolchains of the machine.
pub(crate) async fn choose(
    choice: Option<EngineChoice>,
    config: &Config,
    home: EngineHome<'_>,
    work: Work<'_>,
    output: Output,
) -> Result<Chosen, Exit> {
    let say = Say::to(move |line| output.note(&one_line(line)));
    if let Some(fault) = &config.upstream.fault {
        output.note(fault);
    }
    match choice.unwrap_or(config.engine) {
        EngineChoice::Docker => named(DockerKind::Docker, config, home, work, say).await,
        EngineChoice::Podman => named(DockerKind::Podman, config, home, work, say).await,
        EngineChoice::Native => match native_for(config, home, work).await {
            Ok(sandbox) => Ok(chosen(sandbox, "as asked")),
            Err(error) => Err(Exit::from(error).doing("the native engine cannot be used")),
        },
        EngineChoice::Auto => auto(config, home, work, say).await,
    }
}

async fn named(
    kind: DockerKind,
    config: &Config,
    home: EngineHome<'_>,
    work: Work<'_>,
    say: Say,
) -> Result<Chosen, Exit> {
    match with_images(kind, config, home, work, true, say).await {
        Ok(sandbox) => Ok(chosen(sandbox, "as asked")),
        Err(error) => Err(Exit::from(error).mend(
            "or run without a container engine: --engine native; `sluice doctor` says what this machine has",
        )),
    }
}

async fn auto(
    config: &Config,
    home: EngineHome<'_>,
    work: Work<'_>,
    say: Say,
) -> Result<Chosen, Exit> {
    let mut why = Vec::new();
    for kind in [DockerKind::Docker, DockerKind::Podman] {
        match with_images(kind, config, home, work, false, say.clone()).await {
            Ok(sandbox) => return Ok(chosen(sandbox, "a container engine that has the image")),
            Err(SandboxError::Unavailable { .. }) => {
                why.push(format!("{} does not answer", kind.as_str()));
            }
            Err(error) => why.push(format!("{}: {}", kind.as_str(), chain(&error))),
        }
    }
    let why = why.join("; ");
    match native_for(config, home, work).await {
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

/// A container engine with an image for the work. Of several toolchains one is enough: the checks of another say
/// that they have no answer, and why.
async fn with_images(
    kind: DockerKind,
    config: &Config,
    home: EngineHome<'_>,
    work: Work<'_>,
    is_asked_for: bool,
    say: Say,
) -> Result<Arc<dyn Sandbox>, SandboxError> {
    let docker = Docker::find(container_config(kind, config, home, say)?).await?;
    // Where perhaps nothing has to run, the engine is looked at only before its first job, unless another one
    // would be taken if it is no good.
    let engine = docker.engine();
    let may_wait = matches!(work, Work::Remembered(_)) && (is_asked_for || judged::is_good(engine));
    if !may_wait {
        docker.look().await?;
        judged::remember(engine);
    }
    let mut fault = None;
    let mut is_ready = false;
    match work {
        Work::Any => is_ready = docker.image(None).await.map(|_| true)?,
        Work::Project(toolchains) | Work::Remembered(toolchains) => {
            for toolchain in toolchains {
                match docker.image(Some(toolchain.as_str())).await {
                    Ok(_) => is_ready = true,
                    Err(error) => fault = fault.or(Some(error)),
                }
            }
        }
    }
    match fault {
        Some(error) if !is_ready => Err(error),
        _ => Ok(Arc::new(docker)),
    }
}

/// Connects to a container engine.
pub(crate) async fn container(
    kind: DockerKind,
    config: &Config,
    home: EngineHome<'_>,
    say: Say,
) -> Result<Docker, SandboxError> {
    Docker::connect(container_config(kind, config, home, say)?).await
}

fn container_config(
    kind: DockerKind,
    config: &Config,
    home: EngineHome<'_>,
    say: Say,
) -> Result<DockerConfig, SandboxError> {
    Ok(DockerConfig {
        kind,
        socket: named_socket(kind)?,
        images: images(config, home, say),
        daemon_id: home.owner.to_owned(),
        state: home.state.join(kind.as_str()),
        resolver: config.upstream.resolver(),
    })
}

/// The images of toolchains, and how ours are built here.
fn images(config: &Config, home: EngineHome<'_>, say: Say) -> ImageConfig {
    // One folder for all processes of a user, so that two of them do not build the same image at once.
    let locks = cache_folder().map_or_else(|_| home.state.to_owned(), |cache| cache.join("images"));
    let registries = Settings::below(home.state);
    let mut arguments = config.proxies.clone();
    for (name, value) in [
        ("PIP_INDEX_URL", registries.pip_index),
        ("NPM_CONFIG_REGISTRY", registries.npm_registry),
    ] {
        arguments.extend(value.map(|value| (name.to_owned(), value)));
    }
    ImageConfig {
        all: config.image.clone(),
        by_toolchain: config.images.clone(),
        build: BuildConfig {
            base: config
                .base
                .clone()
                .unwrap_or_else(|| BuildConfig::BASE.to_owned()),
            locks,
            extra_ca: config.extra_ca.clone(),
            arguments,
        },
        say,
    }
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

/// Sets the native engine up; it tests itself before its first command.
async fn native(
    config: &Config,
    home: EngineHome<'_>,
    toolchains: &[Toolchain],
) -> Result<Tested, SandboxError> {
    let native = NativeConfig {
        resolver: config.upstream.resolver(),
        ..native_config(home, toolchains).await?
    };
    Ok(Tested::new(Native::new(native)?))
}

/// The native engine for some work. Where every answer may be known already, it tests itself only when something
/// has to run.
async fn native_for(
    config: &Config,
    home: EngineHome<'_>,
    work: Work<'_>,
) -> Result<Arc<dyn Sandbox>, SandboxError> {
    let native = native(config, home, work.toolchains()).await?;
    if !matches!(work, Work::Remembered(_)) {
        native.test().await?;
    }
    Ok(Arc::new(native))
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
