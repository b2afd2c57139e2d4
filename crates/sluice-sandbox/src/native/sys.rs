//! The few system calls that no safe wrapper offers, each behind a safe function.
#![expect(
    unsafe_code,
    reason = "namespaces, detached mounts and exec have no safe wrapper"
)]

use std::ffi::{CStr, CString};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The calling process's side of [`clone3`] or [`fork`].
pub(super) enum Side {
    /// In the new process.
    Child,
    /// In the old one, with the number of the new.
    Parent(i32),
}

/// The arguments of `clone3(2)`, first version of the structure.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

/// The argument of `mount_setattr(2)`, first version of the structure.
#[repr(C)]
#[derive(Default)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Attribute bits of `mount_setattr(2)` that are used here.
pub(super) mod attr {
    /// Nothing can be written.
    pub(crate) const RDONLY: u64 = 0x1;
    /// Set-user-id bits have no meaning.
    pub(crate) const NOSUID: u64 = 0x2;
    /// Device nodes cannot be opened.
    pub(crate) const NODEV: u64 = 0x4;
    /// Nothing can be executed.
    pub(crate) const NOEXEC: u64 = 0x8;
    /// Owners are translated by a user namespace.
    pub(super) const IDMAP: u64 = 0x10_0000;
}

fn check(result: i64) -> io::Result<i64> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Starts a copy of this process in new namespaces. The caller must have one thread only: the copy has
/// no other, and a lock that another thread held would stay locked in it for ever.
pub(super) fn clone3(flags: u64) -> io::Result<Side> {
    let args = CloneArgs {
        flags,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    // SAFETY: without CLONE_VM and a stack of its own the child runs on a copy of this memory, as after
    // fork; the structure lives over the call and its size is the one passed.
    let pid =
        check(unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) })?;
    Ok(match pid {
        0 => Side::Child,
        pid => Side::Parent(pid as i32),
    })
}

/// Starts a plain copy of this process; the same rule as for [`clone3`].
pub(super) fn fork() -> io::Result<Side> {
    // SAFETY: this process has one thread, so every lock is free in the child.
    match check(i64::from(unsafe { libc::fork() }))? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid as i32)),
    }
}

/// Moves this process to a new control-group namespace, so that it sees its own group as the root.
pub(super) fn unshare_cgroup() -> io::Result<()> {
    // SAFETY: changes only what this process sees of control groups.
    check(i64::from(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) })).map(drop)
}

/// Sets attributes of one detached mount (and, if `recursive`, of those below it); `owners` is a user
/// namespace that translates the owners of files.
pub(super) fn mount_setattr(
    mount: BorrowedFd<'_>,
    set: u64,
    recursive: bool,
    owners: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let attributes = MountAttr {
        set: set | owners.map_or(0, |_| attr::IDMAP),
        userns_fd: owners.map_or(0, |fd| fd.as_raw_fd() as u64),
        ..MountAttr::default()
    };
    let mut flags = libc::AT_EMPTY_PATH;
    if recursive {
        flags |= libc::AT_RECURSIVE;
    }
    // SAFETY: the path is an empty C string and the structure lives over the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttr>(),
        )
    })
    .map(drop)
}

/// Makes the current folder the root; the old root stays mounted over it until it is unmounted.
pub(super) fn pivot_root_here() -> io::Result<()> {
    // SAFETY: both arguments are C strings.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) }).map(drop)
}

/// Takes `id` as the real, effective and saved user and group of this process.
pub(super) fn become_id(id: u32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(i64::from(unsafe { libc::setresgid(id, id, id) }))?;
    // SAFETY: plain numbers.
    check(i64::from(unsafe { libc::setresuid(id, id, id) })).map(drop)
}

/// Sets soft and hard limit, but never above the hard limit that stands; returns what was set.
pub(super) fn limit(resource: libc::__rlimit_resource_t, wanted: u64) -> io::Result<u64> {
    let mut standing = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure lives over the call.
    check(i64::from(unsafe {
        libc::getrlimit(resource, &raw mut standing)
    }))?;
    let value = wanted.min(standing.rlim_max);
    let new = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: the structure lives over the call.
    check(i64::from(unsafe {
        libc::setrlimit(resource, &raw const new)
    }))?;
    Ok(value)
}

/// Brings the loopback interface of this network namespace up.
pub(super) fn loopback_up() -> io::Result<()> {
    // SAFETY: the result is checked and owned at once.
    let socket = unsafe {
        let fd = check(i64::from(libc::socket(
            libc::AF_INET,
            libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
            0,
        )))?;
        OwnedFd::from_raw_fd(fd as i32)
    };
    // SAFETY: all zero is a valid value of this C structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads the structure, which lives over the call.
    check(i64::from(unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    }))
    .map(drop)
}

/// Gives every signal its default meaning and unblocks all, as a new program expects.
pub(super) fn default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: sets a disposition; those that cannot be set (SIGKILL, SIGSTOP) fail without effect.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: the set is made by sigemptyset before it is used.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Marks every descriptor from `first` on to be closed by the next exec.
pub(super) fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: marks only; nothing that is in use is closed.
    check(unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    })
    .map(drop)
}

/// Becomes another program; returns only when that failed.
pub(super) fn exec(program: &CStr, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings
            .iter()
            .map(|s| s.as_ptr())
            .chain([std::ptr::null()])
            .collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both arrays end in null and point to C strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Waits for one child (`-1`: any) and returns its number and raw wait status.
pub(super) fn wait(pid: i32) -> io::Result<(i32, i32)> {
    let mut status = 0;
    loop {
        // SAFETY: the status lives over the call.
        let got = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if got >= 0 {
            return Ok((got, status));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Ends this process at once, without running anything of this program's on the way out.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}
