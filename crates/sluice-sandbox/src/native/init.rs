//! The helper: a small process with one thread that makes the namespaces, waits, and reports.
//!
//! It lives only as long as the socket to the daemon: when that ends, because the daemon wants the command
//! gone or is dead itself, the first process of the namespaces is killed, and every other with it.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Gid, MemfdFlags, SealFlags, Uid};
use rustix::io::FdFlags;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::inside::{self, Handed};
use super::owners::{self, Namespace, Owners};
use super::rootfs::Sources;
use super::spec::{Fault, Report, Spec, read_frame, read_json, write_json};
use super::sys::{self, Side};
use crate::{INNER_ID, Network};

/// The step that makes the namespaces, as faults name it.
pub(super) const NAMESPACES: &str = "make namespaces";

/// Takes one job from the socket to the daemon, runs it, and reports.
pub(super) fn serve(mut control: File, namespace: Option<Namespace>) -> std::io::Result<()> {
    let spec: Spec = read_json(&mut control)?;
    let input = read_frame(&mut control)?;
    let report = run(&spec, &input, &control, namespace).unwrap_or_else(Report::Fault);
    write_json(&mut control, &report)
}

fn run(
    spec: &Spec,
    input: &[u8],
    control: &File,
    namespace: Option<Namespace>,
) -> Result<Report, Fault> {
    let stdin = sealed(input).map_err(Fault::at("hold the standard input"))?;
    let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Fault::at("make a pipe"));
    let (wait_release, release) = pipe()?;
    let (status, tell_status) = pipe()?;

    let sources = match spec.outer {
        Some(outer) => {
            rustix::thread::set_thread_groups(&[])
                .map_err(Fault::at("drop supplementary groups"))?;
            give_streams(outer)?;
            let mut owners = Owners::new(outer, namespace);
            Some(Sources::take(spec, Some(&mut owners))?)
        }
        None => None,
    };
    let child = match sys::clone3(namespaces(spec)).map_err(Fault::at(NAMESPACES))? {
        Side::Child => {
            drop((release, status));
            inside::first_process(
                spec,
                Handed {
                    release: wait_release,
                    status: tell_status,
                    stdin,
                    sources,
                    control: control.as_fd(),
                },
            );
        }
        Side::Parent(child) => child,
    };
    drop((wait_release, tell_status, stdin, sources));
    let admitted = admit(spec, child, &release);
    // From here on only the sandbox holds the output pipes, so that their end is its end.
    inside::silence();
    if admitted.is_err() {
        kill(child);
    }
    let waited = watch(spec, child, control);
    drop(release);
    admitted?;
    waited?;
    let said = inside::drain(status);
    let mut said = said.as_slice();
    // The first frame counts: a fault of the command's own start comes before its exit code.
    Ok(read_json(&mut said).unwrap_or(Report::Killed))
}

/// Hands the output pipes to the command's user, who could otherwise write to them but not open them anew as
/// `/dev/stderr`, which scripts do.
fn give_streams(outer: u32) -> Result<(), Fault> {
    let (user, group) = (Uid::from_raw(outer), Gid::from_raw(outer));
    for stream in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        rustix::fs::fchown(stream, Some(user), Some(group))
            .map_err(Fault::at("hand over the output"))?;
    }
    Ok(())
}

fn namespaces(spec: &Spec) -> u64 {
    let mut flags = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS;
    if spec.network != Network::Open {
        flags |= libc::CLONE_NEWNET;
    }
    flags as u64
}

/// Maps the inner user and puts the sandbox into its control groups; lets it go on after each.
fn admit(spec: &Spec, child: i32, release: &OwnedFd) -> Result<(), Fault> {
    let (user, group) = match spec.outer {
        Some(outer) => (outer, outer),
        None => (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        ),
    };
    owners::map_ids(
        child,
        &format!("{INNER_ID} {user} 1"),
        &format!("{INNER_ID} {group} 1"),
    )?;
    // The sandbox builds itself meanwhile: joining a group waits for every processor of the machine.
    let go_on = || rustix::io::write(release, b"g").map_err(Fault::at("release the sandbox"));
    go_on()?;
    for procs in &spec.cgroups {
        std::fs::write(procs, child.to_string())
            .map_err(Fault::at(format!("enter {}", procs.display())))?;
    }
    go_on()?;
    Ok(())
}

/// Waits for the end of the sandbox; ends it when the daemon says so, is gone, or forgot.
fn watch(spec: &Spec, child: i32, control: &File) -> Result<(), Fault> {
    let pid = Pid::from_raw(child).ok_or(Fault {
        step: "name the sandbox".to_owned(),
        errno: libc::ESRCH,
    })?;
    let ended = rustix::process::pidfd_open(pid, PidfdFlags::empty())
        .map_err(Fault::at("watch the sandbox"))?;
    let deadline = Instant::now() + Duration::from_millis(spec.backstop_ms);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut polled = [
            PollFd::new(&ended, PollFlags::IN),
            PollFd::new(control, PollFlags::IN),
        ];
        match rustix::event::poll(&mut polled, Some(&timeout)) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                kill(child);
                return Err(Fault::at("watch the sandbox")(error));
            }
        }
    }
    // Harmless when it has ended already: its number is not free before it is waited for.
    kill(child);
    sys::wait(child).map_err(Fault::at("wait for the sandbox"))?;
    Ok(())
}

fn kill(child: i32) {
    if let Some(pid) = Pid::from_raw(child) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// The bytes as a file that can only be read.
fn sealed(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create(c"stdin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    rustix::fs::fcntl_add_seals(
        file.as_fd(),
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )?;
    rustix::io::fcntl_setfd(file.as_fd(), FdFlags::CLOEXEC)?;
    Ok(file.into())
}
