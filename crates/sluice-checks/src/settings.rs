//! What a checker is told about the machine that it runs on.

use std::path::PathBuf;

use sluice_egress::Policy;

use crate::registry::{self, host_registry};
use crate::turns::host_memory;

/// Where a checker keeps its things, and what it passes on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Remembered results.
    pub cache: PathBuf,
    /// Dependency layers; on a file system that can be an overlay's lower.
    pub layers: PathBuf,
    /// Layers that depend on a toolchain alone; may be the same folder.
    pub toolchains: PathBuf,
    /// Stored logs.
    pub logs: PathBuf,
    /// Folders that live as long as a run, and our own files for the sandboxes.
    pub state: PathBuf,
    /// What was found out about the machine and its images.
    pub known: PathBuf,
    /// A file of certificates that every toolchain is to trust besides its own.
    pub extra_ca: Option<PathBuf>,
    /// The npm registry to use instead of npm's own default, without credentials.
    pub npm_registry: Option<String>,
    /// The index of Python packages to use instead of pip's own default, without credentials.
    pub pip_index: Option<String>,
    /// The proxy of Go modules to use instead of go's own default, without credentials.
    pub go_proxy: Option<String>,
    /// Where cargo gets crates from instead of its own default: the text of a `config.toml`.
    pub cargo_config: Option<String>,
    /// Further registries that installations may reach.
    pub registries: Policy,
    /// The packages whose install scripts may run, by name.
    pub install_scripts: Vec<String>,
    /// A folder with databases of advisories, for audits without a network: RustSec's in `rustsec`, Go's in `go`.
    pub advisories: Option<PathBuf>,
    /// How many checks run at once.
    pub parallel: usize,
    /// How much memory those may take together, in bytes. A check counts with a quarter of its limit: few come near it.
    pub memory_bytes: u64,
    /// Of a hundred remembered answers, how many are asked for again and compared.
    pub verify_percent: u8,
    /// How much remembered results, and logs besides them, may take, in bytes.
    pub results_bytes: u64,
    /// How much dependency layers may take, in bytes.
    pub layers_bytes: u64,
}

impl Settings {
    /// Everything below one folder; eight checks at once; the registries that this machine is configured for.
    pub fn below(folder: impl Into<PathBuf>) -> Settings {
        let folder = folder.into();
        Settings {
            cache: folder.join("cache"),
            layers: folder.join("layers"),
            toolchains: folder.join("layers"),
            logs: folder.join("logs"),
            state: folder.join("state"),
            known: folder.join("known"),
            extra_ca: None,
            npm_registry: host_registry(),
            pip_index: registry::pip(),
            go_proxy: registry::go(),
            cargo_config: registry::cargo(),
            registries: Policy::default(),
            install_scripts: Vec::new(),
            advisories: None,
            parallel: 8,
            memory_bytes: host_memory(),
            verify_percent: 0,
            results_bytes: 1 << 30,
            layers_bytes: 10 << 30,
        }
    }
}
