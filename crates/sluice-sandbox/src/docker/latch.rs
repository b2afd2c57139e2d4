//! The way out of a container: its command waits until the proxy listens in the container's own network.
//!
//! A network namespace exists only once its container runs. So the command first reads a line from a FIFO of
//! ours, and the daemon writes it when a socket of its own listens in there.
//!
//! A daemon that is not root, or is in a container itself, cannot enter that network. Then a relay inside listens
//! there, and carries what comes to a socket of ours in the container's files. It has no more rights than the command:
//! what may be reached is decided out here all the same.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::SandboxError;
use crate::job::PROXY_PORT;
use crate::way_out::Door;

/// Where the FIFO appears inside.
pub(super) const INSIDE: &str = "/sluice/go";
/// Where the socket appears inside.
pub(super) const SOCKET: &str = "/sluice/way-out";
/// Waits for the line, starts the relay if it says so, then becomes the command. `$0` and what follows are the
/// command's own words.
pub(super) const SCRIPT: &str = concat!(
    "read -r how </sluice/go || exit 125\n",
    "if [ \"$how\" = relay ]; then perl -e '",
    include_str!("relay.pl"),
    "' || exit 125; fi\n",
    "exec \"$0\" \"$@\"",
);

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
    socket: Option<UnixListener>,
}

impl Latch {
    /// Takes hold of the FIFO, and makes the socket beside it, before there is a container.
    pub(super) fn hold(path: &Path) -> Result<Latch, SandboxError> {
        let socket = socket(path).map_err(fault(path))?;
        let fifo = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits() as i32)
            .open(path)
            .map_err(fault(path))?;
        Ok(Latch {
            path: path.to_owned(),
            fifo,
            socket: Some(socket),
        })
    }

    /// Opens a door to the container whose first process is `pid`, and says what lets the command start. Blocks.
    pub(super) fn door(&mut self, pid: i64) -> Result<(Door, &'static str), SandboxError> {
        match (listen(pid), self.socket.take()) {
            (Ok(listener), _) => Ok((Door::Network(listener), "go\n")),
            // Not ours to enter, or not to be seen from here.
            (Err(SandboxError::Io { source, .. }), Some(socket))
                if [io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound]
                    .contains(&source.kind()) =>
            {
                Ok((Door::Path(socket), "relay\n"))
            }
            (Err(fault), _) => Err(fault),
        }
    }

    /// Lets the command start.
    pub(super) fn release(&mut self, how: &str) -> Result<(), SandboxError> {
        self.fifo
            .write_all(how.as_bytes())
            .map_err(fault(&self.path))
    }
}

/// Where the socket lies that belongs to a FIFO.
pub(super) fn socket_of(fifo: &Path) -> PathBuf {
    fifo.with_file_name("way-out")
}

fn socket(fifo: &Path) -> io::Result<UnixListener> {
    let path = socket_of(fifo);
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    // The name of a socket has at most 108 bytes, wherever our folders lie.
    let short = format!("/proc/self/fd/{}/way-out", folder.as_raw_fd());
    let listener = UnixListener::bind(short)?;
    // Whoever the command runs as may connect.
    std::fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// A socket of this process that listens in the network of process `pid`.
fn listen(pid: i64) -> Result<TcpListener, SandboxError> {
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
    listening.map_err(fault(&namespace))
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> SandboxError {
    let path = path.to_owned();
    move |source| SandboxError::Io {
        step: "opening the way out of a container",
        path,
        source,
    }
}
