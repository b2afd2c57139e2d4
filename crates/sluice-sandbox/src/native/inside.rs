//! The first process of the new namespaces: builds the sandbox around itself, starts the command, reaps.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::Mode;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::{DumpableBehavior, Signal};

use super::fence;
use super::rootfs::{self, Sources};
use super::selftest;
use super::spec::{Action, Fault, LISTENER, Report, Spec, write_json};
use super::sys::{self, Side};
use crate::job::PROXY_PORT;
use crate::{INNER_ID, Network, WORKSPACE};

/// The exit code of a program that is not there, as shells have it.
const NOT_FOUND: i32 = 127;
/// The exit code of a program that cannot be run, as shells have it.
const NOT_RUNNABLE: i32 = 126;

/// What the first process gets from the helper.
pub(super) struct Handed<'a> {
    /// One byte when the id maps are written, one more when the control groups are joined; end of file when
    /// the helper is dead.
    pub(super) release: OwnedFd,
    /// Where the report goes.
    pub(super) status: OwnedFd,
    /// The command's standard input.
    pub(super) stdin: OwnedFd,
    /// The socket to the daemon, which gets the proxy's listener and nothing else from here.
    pub(super) control: BorrowedFd<'a>,
    /// Host paths, where the helper took them already.
    pub(super) sources: Option<Sources>,
}

/// Runs as the first process of the namespaces; ends with them.
pub(super) fn first_process(spec: &Spec, handed: Handed<'_>) -> ! {
    let Handed {
        release,
        status,
        stdin,
        sources,
        control,
    } = handed;
    let mut status = File::from(status);
    let report = match build(spec, &release, sources, control) {
        Ok(()) => start(spec, release, &status, stdin),
        Err(fault) => Report::Fault(fault),
    };
    let _ = write_json(&mut status, &report);
    sys::exit_now(0);
}

fn build(
    spec: &Spec,
    release: &OwnedFd,
    sources: Option<Sources>,
    control: BorrowedFd<'_>,
) -> Result<(), Fault> {
    die_with_helper()?;
    wait_for_helper(release)?;
    sys::become_id(INNER_ID).map_err(Fault::at("become the inner user"))?;
    // A change of credentials clears the wish to die with the parent.
    die_with_helper()?;
    if helper_is_gone(release) {
        sys::exit_now(1);
    }
    rustix::process::umask(Mode::from_raw_mode(0o022));
    rootfs::cut_off()?;
    let sources = match sources {
        Some(sources) => sources,
        None => Sources::take(spec, None)?,
    };
    rootfs::enter(spec, sources)?;
    rustix::system::sethostname(b"sluice").map_err(Fault::at("set the host name"))?;
    if spec.network != Network::Open {
        sys::loopback_up().map_err(Fault::at("bring the loopback up"))?;
    }
    if spec.network == Network::Registries {
        way_out(control).map_err(Fault::at("open the way out"))?;
    }
    // Nothing of the command's may run before it is in its control groups.
    wait_for_helper(release)?;
    sys::unshare_cgroup().map_err(Fault::at("make a control-group namespace"))?;
    let start_at = format!("{WORKSPACE}/{}", spec.workdir);
    rustix::process::chdir(start_at.as_str())
        .map_err(Fault::at(format!("enter the folder {start_at}")))?;
    rustix::process::setsid().map_err(Fault::at("make a session"))?;
    fence::limit(&spec.bounds)?;
    fence::close(spec.out.is_some())
}

/// Listens where the command expects the proxy, and hands the listener to the daemon: connections that are made
/// to it in here are served out there, and no process in here holds anything that leads out.
fn way_out(control: BorrowedFd<'_>) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT))?;
    let handed = [listener.as_fd()];
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut room);
    ancillary.push(SendAncillaryMessage::ScmRights(&handed));
    let mark = [IoSlice::new(&[LISTENER])];
    rustix::net::sendmsg(control, &mark, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits until the helper has done its next part; ends this process where the helper is dead.
fn wait_for_helper(release: &OwnedFd) -> Result<(), Fault> {
    let got = rustix::io::read(release, &mut [0]).map_err(Fault::at("wait for the helper"))?;
    if got == 0 {
        sys::exit_now(1);
    }
    Ok(())
}

fn die_with_helper() -> Result<(), Fault> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(Fault::at("tie the sandbox to its helper"))
}

fn helper_is_gone(release: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(release, PollFlags::IN)];
    let now = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    rustix::event::poll(&mut polled, Some(&now)).is_ok()
        && polled[0].revents().contains(PollFlags::HUP)
}

/// Starts the command as a second process, since the first of a namespace ignores signals it does not
/// handle and must reap what others leave behind, then waits for it.
fn start(spec: &Spec, release: OwnedFd, status: &File, stdin: OwnedFd) -> Report {
    let command = match sys::fork() {
        Ok(Side::Child) => {
            drop(release);
            command(spec, status, stdin);
        }
        Ok(Side::Parent(pid)) => pid,
        Err(error) => return Report::Fault(Fault::at("start the command")(error)),
    };
    // The command runs as the same user: without this it could open this process's memory in /proc.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // Readers of the command's output must see its end, so this process lets go of it.
    drop((release, stdin));
    silence();
    loop {
        match sys::wait(-1) {
            Ok((pid, raw)) if pid == command => {
                return if libc::WIFEXITED(raw) {
                    Report::Exited(libc::WEXITSTATUS(raw))
                } else {
                    Report::Signalled(libc::WTERMSIG(raw))
                };
            }
            Ok(_) => {}
            Err(_) => return Report::Killed,
        }
    }
}

/// Points the standard streams of this process at nothing.
pub(super) fn silence() {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

fn command(spec: &Spec, status: &File, stdin: OwnedFd) -> ! {
    let failed = |step: &'static str, error: io::Error| -> ! {
        let mut status = status;
        let _ = write_json(&mut status, &Report::Fault(Fault::at(step)(error)));
        sys::exit_now(NOT_RUNNABLE);
    };
    sys::default_signals();
    if let Err(error) = rustix::stdio::dup2_stdin(stdin.as_fd()) {
        failed("connect the standard input", error.into());
    }
    if let Err(error) = sys::close_on_exec_from(3) {
        failed("close descriptors", error);
    }
    match &spec.action {
        Action::SelfTest => {
            let code = selftest::inside();
            sys::exit_now(code);
        }
        Action::Exec(argv) => run_program(argv, &spec.env),
    }
}

/// Becomes the program that `argv` names, looked for in the `PATH` of its own environment.
fn run_program(argv: &[String], env: &[(String, String)]) -> ! {
    let text = |s: String| CString::new(s).unwrap_or_default();
    let name = argv.first().cloned().unwrap_or_default();
    let arguments: Vec<CString> = argv.iter().cloned().map(text).collect();
    let variables: Vec<CString> = env.iter().map(|(k, v)| text(format!("{k}={v}"))).collect();
    let path = env
        .iter()
        .find(|(key, _)| key == "PATH")
        .map_or("", |(_, value)| value);
    let candidates: Vec<String> = if name.contains('/') {
        vec![name.clone()]
    } else {
        path.split(':')
            .filter(|folder| !folder.is_empty())
            .map(|folder| format!("{folder}/{name}"))
            .collect()
    };
    let mut why = io::Error::from_raw_os_error(libc::ENOENT);
    for candidate in candidates {
        let error = sys::exec(&text(candidate), &arguments, &variables);
        if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) {
            why = error;
        }
    }
    let missing = why.raw_os_error() == Some(libc::ENOENT);
    let message = format!("sluice: cannot run {name:?}: {why}\n");
    let _ = rustix::io::write(rustix::stdio::stderr(), message.as_bytes());
    sys::exit_now(if missing { NOT_FOUND } else { NOT_RUNNABLE });
}

/// Reads what is left in a pipe whose writers are gone.
pub(super) fn drain(pipe: OwnedFd) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = File::from(pipe).read_to_end(&mut bytes);
    bytes
}
