//! What the daemon tells the helper, and what the helper answers, over one socket.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Network;

/// The longest frame that is taken: a job's arguments and environment, or its standard input.
const FRAME_MAX: u32 = 1 << 30;

/// The byte that comes with the listener of the way out, before the report. No frame begins with it.
pub(super) const LISTENER: u8 = 0xff;

/// What the process that starts helpers is told, in one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Start a helper; its socket and its two output pipes come along.
    Start {
        /// Its name from now on.
        number: u64,
        /// See [`Spec::outer`].
        outer: Option<u32>,
    },
    /// End a helper that has not ended.
    End {
        /// Its name.
        number: u64,
    },
}

impl Order {
    /// Bytes in a packet: the kind, the number, the outer user.
    pub(super) const SIZE: usize = 13;
    /// The number that no user has.
    const NOBODY: u32 = u32::MAX;

    pub(super) fn to_bytes(self) -> [u8; Order::SIZE] {
        let (kind, number, outer) = match self {
            Order::Start { number, outer } => (1, number, outer.unwrap_or(Order::NOBODY)),
            Order::End { number } => (2, number, Order::NOBODY),
        };
        let mut bytes = [0; Order::SIZE];
        bytes[0] = kind;
        bytes[1..9].copy_from_slice(&number.to_be_bytes());
        bytes[9..].copy_from_slice(&outer.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Order> {
        let [kind, rest @ ..] = <[u8; Order::SIZE]>::try_from(bytes).ok()?;
        let number = u64::from_be_bytes(rest[..8].try_into().ok()?);
        let outer = u32::from_be_bytes(rest[8..].try_into().ok()?);
        match kind {
            1 => Some(Order::Start {
                number,
                outer: (outer != Order::NOBODY).then_some(outer),
            }),
            2 => Some(Order::End { number }),
            _ => None,
        }
    }
}

/// Everything the helper must know. Made by the daemon, never by the command.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    /// The outer user and group that the inner ones stand for; `None`: the helper's own.
    pub(super) outer: Option<u32>,
    /// What is run.
    pub(super) action: Action,
    /// The whole environment.
    pub(super) env: Vec<(String, String)>,
    /// Where it starts.
    pub(super) workdir: String,
    /// Read-only layers of the workspace, topmost first.
    pub(super) lower: Vec<PathBuf>,
    /// A folder holding `upper` and `work`; `None`: a tmpfs that goes with the sandbox.
    pub(super) layer: Option<PathBuf>,
    /// The folder for report files.
    pub(super) out: Option<PathBuf>,
    /// Read-only host paths and where they appear.
    pub(super) binds: Vec<(PathBuf, String)>,
    /// Links at the root, such as `bin` to `usr/bin`.
    pub(super) links: Vec<(String, String)>,
    /// Small files written into the new root.
    pub(super) files: Vec<(String, String)>,
    /// Who the command can reach.
    pub(super) network: Network,
    /// Bounds that the helper sets itself.
    pub(super) bounds: Bounds,
    /// `cgroup.procs` files that the command is put into before it starts.
    pub(super) cgroups: Vec<PathBuf>,
    /// Milliseconds after which the helper ends the command should the daemon have forgotten to.
    pub(super) backstop_ms: u64,
}

/// What is run inside.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// A program and its arguments.
    Exec(Vec<String>),
    /// The sandbox looks at itself and prints what it found.
    SelfTest,
}

/// Bounds that are set by the process itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bounds {
    /// See [`crate::Limits::open_files`].
    pub(super) open_files: u64,
    /// See [`crate::Limits::file_bytes`].
    pub(super) file_bytes: u64,
    /// See [`crate::Limits::disk_bytes`].
    pub(super) disk_bytes: u64,
    /// See [`crate::Limits::inodes`].
    pub(super) inodes: u64,
    /// See [`crate::Limits::pids`].
    pub(super) pids: u64,
    /// Private memory of one process in bytes, where no control group counts all of them.
    pub(super) data_bytes: Option<u64>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The command ended with this code.
    Exited(i32),
    /// A signal ended the command.
    Signalled(i32),
    /// The sandbox ended before the command did.
    Killed,
    /// The sandbox was not made.
    Fault(Fault),
}

/// A step of making the sandbox that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fault {
    /// What was being done.
    pub(super) step: String,
    /// The number of the system's error.
    pub(super) errno: i32,
}

impl Fault {
    /// A fault of `step`, for `map_err`.
    pub(super) fn at<E: Into<io::Error>>(step: impl Into<String>) -> impl FnOnce(E) -> Fault {
        let step = step.into();
        move |error| Fault {
            step,
            errno: error.into().raw_os_error().unwrap_or(libc::EIO),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let error = io::Error::from_raw_os_error(self.errno);
        write!(out, "{}: {error}", self.step)
    }
}

/// One frame: the length in four bytes, then the bytes.
pub(super) fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// Reads one frame.
pub(super) fn read_frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > FRAME_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    Ok(body)
}

/// Reads one frame of JSON.
pub(super) fn read_json<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let body = read_frame(from)?;
    serde_json::from_slice(&body).map_err(io::Error::from)
}

/// Writes one frame of JSON.
pub(super) fn write_json(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    to.write_all(&frame(&serde_json::to_vec(value)?))
}
