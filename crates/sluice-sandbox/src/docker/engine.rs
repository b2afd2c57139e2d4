//! Looks whether an engine can keep untrusted code in, before any is given to it.

use bollard::models::SystemInfo;

use super::api::Api;
use crate::SandboxError;

/// What is true of the engine for every job.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Engine {
    /// Its own version.
    pub(super) version: String,
    /// Fields of [`crate::Limits`] that its kernel cannot enforce.
    pub(super) unenforced: Vec<String>,
}

/// Asks the engine what it is, and refuses one that would weaken the sandbox.
pub(super) async fn look(api: &Api) -> Result<Engine, SandboxError> {
    let info = api
        .call("asking the engine about itself", api.client.info())
        .await?;
    judge(&info)
}

/// What the engine's own description means for us.
pub(super) fn judge(info: &SystemInfo) -> Result<Engine, SandboxError> {
    let options = info.security_options.clone().unwrap_or_default();
    let has = |name: &str| {
        options
            .iter()
            .any(|option| option.split(',').any(|part| part == name))
    };
    if !has("name=seccomp") || has("profile=unconfined") {
        return Err(SandboxError::Forbidden {
            what: "system call filters in containers".to_owned(),
            mend: "start the engine with its default seccomp profile, or use --engine native"
                .to_owned(),
        });
    }
    for (option, what) in [
        ("name=rootless", "a rootless container engine"),
        ("name=userns", "a container engine with userns-remap"),
    ] {
        if has(option) {
            // Its containers write as a user that we could not clean up after.
            return Err(SandboxError::Forbidden {
                what: format!("{what} for overlay workspaces"),
                mend: "use the engine that root runs, or --engine native".to_owned(),
            });
        }
    }
    let mut unenforced = Vec::new();
    for (field, enforced) in [
        (
            "memory_bytes",
            info.memory_limit.unwrap_or(false) && info.swap_limit.unwrap_or(false),
        ),
        ("cpus", info.cpu_cfs_quota.unwrap_or(false)),
        ("pids", info.pids_limit.unwrap_or(false)),
    ] {
        if !enforced {
            unenforced.push(field.to_owned());
        }
    }
    Ok(Engine {
        version: info.server_version.clone().unwrap_or_default(),
        unenforced,
    })
}
