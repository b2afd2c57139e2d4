//! How a command ended, and what the engine that ran it could and could not promise.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a command ended. All of these are results; a fault of the machinery is a [`crate::SandboxError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It ended by itself with this code.
    Exited(i32),
    /// It ran longer than [`crate::Limits::wall`].
    TimedOut,
    /// It printed nothing for [`crate::Limits::silence`].
    Silent,
    /// It used more than [`crate::Limits::memory_bytes`].
    OutOfMemory,
    /// A signal ended it, or it was cancelled.
    Killed,
    /// It printed more than [`crate::Limits::output_bytes`].
    OutputLimit,
}

impl End {
    /// The word of contract section 4.
    pub fn as_str(self) -> &'static str {
        match self {
            End::Exited(_) => "exited",
            End::TimedOut => "timed_out",
            End::Silent => "silent",
            End::OutOfMemory => "out_of_memory",
            End::Killed => "killed",
            End::OutputLimit => "output_limit",
        }
    }

    /// The exit code, where there is one.
    pub fn exit_code(self) -> Option<i32> {
        match self {
            End::Exited(code) => Some(code),
            _ => None,
        }
    }
}

/// What came of one job.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// From start to end, start-up of the sandbox included.
    pub wall: Duration,
    /// The greatest memory in bytes that was seen, where the engine measures it.
    pub peak_memory: Option<u64>,
    /// Limits of the job that this engine could not enforce on this machine, by their field's name, such
    /// as `memory_bytes`. Never silently empty: a limit that is not listed was set.
    pub unenforced: Vec<String>,
    /// What was asked of the proxy, by host, port and outcome; empty but for [`crate::Network::Registries`].
    pub requests: Vec<sluice_egress::Record>,
}

/// Which engine, for reports, cache keys and proofs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// `native`, `docker` or `podman`.
    pub name: String,
    /// The engine's own version.
    pub version: String,
    /// For `native` a digest over the host toolchains that are mounted. For a container engine the digest of the
    /// image for jobs that name no toolchain, empty while there is none; [`crate::Sandbox::image`] knows all.
    pub image: String,
    /// Folders inside with programs, to be looked in before the usual ones.
    #[serde(default)]
    pub search: Vec<std::path::PathBuf>,
}
