//! Removes what only root can remove, for a daemon that is not root: the engine's kernel leaves files of root
//! in an overlay's work folder.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};

use super::api::Api;
use crate::SandboxError;

/// Where the folder is seen from inside.
const FOLDER: &str = "/sweep";

/// Empties `folder` from a container that has nothing but this folder.
pub(super) async fn sweep(
    api: &Api,
    name: &str,
    image: &str,
    labels: HashMap<String, String>,
    folder: &Path,
) -> Result<(), SandboxError> {
    api.remove_container(name).await?;
    if !api
        .create_container(name, &container(image, labels, folder))
        .await?
    {
        return Err(SandboxError::Setup {
            why: format!("another program makes containers named {name} at the same time"),
        });
    }
    api.start(name).await?;
    let ended = api.wait(name).await;
    api.remove_container(name).await?;
    match ended? {
        0 => Ok(()),
        code => Err(SandboxError::Setup {
            why: format!(
                "the folder {folder:?} could not be emptied as root (code {code}); remove it by hand"
            ),
        }),
    }
}

fn container(image: &str, labels: HashMap<String, String>, folder: &Path) -> ContainerCreateBody {
    let program = ["find", FOLDER, "-xdev", "-mindepth", "1", "-delete"];
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some("0:0".to_owned()),
        entrypoint: Some(vec![program[0].to_owned()]),
        cmd: Some(program[1..].iter().map(|word| (*word).to_owned()).collect()),
        working_dir: Some("/".to_owned()),
        labels: Some(labels),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            // To reach into folders of others, and no further.
            cap_add: Some(vec!["DAC_OVERRIDE".to_owned(), "FOWNER".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            memory: Some(64 << 20),
            memory_swap: Some(64 << 20),
            pids_limit: Some(16),
            log_config: Some(HostConfigLogConfig {
                typ: Some("none".to_owned()),
                config: None,
            }),
            mounts: Some(vec![Mount {
                typ: Some(MountType::BIND),
                source: Some(folder.to_string_lossy().into_owned()),
                target: Some(FOLDER.to_owned()),
                read_only: Some(false),
                ..Default::default()
            }]),
            ..Default::default()
        }),
        ..Default::default()
    }
}
