//! A folder of ours for as long as this process lives; what a killed process left is removed by the next one.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluice_sandbox::{DockerKind, Sandbox, SandboxError, Say};

use super::{EngineHome, container, native};
use crate::config::Config;
use crate::exit::Exit;

/// Says which engine may have something left.
const ENGINE: &str = "engine";

/// Where commands without a daemon keep results, layers and what lives while they run.
pub(crate) fn cache_folder() -> Result<PathBuf, Exit> {
    let named = |name: &str| {
        let path = env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let folder = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    folder.map(|folder| folder.join("sluice")).ok_or_else(|| {
        Exit::missing("there is no folder for caches: neither XDG_CACHE_HOME nor HOME is set")
            .mend("set XDG_CACHE_HOME to a folder that you may write to")
    })
}

/// The folder; it goes with its owner.
#[derive(Debug)]
pub(crate) struct Stay {
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Stay {
    /// Makes a folder below `cache`.
    pub(crate) fn new(cache: &Path) -> Result<Stay, Exit> {
        let runs = cache.join("runs");
        let id = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("run-{}", &id[..12]);
        let make = || -> io::Result<Stay> {
            fs::create_dir_all(&runs)?;
            // The lock comes first: a folder without a locked lock is taken for remains.
            let lock = File::create(runs.join(format!("{name}.lock")))?;
            lock.lock()?;
            let path = runs.join(&name);
            fs::create_dir(&path)?;
            Ok(Stay {
                path,
                name: name.clone(),
                _lock: lock,
            })
        };
        make().map_err(|error| {
            Exit::missing(format!("{} cannot be written to: {error}", runs.display()))
                .mend("free some space, or set XDG_CACHE_HOME to a folder that you may write to")
        })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A name of its own, `[a-z0-9-]{1,63}`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What an engine keeps here.
    pub(crate) fn home(&self) -> EngineHome<'_> {
        EngineHome {
            state: &self.path,
            owner: &self.name,
        }
    }

    /// Writes down which engine is used, for whoever must clean up.
    pub(crate) fn note_engine(&self, engine: &str) {
        // Without it only containers of a killed process would stay, and only where the disk is full.
        if let Err(error) = fs::write(self.path.join(ENGINE), engine) {
            tracing::warn!(%error, "could not write down the engine");
        }
    }

    /// Removes what processes that were killed left in `cache`, on disk and in their engines.
    pub(crate) async fn reap(cache: &Path, config: &Config) {
        let Ok(entries) = fs::read_dir(cache.join("runs")) else {
            return;
        };
        for entry in entries.flatten() {
            let lock_path = entry.path();
            if lock_path.extension().is_none_or(|kind| kind != "lock") {
                continue;
            }
            let Ok(lock) = File::open(&lock_path) else {
                continue;
            };
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
            }
            let Some(name) = lock_path.file_stem().and_then(|name| name.to_str()) else {
                continue;
            };
            let left = Stay {
                name: name.to_owned(),
                path: lock_path.with_extension(""),
                _lock: lock,
            };
            left.reap_engine(config).await;
        }
    }

    async fn container(
        &self,
        kind: DockerKind,
        config: &Config,
    ) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let engine = container(kind, config, self.home(), Say::default()).await?;
        Ok(Arc::new(engine))
    }

    async fn reap_engine(&self, config: &Config) {
        let engine = fs::read_to_string(self.path.join(ENGINE)).unwrap_or_default();
        let engine = match engine.as_str() {
            "docker" => self.container(DockerKind::Docker, config).await,
            "podman" => self.container(DockerKind::Podman, config).await,
            "native" => match native(config, self.home(), &[]).await {
                Ok(engine) => Ok(Arc::new(engine) as Arc<dyn Sandbox>),
                Err(error) => Err(error),
            },
            _ => return,
        };
        let reaped = match engine {
            Ok(engine) => engine.reap().await,
            Err(error) => Err(error),
        };
        if let Err(error) = reaped {
            tracing::warn!(%error, run = %self.name, "could not remove what a killed run left");
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let removed = match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::remove_file(self.path.with_extension("lock")),
        };
        if let Err(error) = removed {
            tracing::warn!(path = %self.path.display(), %error, "a folder of ours could not be removed");
        }
    }
}
