//! What is run: one command over one stack of read-only folders, and everything that bounds it.

mod check;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluice_egress::Policy;

pub(crate) use check::is_name;

/// Where the workspace appears inside every sandbox.
pub const WORKSPACE: &str = "/workspace";
/// Where the folder for report files ([`Job::out`]) appears inside every sandbox.
pub const OUT: &str = "/sluice/out";
/// Where the proxy listens inside of a sandbox with [`Network::Registries`], on its own loopback.
pub const PROXY: &str = "http://127.0.0.1:3128";
/// The port of [`PROXY`].
pub(crate) const PROXY_PORT: u16 = 3128;
/// The user and group that the command runs as, inside.
pub const INNER_ID: u32 = 1000;

/// One untrusted command. Everything about safety is in here; an engine that cannot give it refuses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Unique and stable under a repeat of the same effect, `[a-z0-9-]{1,63}`: containers, volumes,
    /// cgroups and state folders carry it, so that a second start finds the first one's remains.
    pub name: String,
    /// Read-only folders that make the workspace, topmost first; the last one is the snapshot.
    pub lower: Vec<PathBuf>,
    /// What becomes of the files that the command writes into the workspace.
    pub upper: Upper,
    /// The toolchain that the command needs, such as `node`: an engine with images runs it in that toolchain's
    /// image ([`crate::Sandbox::image`]). `None` for the image of jobs that need nothing in particular.
    #[serde(default)]
    pub toolchain: Option<String>,
    /// Where the command starts, relative to [`WORKSPACE`]; empty for its root.
    pub workdir: String,
    /// The program and its arguments; never a shell string made by us.
    pub argv: Vec<String>,
    /// The whole environment; nothing of the daemon's own is added.
    pub env: BTreeMap<String, String>,
    /// Read-only files or folders of the host that the command needs, such as a CA file.
    pub binds: Vec<Bind>,
    /// A host folder, mounted writable at [`OUT`], where tools put their report files.
    pub out: Option<PathBuf>,
    /// Who can be reached.
    pub network: Network,
    /// The registries of [`Network::Registries`].
    #[serde(default)]
    pub registries: Policy,
    /// What the command reads from its standard input.
    pub stdin: Stdin,
    /// What bounds it.
    pub limits: Limits,
}

/// A read-only view of a host path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The absolute path on the host.
    pub host: PathBuf,
    /// The absolute path inside.
    pub inside: String,
}

/// What becomes of the files that a command writes into the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upper {
    /// Thrown away at the end; bounded by [`Limits::disk_bytes`] and [`Limits::inodes`].
    Discard,
    /// Kept in this host folder as an overlay layer, to be used in [`Job::lower`] of later jobs on the
    /// same engine. The folder must be empty or absent.
    Keep(PathBuf),
}

/// Who a command can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nobody but its own loopback.
    None,
    /// Nobody but [`Job::registries`], through a proxy at
    /// [`PROXY`], for an install phase. There is no name server and no other way out.
    Registries,
    /// The network of the host.
    ///
    /// ## Security
    /// The command can reach everything that the host can reach. The result says so.
    Open,
}

impl Network {
    /// The word in reports and proofs: `none`, `registries` or `open`.
    pub fn as_str(self) -> &'static str {
        match self {
            Network::None => "none",
            Network::Registries => "registries",
            Network::Open => "open",
        }
    }
}

/// What a command reads from its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// End of file at once.
    Empty,
    /// These bytes, then end of file.
    Bytes(Vec<u8>),
}

/// What bounds a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The longest it may run.
    pub wall: Duration,
    /// The longest it may run without output; `None` for no such clock.
    pub silence: Option<Duration>,
    /// Memory in bytes, all its processes together, with what they write into folders that lie in memory;
    /// swap is not added.
    pub memory_bytes: u64,
    /// Processor time per second of wall time, in processors.
    pub cpus: f64,
    /// Processes and threads at one time.
    pub pids: u32,
    /// Open files per process.
    pub open_files: u64,
    /// Size in bytes of the largest file that it may write.
    pub file_bytes: u64,
    /// Bytes that it may write into the workspace or into `/tmp` (each).
    pub disk_bytes: u64,
    /// Files that it may make in the workspace or in `/tmp` (each).
    pub inodes: u64,
    /// Output (both streams) in bytes after which it is killed.
    pub output_bytes: u64,
}

impl Limits {
    /// The bounds of a step such as a build or a test run.
    pub fn step() -> Limits {
        Limits {
            wall: Duration::from_secs(300),
            silence: Some(Duration::from_secs(120)),
            memory_bytes: 4 << 30,
            cpus: 2.0,
            pids: 256,
            open_files: 4096,
            file_bytes: 1 << 30,
            disk_bytes: 1 << 30,
            inodes: 100_000,
            output_bytes: 64 << 20,
        }
    }
}
