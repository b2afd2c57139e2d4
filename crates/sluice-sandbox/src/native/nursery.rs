//! The process that helpers are forked from: it has one thread, holds nothing of any job, and waits for orders.
//!
//! To start the whole program anew for each job would cost more than a millisecond, most of it spent on
//! addresses that are never used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{Pid, Signal, WaitOptions};

use super::init;
use super::owners::{self, Namespace};
use super::spec::Order;
use super::sys::{self, Side};

/// The whole of `sluice sandbox-init`: starts a helper for each order that comes through the socket that is its
/// standard input, and ends when that does. Must be called before the process has a second thread.
pub fn init_main() -> ! {
    let code = match serve() {
        Ok(()) => 0,
        Err(_) => 1,
    };
    sys::exit_now(code);
}

/// The helpers that were not waited for yet. Their numbers are nobody else's until then.
#[derive(Default)]
struct Helpers {
    running: BTreeMap<u64, Pid>,
    ending: Vec<Pid>,
}

fn serve() -> io::Result<()> {
    // The socket moves away from 0, so that nothing started later can hold it.
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let mut helpers = Helpers::default();
    let mut namespace = None;
    while let Some((order, streams)) = receive(&socket)? {
        helpers.reap();
        match order {
            Order::Start { number, outer } => {
                let Ok(streams) = <[OwnedFd; 3]>::try_from(streams) else {
                    continue;
                };
                if let (Some(outer), None) = (outer, &namespace) {
                    // Without it each helper makes its own, and says what is wrong.
                    namespace = owners::of_this_user(outer).ok();
                }
                match sys::fork()? {
                    Side::Child => {
                        drop(socket);
                        sys::default_signals();
                        helper(streams, namespace);
                    }
                    Side::Parent(pid) => helpers.began(number, pid),
                }
            }
            Order::End { number } => helpers.end(number),
        }
    }
    Ok(())
}

/// Runs as a helper from here on.
fn helper(streams: [OwnedFd; 3], namespace: Option<Namespace>) -> ! {
    let [control, out, err] = streams;
    let connected =
        rustix::stdio::dup2_stdout(&out).is_ok() && rustix::stdio::dup2_stderr(&err).is_ok();
    drop((out, err));
    let served = connected && init::serve(File::from(control), namespace).is_ok();
    sys::exit_now(i32::from(!served));
}

/// The next order with what was handed over; `None` when the daemon is gone.
fn receive(socket: &OwnedFd) -> io::Result<Option<(Order, Vec<OwnedFd>)>> {
    loop {
        let mut bytes = [0; Order::SIZE];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut room);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let got = rustix::net::recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC);
        let count = match got {
            Ok(got) => got.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            return Ok(None);
        }
        let handed = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(handed) => Some(handed),
                _ => None,
            })
            .flatten()
            .collect();
        return match Order::from_bytes(&bytes[..count]) {
            Some(order) => Ok(Some((order, handed))),
            None => Err(io::ErrorKind::InvalidData.into()),
        };
    }
}

impl Helpers {
    fn began(&mut self, number: u64, pid: i32) {
        if let Some(pid) = Pid::from_raw(pid) {
            self.running.insert(number, pid);
        }
    }

    /// Ends a helper that has not ended, and with it its sandbox.
    fn end(&mut self, number: u64) {
        if let Some(pid) = self.running.remove(&number) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            self.ending.push(pid);
            self.reap();
        }
    }

    /// Lets go of those that are gone; never waits, since the kernel may hold one for long.
    fn reap(&mut self) {
        self.ending.retain(|pid| {
            let waited = rustix::process::waitpid(Some(*pid), WaitOptions::NOHANG);
            matches!(waited, Ok(None))
        });
    }
}
