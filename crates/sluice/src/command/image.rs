//! `sluice image`: lists the images that checks run in, builds them, makes the base that they stand on.

use serde::Serialize;
use serde_json::json;
use sluice_checks::Toolchain;
use sluice_sandbox::{Docker, DockerKind, ImageState, SandboxError, Say};

use crate::cli::{ContainerChoice, ContainerEngine, EngineChoice, ImageCommand};
use crate::config::Config;
use crate::engine::{self, Stay};
use crate::exit::Exit;
use crate::output::{Output, one_line, table};

/// An image that is there now.
#[derive(Debug, Serialize)]
struct Ready {
    toolchain: String,
    image: String,
    id: String,
}

/// Runs the command.
pub(super) async fn run(
    command: ImageCommand,
    config: &Config,
    output: Output,
) -> Result<(), Exit> {
    let stay = Stay::new(&engine::cache_folder()?)?;
    match command {
        ImageCommand::List { engine } => {
            let docker = connect(engine, config, &stay, output).await?;
            list(&docker.images().await?, output)
        }
        ImageCommand::Build {
            toolchains,
            fresh,
            engine,
        } => {
            let docker = connect(engine, config, &stay, output).await?;
            build(&docker, toolchains, fresh, output).await
        }
        ImageCommand::Bootstrap { engine } => {
            let docker = connect(engine, config, &stay, output).await?;
            let (id, made) = docker.image_bootstrap().await?;
            let image = docker.images().await?.swap_remove(0).image;
            if output.is_json() {
                return output.document(&json!({"image": image, "id": id, "made": made}));
            }
            let said = if made { "made" } else { "was there already" };
            output.text(&format!("{image} {said}: {id}"))
        }
    }
}

/// The engine that is asked for, or configured, or answers.
async fn connect(
    engine: ContainerEngine,
    config: &Config,
    stay: &Stay,
    output: Output,
) -> Result<Docker, Exit> {
    let say = Say::to(move |line| output.note(&one_line(line)));
    let container = async |kind| engine::container(kind, config, stay.home(), say.clone()).await;
    let kind = match (engine.engine, config.engine) {
        (Some(ContainerChoice::Docker), _) | (None, EngineChoice::Docker) => DockerKind::Docker,
        (Some(ContainerChoice::Podman), _) | (None, EngineChoice::Podman) => DockerKind::Podman,
        (None, EngineChoice::Native) => {
            return Err(Exit::usage("engine.default is native, which has no images")
                .mend("name a container engine with --engine docker or --engine podman"));
        }
        (None, EngineChoice::Auto) => {
            return match container(DockerKind::Docker).await {
                Err(SandboxError::Unavailable { .. }) => {
                    match container(DockerKind::Podman).await {
                        Ok(docker) => Ok(docker),
                        Err(_) => Err(Exit::missing("neither Docker nor Podman answers")
                            .mend("start Docker; `sluice doctor` says what is missing")),
                    }
                }
                answer => Ok(answer?),
            };
        }
    };
    Ok(container(kind).await?)
}

async fn build(
    docker: &Docker,
    toolchains: Vec<String>,
    fresh: bool,
    output: Output,
) -> Result<(), Exit> {
    let ours = Toolchain::ALL.iter().filter(|one| one.has_image());
    let all = || ours.map(|one| one.as_str().to_owned());
    let toolchains: Vec<String> = match toolchains.is_empty() {
        true => all().collect(),
        false => toolchains,
    };
    let mut ready = Vec::new();
    for toolchain in toolchains {
        let id = docker.image_build(&toolchain, fresh).await?;
        let states = docker.images().await?;
        let state = states.into_iter().find(|one| one.toolchain == toolchain);
        ready.push(Ready {
            image: state.map(|one| one.image).unwrap_or_default(),
            toolchain,
            id,
        });
    }
    if output.is_json() {
        return output.document(&json!({ "images": ready }));
    }
    let rows = ready
        .into_iter()
        .map(|one| vec![one.toolchain, one.image, one.id]);
    output.text(&table(&rows.collect::<Vec<_>>()))
}

fn list(images: &[ImageState], output: Output) -> Result<(), Exit> {
    if output.is_json() {
        return output.document(&json!({ "images": images }));
    }
    let head = ["TOOLCHAIN", "IMAGE", "STATE", "SIZE", "MADE", "ID"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(images.iter().map(|one| {
        let state = match (one.ready, one.id.is_some(), one.ours) {
            (true, ..) => "ready",
            (false, true, _) => "of an older recipe",
            (false, false, true) => "to be built",
            (false, false, false) => "to be pulled",
        };
        let bytes = one.bytes.map(|bytes| format!("{} MB", bytes / 1_000_000));
        let day = one.created.as_ref().map(|at| at.chars().take(10).collect());
        let id = one.id.as_ref().map(|id| id.chars().take(19).collect());
        vec![
            one.toolchain.clone(),
            one.image.clone(),
            state.to_owned(),
            bytes.unwrap_or_default(),
            day.unwrap_or_default(),
            id.unwrap_or_default(),
        ]
    }));
    output.text(&table(&rows))
}
