//! The way out of a container: its command waits until the proxy listens in the container's own network.
//!
//! A network namespace exists only once its container runs. So the command first reads a line from a FIFO of
//! ours, and the daemon writes it when a socket of its own listens in there.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::SandboxError;
use crate::job::PROXY_PORT;

/// Where the FIFO appears inside.
pub(super) const INSIDE: &str = "/sluice/go";
/// Waits for the line, then becomes the command. `$0` and what follows are the command's own words.
pub(super) const SCRIPT: &str = "read -r _ </sluice/go && exec \"$0\" \"$@\"";

/// Makes the FIFO.
pub(super) fn make(path: &Path) -> io::Result<()> {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?;
    // Whatever the umask says, the command's user may read it.
    std::fs::set_permissions(path, Permissions::from_mode(0o644))
}

/// Keeps a command waiting until it is released.
pub(super) struct Latch {
    path: PathBuf,
    fifo: File,
}

impl Latch {
    /// Takes hold of the FIFO, before the container starts.
    pub(super) fn hold(path: &Path) -> Result<Latch, SandboxError> {
        let fifo = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits() as i32)
            .open(path)
            .map_err(fault(path))?;
        Ok(Latch {
            path: path.to_owned(),
            fifo,
        })
    }

    /// Lets the command start.
    pub(super) fn release(&mut self) -> Result<(), SandboxError> {
        self.fifo.write_all(b"go\n").map_err(fault(&self.path))
    }
}

/// A socket of this process that listens in the network of process `pid`.
pub(super) fn listen(pid: i64) -> Result<TcpListener, SandboxError> {
    let namespace = PathBuf::from(format!("/proc/{pid}/ns/net"));
    let path = namespace.clone();
    // A thread of its own: it changes its network and is gone with it.
    let listening = std::thread::Builder::new()
        .name("way-out".to_owned())
        .spawn(move || -> io::Result<TcpListener> {
            let namespace = File::open(path)?;
            move_into_link_name_space(
                std::os::fd::AsFd::as_fd(&namespace),
                Some(LinkNameSpaceType::Network),
            )?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT))
        })
        .and_then(|thread| {
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
        });
    listening.map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => SandboxError::Forbidden {
            what: "a socket in a container's network".to_owned(),
            mend: "run sluice as root beside Docker, or use --engine native".to_owned(),
        },
        _ => fault(&namespace)(source),
    })
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> SandboxError {
    let path = path.to_owned();
    move |source| SandboxError::Io {
        step: "opening the way out of a container",
        path,
        source,
    }
}
