//! Starts a helper for each job, from a process that waits for orders: a fork of a small process instead of a
//! start of this whole program.

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use super::spec::Order;
use crate::SandboxError;

/// The helpers of one engine.
pub(super) struct Helpers {
    program: Vec<OsString>,
    outer: Option<u32>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nursery: Option<Nursery>,
    /// How many helpers were ever started.
    started: u64,
}

/// The process that helpers are forked from. It holds nothing of any job; when its socket ends, it does.
struct Nursery {
    child: Child,
    socket: Arc<OwnedFd>,
}

/// One helper; killed, if it still lives, when this is dropped.
pub(super) struct Helper {
    number: u64,
    socket: Arc<OwnedFd>,
}

/// A helper that waits for its job, and what leads to it.
pub(super) struct Started {
    pub(super) helper: Helper,
    /// Takes the job and brings the report; its end is the order to end.
    pub(super) control: UnixStream,
    pub(super) out: pipe::Receiver,
    pub(super) err: pipe::Receiver,
}

impl Helpers {
    /// Helpers that `program` starts for commands that run as `outer` on the host.
    pub(super) fn new(program: Vec<OsString>, outer: Option<u32>) -> Helpers {
        Helpers {
            program,
            outer,
            state: Mutex::default(),
        }
    }

    /// Starts a helper.
    pub(super) fn start(&self) -> Result<Started, SandboxError> {
        let (control, far) = StdUnixStream::pair().map_err(fault("make a socket"))?;
        let (out, out_far) = io::pipe().map_err(fault("make a pipe"))?;
        let (err, err_far) = io::pipe().map_err(fault("make a pipe"))?;
        let far = [far.into(), out_far.into(), err_far.into()];
        let helper = self.order(&far)?;
        let tokio_fault = |error| fault("watch a helper")(error);
        control.set_nonblocking(true).map_err(tokio_fault)?;
        Ok(Started {
            helper,
            control: UnixStream::from_std(control).map_err(tokio_fault)?,
            out: pipe::Receiver::from_owned_fd(out.into()).map_err(tokio_fault)?,
            err: pipe::Receiver::from_owned_fd(err.into()).map_err(tokio_fault)?,
        })
    }

    /// The process that starts helpers does not do its work: the next start makes a new one.
    pub(super) fn forget(&self) {
        self.state().nursery = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, streams: &[OwnedFd; 3]) -> Result<Helper, SandboxError> {
        let mut state = self.state();
        state.started += 1;
        let number = state.started;
        let order = Order::Start {
            number,
            outer: self.outer,
        };
        // Somebody may have killed it; a new one that cannot be told anything either is a fault.
        for is_last in [false, true] {
            let nursery = match state.nursery.take() {
                Some(nursery) => nursery,
                None => Nursery::start(&self.program)?,
            };
            match send(&nursery.socket, &order, streams) {
                Ok(()) => {
                    let socket = Arc::clone(&nursery.socket);
                    state.nursery = Some(nursery);
                    return Ok(Helper { number, socket });
                }
                Err(error) if is_last => return Err(fault("start a helper")(error)),
                Err(_) => {}
            }
        }
        Err(SandboxError::Setup {
            why: "no helper could be started".to_owned(),
        })
    }
}

impl Nursery {
    fn start(program: &[OsString]) -> Result<Nursery, SandboxError> {
        let [program, arguments @ ..] = program else {
            return Err(SandboxError::Setup {
                why: "no helper is configured".to_owned(),
            });
        };
        let (near, far) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|error| fault("make a socket")(error.into()))?;
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(far))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the daemon's terminal is the daemon's to answer.
            .process_group(0)
            .spawn()
            .map_err(|source| SandboxError::Io {
                step: "start the sandbox helper",
                path: program.into(),
                source,
            })?;
        Ok(Nursery {
            child,
            socket: Arc::new(near),
        })
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // Its helpers live on until their own sockets end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let number = self.number;
        // Where nobody hears it, the end of the helper's own socket has told it.
        let _ = send(&self.socket, &Order::End { number }, &[]);
    }
}

/// Sends an order; never waits.
fn send(socket: &OwnedFd, order: &Order, handed: &[OwnedFd]) -> io::Result<()> {
    let handed: Vec<_> = handed.iter().map(AsFd::as_fd).collect();
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut room);
    if !handed.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&handed));
    }
    let bytes = order.to_bytes();
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut ancillary, flags)?;
    Ok(())
}

fn fault(step: &'static str) -> impl FnOnce(io::Error) -> SandboxError {
    move |source| SandboxError::Io {
        step,
        path: "sandbox-init".into(),
        source,
    }
}
