//! Builds one of our images through the engine's API, from a context that is made in memory.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::time::Duration;

use bollard::errors::Error as ApiError;
use bollard::query_parameters::{BuildImageOptions, RemoveImageOptions};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;

use super::recipe::{Recipe, TRUST};
use super::{ImageConfig, base, lock};
use crate::SandboxError;
use crate::docker::api::Api;

/// The label that says which recipe an image was built from.
pub(super) const RECIPE: &str = "sluice.recipe";
/// The label that says which base an image stands on, by its id.
const BASE: &str = "sluice.base";
/// How long a step may print nothing.
const SILENCE: Duration = Duration::from_secs(900);
/// How many lines of output an error shows.
const LINES: usize = 12;

/// Builds the image, unless another process has done so by now; `fresh` builds it in any case, with the newest
/// of what the registries offer.
pub(super) async fn build(
    api: &Api,
    recipe: &Recipe,
    config: &ImageConfig,
    fresh: bool,
) -> Result<String, SandboxError> {
    let lock_name = recipe.name.replace(['/', ':'], "-");
    let _lock = lock::lock(&config.build.locks, &lock_name, &config.say).await?;
    if !fresh && let Some(id) = super::current(api, recipe, config).await? {
        return Ok(id);
    }
    let base = base::ready(api, config).await?;
    let before = super::inspect(api, recipe.name)
        .await?
        .and_then(|image| image.id);
    config.say.line(&format!(
        "building the image {}, once on this machine; it takes a minute or two",
        recipe.name
    ));
    let options = BuildImageOptions {
        dockerfile: "Dockerfile".to_owned(),
        t: Some(recipe.name.to_owned()),
        rm: true,
        forcerm: true,
        nocache: fresh,
        networkmode: network(config),
        buildargs: Some(arguments(config)),
        labels: Some(HashMap::from([
            (RECIPE.to_owned(), recipe.digest(&config.build.base)),
            (BASE.to_owned(), base),
        ])),
        ..Default::default()
    };
    let context = bollard::body_full(context(recipe, config)?);
    // Dropped before its end, as when this process is killed, it makes the engine stop; the name is given to
    // the image in the last step, so nothing half made is ever found under it.
    let mut answers = Box::pin(api.client.build_image(options, None, Some(context)));
    let mut last = VecDeque::new();
    loop {
        match timeout(SILENCE, answers.next()).await {
            Ok(Some(Ok(answer))) => {
                for line in answer.stream.unwrap_or_default().lines() {
                    hear(line, recipe, config, &mut last);
                }
            }
            Ok(Some(Err(
                fault @ (ApiError::DockerStreamError { .. }
                | ApiError::DockerResponseServerError { .. }),
            ))) => {
                return Err(broken(recipe, &words(&fault), &last));
            }
            Ok(Some(Err(fault))) => return Err(api.fault("building an image", fault)),
            Ok(None) => break,
            Err(_) => {
                let why = format!("a step printed nothing for {} s", SILENCE.as_secs());
                return Err(broken(recipe, &why, &last));
            }
        }
    }
    match super::current(api, recipe, config).await? {
        Some(id) => {
            config.say.line(&format!("{} is built: {id}", recipe.name));
            if let Some(older) = before.filter(|before| *before != id) {
                remove_unused(api, &older).await;
            }
            Ok(id)
        }
        None => Err(broken(recipe, "the engine ended without an image", &last)),
    }
}

/// Removes an image that lost its name to a newer one, unless it has another name or a container is made of it. An
/// image that stays is no fault: it only takes room.
async fn remove_unused(api: &Api, id: &str) {
    let names = match super::inspect(api, id).await {
        Ok(Some(image)) => image.repo_tags.unwrap_or_default(),
        _ => return,
    };
    if names.is_empty()
        && let Err(error) = api
            .client
            .remove_image(id, None::<RemoveImageOptions>, None)
            .await
    {
        tracing::debug!(%error, image = id, "an older image stays");
    }
}

/// Passes on what a person wants to see, and remembers the rest for an error.
fn hear(line: &str, recipe: &Recipe, config: &ImageConfig, last: &mut VecDeque<String>) {
    let line: String = line
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect();
    if line.is_empty() {
        return;
    }
    if line.starts_with("Step ") {
        let short: String = line.chars().take(100).collect();
        config.say.line(&format!("{}: {short}", recipe.name));
    }
    last.push_back(line);
    if last.len() > LINES {
        last.pop_front();
    }
}

fn broken(recipe: &Recipe, why: &str, last: &VecDeque<String>) -> SandboxError {
    let said: Vec<&str> = last.iter().map(String::as_str).collect();
    let said = match said.is_empty() {
        true => String::new(),
        false => format!("; it said: {}", said.join(" | ")),
    };
    SandboxError::ImageBuild {
        image: recipe.name.to_owned(),
        why: format!("{why}{said}"),
        mend: format!(
            "it needs Debian's packages and the registries of pip and npm (network.extra_ca, HTTPS_PROXY); or name an \
             image that is there in engine.images.{}",
            recipe.toolchain
        ),
    }
}

/// An answer of the engine, without the client's own words around it.
pub(super) fn words(fault: &ApiError) -> String {
    match fault {
        ApiError::DockerStreamError { error } => error.trim().to_owned(),
        ApiError::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        other => other.to_string(),
    }
}

fn arguments(config: &ImageConfig) -> HashMap<String, String> {
    let mut all: HashMap<String, String> = config.build.arguments.clone().into_iter().collect();
    all.insert("BASE".to_owned(), config.build.base.clone());
    all
}

/// A proxy on the machine's own loopback is reached only from its own network.
fn network(config: &ImageConfig) -> Option<String> {
    let is_local = |value: &String| {
        let host = value
            .split_once("://")
            .map_or(value.as_str(), |(_, rest)| rest);
        let host = host.rsplit('@').next().unwrap_or(host);
        host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]")
    };
    config
        .build
        .arguments
        .values()
        .any(is_local)
        .then(|| "host".to_owned())
}

/// The files that the recipe uses, as an archive that is the same for the same content.
fn context(recipe: &Recipe, config: &ImageConfig) -> Result<Bytes, SandboxError> {
    let authorities = match &config.build.extra_ca {
        None => Vec::new(),
        Some(path) => fs::read(path).map_err(|source| SandboxError::Io {
            step: "reading the extra certificates",
            path: path.clone(),
            source,
        })?,
    };
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in [
        ("Dockerfile", recipe.dockerfile.as_bytes()),
        ("trust.sh", TRUST.as_bytes()),
        ("ca.pem", &authorities),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive
            .append_data(&mut header, name, content)
            .expect("memory takes every byte, and the names are short");
    }
    Ok(archive
        .into_inner()
        .expect("memory takes every byte")
        .into())
}
