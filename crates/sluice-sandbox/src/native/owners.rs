//! Lets layers that another user owns on disk appear as owned by the sandbox's user.
//!
//! Used only where the daemon is root: its snapshots belong to root, and the command, which is nobody
//! special outside, could otherwise not change a file of its own workspace.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;

use super::spec::Fault;
use super::sys::{self, Side};

/// The step that translates owners, as faults name it.
pub(super) const STEP: &str = "translate the owners of";

/// A user namespace that translates one owner of the disk to one outer user.
pub(super) struct Namespace {
    outer: u32,
    owner: (u32, u32),
    held: OwnedFd,
}

/// The namespace for what this process itself has put on the disk.
pub(super) fn of_this_user(outer: u32) -> Result<Namespace, Fault> {
    let owner = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let held = make(owner, outer)?;
    Ok(Namespace { outer, owner, held })
}

/// User namespaces that translate owners, one per owner seen.
pub(super) struct Owners {
    outer: u32,
    known: Vec<((u32, u32), OwnedFd)>,
}

impl Owners {
    /// Translates to the user and group `outer` of the host, with a namespace that may be there already.
    pub(super) fn new(outer: u32, made: Option<Namespace>) -> Owners {
        let made = made.filter(|made| made.outer == outer);
        Owners {
            outer,
            known: made
                .map(|made| (made.owner, made.held))
                .into_iter()
                .collect(),
        }
    }

    /// Makes the files of the detached mount `tree` (taken from `host`) appear as owned by the outer user.
    pub(super) fn translate(&mut self, host: &Path, tree: BorrowedFd<'_>) -> Result<(), Fault> {
        let stat = rustix::fs::fstat(tree).map_err(Fault::at("look at a layer"))?;
        let owner = (stat.st_uid, stat.st_gid);
        if owner == (self.outer, self.outer) {
            return Ok(());
        }
        let namespace = self.namespace(owner)?;
        sys::mount_setattr(tree, 0, false, Some(namespace))
            .map_err(Fault::at(format!("{STEP} {}", host.display())))
    }

    fn namespace(&mut self, owner: (u32, u32)) -> Result<BorrowedFd<'_>, Fault> {
        let at = match self.known.iter().position(|(known, _)| *known == owner) {
            Some(at) => at,
            None => {
                self.known.push((owner, make(owner, self.outer)?));
                self.known.len() - 1
            }
        };
        Ok(self.known[at].1.as_fd())
    }
}

/// A user namespace in which `owner` of the disk stands for `outer`; held by its descriptor alone.
fn make(owner: (u32, u32), outer: u32) -> Result<OwnedFd, Fault> {
    let (hold, release) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Fault::at("make a pipe"))?;
    let child = match sys::clone3(libc::CLONE_NEWUSER as u64)
        .map_err(Fault::at("make a user namespace"))?
    {
        Side::Child => {
            drop(release);
            // Ends when the parent lets go of its end, also when the parent dies.
            let _ = std::fs::File::from(hold).read(&mut [0]);
            sys::exit_now(0);
        }
        Side::Parent(child) => child,
    };
    let made = map_ids(
        child,
        &format!("{} {outer} 1", owner.0),
        &format!("{} {outer} 1", owner.1),
    )
    .and_then(|()| {
        rustix::fs::open(
            format!("/proc/{child}/ns/user"),
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(Fault::at("open a user namespace"))
    });
    drop(release);
    let _ = sys::wait(child);
    made
}

/// Writes the id maps of the user namespace that `child` is in.
pub(super) fn map_ids(child: i32, users: &str, groups: &str) -> Result<(), Fault> {
    for (name, value) in [
        ("setgroups", "deny"),
        ("gid_map", groups),
        ("uid_map", users),
    ] {
        std::fs::write(format!("/proc/{child}/{name}"), value)
            .map_err(Fault::at(format!("write {name}")))?;
    }
    Ok(())
}
