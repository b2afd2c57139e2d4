//! Tries from inside a sandbox what must not work and what must, for the conformance suite.
//!
//! `report` prints all of it as JSON; the other words each use up one thing until it ends.
#![expect(
    unsafe_code,
    reason = "most of what must be refused has no safe wrapper, and that is the point"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr as SocketAddress, UnixListener, UnixStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

/// The result of an attempt.
type Attempt = io::Result<()>;
/// An attempt by its name.
type Named = (&'static str, fn() -> Attempt);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["report"] => report(),
        ["memory", processes] => memory(number(processes)),
        ["forks", most] => forks(number(most)),
        ["spin", millis] => spin(u64::from(number(millis))),
        ["files", folder, most] => files(folder, number(most)),
        ["open", most] => open(number(most)),
        ["connect", address] => connect(address),
        ["say", address, text] => converse(address, text, false),
        ["hold", address, text] => converse(address, text, true),
        ["connect-abstract", name] => connect_abstract(name),
        ["int80"] => foreign_architecture(),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn number(word: &str) -> u32 {
    word.parse().unwrap_or(0)
}

fn say(what: impl std::fmt::Display) -> Attempt {
    let mut out = io::stdout().lock();
    writeln!(out, "{what}")?;
    out.flush()
}

// ---- the report

fn report() -> Attempt {
    // Descriptors first, before anything here opens one; the listing's own is left out.
    let mut descriptors = names("/proc/self/fd");
    descriptors.retain(|name| fs::read_link(format!("/proc/self/fd/{name}")).is_ok());
    let status = fs::read_to_string("/proc/self/status")?;
    let status: BTreeMap<&str, &str> = status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key, value.trim()))
        .collect();
    let mut processes = names("/proc");
    processes.retain(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let groups: Vec<u32> = status
        .get("Groups")
        .map(|list| list.split_whitespace().map(number).collect())
        .unwrap_or_default();
    let attempts: BTreeMap<&str, String> = attempts()
        .into_iter()
        .map(|(name, attempt)| (name, how(attempt())))
        .collect();
    let env: BTreeMap<String, String> = std::env::vars().collect();
    say(json!({
        "uid": rustix::process::getuid().as_raw(),
        "gid": rustix::process::getgid().as_raw(),
        "groups": groups,
        "status": status,
        "hostname": fs::read_to_string("/proc/sys/kernel/hostname")?.trim(),
        "env": env,
        "descriptors": descriptors,
        "processes": processes,
        "devices": names("/dev"),
        "attempts": attempts,
    }))
}

fn names(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// `ok` also where the kernel only disliked the arguments: then the call was not refused.
fn how(attempt: Attempt) -> String {
    match attempt {
        Ok(()) => "ok".to_owned(),
        Err(error) => match error.raw_os_error() {
            Some(libc::EFAULT | libc::EINVAL | libc::EBADF | libc::E2BIG) => "ok".to_owned(),
            _ => error.to_string(),
        },
    }
}

fn attempts() -> Vec<Named> {
    let mut all: Vec<Named> = vec![
        ("write /", || fs::write("/probe-file", "")),
        ("write /usr", || fs::write("/usr/probe-file", "")),
        ("write /etc", || fs::write("/etc/probe-file", "")),
        ("write /proc/sys", || {
            write_open("/proc/sys/kernel/core_pattern")
        }),
        ("write /proc/1/mem", || write_open("/proc/1/mem")),
        ("read /etc/shadow", || read_some("/etc/shadow")),
        ("read /proc/kcore", || read_some("/proc/kcore")),
        ("read /proc/1/environ", || read_some("/proc/1/environ")),
        ("list /root", || fs::read_dir("/root").map(drop)),
        ("read /proc/self/status", || read_some("/proc/self/status")),
        ("read /etc/passwd", || read_some("/etc/passwd")),
        ("read /dev/urandom", || read_some("/dev/urandom")),
        ("write /tmp", || write_and_remove("/tmp/probe-file")),
        ("write /dev/shm", || write_and_remove("/dev/shm/probe-file")),
        ("write /workspace", || {
            write_and_remove("/workspace/probe-file")
        }),
        ("write /dev/null", || write_open("/dev/null")),
        ("read /proc/kmsg", || read_some("/proc/kmsg")),
        ("read /proc/keys", || read_some("/proc/keys")),
        ("read /proc/timer_list", || read_some("/proc/timer_list")),
        ("read /proc/kallsyms", kernel_addresses),
        ("write /proc/sysrq-trigger", || {
            write_open("/proc/sysrq-trigger")
        }),
        ("write /proc/self/oom_score_adj", || {
            fs::write("/proc/self/oom_score_adj", "-1000")
        }),
        ("write /sys", || write_open("/sys/power/state")),
        ("write a control group", || write_below("/sys/fs/cgroup", 4)),
        ("read /sys/firmware", || some_file_below("/sys/firmware")),
        ("read /sys/kernel/debug", || {
            some_file_below("/sys/kernel/debug")
        }),
        ("read a device of the host", || {
            read_some("/dev/kmsg").or_else(|_| read_some("/dev/mem"))
        }),
        ("open a terminal", || write_open("/dev/ptmx")),
        ("execute from /workspace", || execute_from("/workspace")),
        ("execute from /tmp", || execute_from("/tmp")),
        ("run a program", || run(&mut Command::new("/bin/true"))),
        ("start a thread", || {
            std::thread::Builder::new().spawn(|| {}).map(drop)
        }),
    ];
    all.extend(network_attempts());
    all.extend(kernel_attempts());
    all
}

fn network_attempts() -> Vec<Named> {
    vec![
        ("connect outside", || reach("192.0.2.1:80")),
        ("connect outside 6", || reach("[2001:db8::1]:80")),
        ("connect metadata", || reach("169.254.169.254:80")),
        ("send outside", || {
            UdpSocket::bind("0.0.0.0:0")?
                .send_to(b"x", "192.0.2.1:53")
                .map(drop)
        }),
        ("loopback", || echo("127.0.0.1:0")),
        ("loopback 6", || echo("[::1]:0")),
        ("unix socket", || UnixStream::pair().map(drop)),
        ("list interfaces", || {
            let mut list = std::ptr::null_mut();
            // SAFETY: the list is given back to the library that made it.
            unsafe {
                check(i64::from(libc::getifaddrs(&raw mut list)))?;
                libc::freeifaddrs(list);
            }
            Ok(())
        }),
        ("raw socket", || {
            socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)
        }),
        ("packet socket", || {
            socket(libc::AF_PACKET, libc::SOCK_RAW, 0)
        }),
        ("vsock socket", || {
            socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)
        }),
        ("alg socket", || {
            socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0)
        }),
        ("audit socket", || {
            socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT)
        }),
        ("netfilter socket", || {
            socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER)
        }),
        ("device event socket", || {
            socket(
                libc::AF_NETLINK,
                libc::SOCK_RAW,
                libc::NETLINK_KOBJECT_UEVENT,
            )
        }),
        ("bluetooth socket", || {
            socket(libc::AF_BLUETOOTH, libc::SOCK_RAW, 1)
        }),
        ("change the interfaces", raise_loopback),
        ("abstract socket of its own", || {
            let name = SocketAddress::from_abstract_name(b"sluice-probe-own")?;
            let _listener = UnixListener::bind_addr(&name)?;
            UnixStream::connect_addr(&name).map(drop)
        }),
    ]
}

fn kernel_attempts() -> Vec<Named> {
    vec![
        ("unshare user", || in_child(|| unshare(libc::CLONE_NEWUSER))),
        ("unshare mount", || in_child(|| unshare(libc::CLONE_NEWNS))),
        ("unshare net", || in_child(|| unshare(libc::CLONE_NEWNET))),
        ("clone user", || {
            let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
            cloned(call(libc::SYS_clone, [flags as usize, 0, 0, 0, 0, 0])?)
        }),
        ("clone3 user", || {
            let args: [u64; 8] = [
                libc::CLONE_NEWUSER as u64,
                0,
                0,
                0,
                libc::SIGCHLD as u64,
                0,
                0,
                0,
            ];
            let at = args.as_ptr() as usize;
            cloned(call(
                libc::SYS_clone3,
                [at, size_of_val(&args), 0, 0, 0, 0],
            )?)
        }),
        ("setns", || {
            let namespace = File::open("/proc/self/ns/uts")?;
            done(
                libc::SYS_setns,
                [namespace.as_raw_fd() as usize, 0, 0, 0, 0, 0],
            )
        }),
        ("mount tmpfs", || mount(c"tmpfs")),
        ("mount proc", || mount(c"proc")),
        ("fsopen", || {
            done(
                libc::SYS_fsopen,
                [c"tmpfs".as_ptr() as usize, 0, 0, 0, 0, 0],
            )
        }),
        ("open_tree", || {
            let path = c"/".as_ptr() as usize;
            done(
                libc::SYS_open_tree,
                [libc::AT_FDCWD as usize, path, 1, 0, 0, 0],
            )
        }),
        ("pivot_root", || {
            let here = c"/".as_ptr() as usize;
            done(libc::SYS_pivot_root, [here, here, 0, 0, 0, 0])
        }),
        ("chroot", || {
            in_child(|| done(libc::SYS_chroot, [c"/tmp".as_ptr() as usize, 0, 0, 0, 0, 0]))
        }),
        ("mknod disk", || {
            let mode = (libc::S_IFBLK | 0o600) as usize;
            let path = c"/tmp/disk".as_ptr() as usize;
            let device = libc::makedev(254, 0) as usize;
            done(
                libc::SYS_mknodat,
                [libc::AT_FDCWD as usize, path, mode, device, 0, 0],
            )
        }),
        ("ptrace 1", || {
            done(
                libc::SYS_ptrace,
                [libc::PTRACE_ATTACH as usize, 1, 0, 0, 0, 0],
            )?;
            done(
                libc::SYS_ptrace,
                [libc::PTRACE_DETACH as usize, 1, 0, 0, 0, 0],
            )
        }),
        ("ptrace child", || {
            in_child(|| {
                done(
                    libc::SYS_ptrace,
                    [libc::PTRACE_TRACEME as usize, 0, 0, 0, 0, 0],
                )
            })
        }),
        ("process_vm_readv", || {
            let own = std::process::id() as usize;
            done(libc::SYS_process_vm_readv, [own, 0, 0, 0, 0, 0])
        }),
        ("io_uring", || {
            done(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0])
        }),
        ("signal outside", signal_outside),
        ("type into a terminal", || terminal(libc::TIOCSTI)),
        // The kernel looks at the lower half of the number alone.
        ("type into a terminal, disguised", || {
            terminal(libc::TIOCSTI | 1 << 32)
        }),
        ("paste into the console", || terminal(libc::TIOCLINUX)),
        ("ask a terminal its size", || terminal(libc::TIOCGWINSZ)),
        ("personality", || {
            // READ_IMPLIES_EXEC makes every mapping executable.
            done(libc::SYS_personality, [0x0040_0000, 0, 0, 0, 0, 0])
        }),
        ("quotactl", || done(libc::SYS_quotactl, [0, 0, 0, 0, 0, 0])),
        ("swapoff", || {
            done(
                libc::SYS_swapoff,
                [c"/none".as_ptr() as usize, 0, 0, 0, 0, 0],
            )
        }),
        ("init_module", || {
            done(libc::SYS_init_module, [0, 0, 0, 0, 0, 0])
        }),
        ("kexec_load", || {
            done(libc::SYS_kexec_load, [0, 0, 0, 0, 0, 0])
        }),
        ("set the clock", || {
            let time: [i64; 2] = [0, 0];
            done(
                libc::SYS_clock_settime,
                [0, time.as_ptr() as usize, 0, 0, 0, 0],
            )
        }),
        ("set the host's name", || {
            let name = c"probe".as_ptr() as usize;
            done(libc::SYS_sethostname, [name, 5, 0, 0, 0, 0])
        }),
        ("raise its own limits", || {
            let limit: [u64; 2] = [1 << 20, 1 << 20];
            let files = libc::RLIMIT_NOFILE as usize;
            done(
                libc::SYS_setrlimit,
                [files, limit.as_ptr() as usize, 0, 0, 0, 0],
            )
        }),
        ("lower its niceness", || {
            done(libc::SYS_setpriority, [0, 0, -10_isize as usize, 0, 0, 0])
        }),
        // Where root is nobody's number inside, the kernel finds fault with the argument: no less a refusal.
        ("become root", || {
            done(libc::SYS_setuid, [0, 0, 0, 0, 0, 0])
                .map_err(|_| io::ErrorKind::PermissionDenied.into())
        }),
        ("keyctl", || {
            let session = -3_isize as usize;
            done(libc::SYS_keyctl, [0, session, 0, 0, 0, 0])
        }),
        ("add_key", || {
            let (kind, name) = (c"user".as_ptr() as usize, c"probe".as_ptr() as usize);
            let process = -2_isize as usize;
            done(libc::SYS_add_key, [kind, name, name, 1, process, 0])
        }),
        ("bpf", || done(libc::SYS_bpf, [0, 0, 0, 0, 0, 0])),
        ("perf_event_open", || {
            done(libc::SYS_perf_event_open, [0, 0, 0, 0, 0, 0])
        }),
        // The one form that is open to everybody by default: faults of user code only.
        ("userfaultfd", || {
            done(libc::SYS_userfaultfd, [1, 0, 0, 0, 0, 0])
        }),
        ("open_by_handle_at", || {
            let root = File::open("/")?;
            let handle: [u32; 4] = [8, 1, 2, 0];
            let at = handle.as_ptr() as usize;
            done(
                libc::SYS_open_by_handle_at,
                [root.as_raw_fd() as usize, at, 0, 0, 0, 0],
            )
        }),
    ]
}

fn check(result: i64) -> io::Result<i64> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn call(number: i64, a: [usize; 6]) -> io::Result<i64> {
    // SAFETY: every caller passes pointers that live over the call, or none.
    check(unsafe { libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) })
}

fn done(number: i64, arguments: [usize; 6]) -> Attempt {
    call(number, arguments).map(drop)
}

fn unshare(flag: i32) -> Attempt {
    done(libc::SYS_unshare, [flag as usize, 0, 0, 0, 0, 0])
}

fn mount(kind: &std::ffi::CStr) -> Attempt {
    let kind = kind.as_ptr() as usize;
    done(
        libc::SYS_mount,
        [kind, c"/tmp".as_ptr() as usize, kind, 0, 0, 0],
    )
}

/// The child of a clone that worked ends at once.
fn cloned(pid: i64) -> Attempt {
    if pid == 0 {
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) }
    }
    Ok(())
}

/// Tries in a child, since success would change this process; its exit code is the error's number.
fn in_child(attempt: fn() -> Attempt) -> Attempt {
    // SAFETY: this program has one thread at this point, and the child only makes system calls.
    let pid = unsafe { libc::fork() };
    check(i64::from(pid))?;
    if pid == 0 {
        let code = match attempt() {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(255),
        };
        // SAFETY: ends the process.
        unsafe { libc::_exit(code) }
    }
    let mut status = 0;
    // SAFETY: the status lives over the call.
    check(i64::from(unsafe { libc::waitpid(pid, &raw mut status, 0) }))?;
    match libc::WEXITSTATUS(status) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

fn socket(family: i32, kind: i32, protocol: i32) -> Attempt {
    // SAFETY: the result is checked and owned at once.
    unsafe {
        let fd = check(i64::from(libc::socket(family, kind, protocol)))?;
        drop(OwnedFd::from_raw_fd(fd as i32));
    }
    Ok(())
}

/// Whether the kernel tells where its code lies: to a stranger all addresses are zero.
fn kernel_addresses() -> Attempt {
    let mut first = [0; 16];
    File::open("/proc/kallsyms")?.read_exact(&mut first)?;
    match first.iter().all(|byte| *byte == b'0') {
        true => Err(io::ErrorKind::PermissionDenied.into()),
        false => Ok(()),
    }
}

/// Whether a file of a folder that holds something of the host can be read.
fn some_file_below(folder: &str) -> Attempt {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && fs::read_dir(&path).is_ok_and(|mut inside| inside.next().is_some()) {
            return Ok(());
        }
        if File::open(&path).is_ok_and(|mut file| file.read_exact(&mut [0]).is_ok()) {
            return Ok(());
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Whether a file below a folder can be opened for writing.
fn write_below(folder: &str, depth: u32) -> Attempt {
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let attempt = match (entry.file_type()?.is_dir(), depth) {
            (true, 0) => continue,
            (true, _) => write_below(&path.to_string_lossy(), depth - 1),
            (false, _) => write_open(&path.to_string_lossy()),
        };
        match attempt {
            Ok(()) => return Ok(()),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Whether any process can be signalled that this program did not start: it is in a session of its own.
fn signal_outside() -> Attempt {
    let own = std::process::id();
    for pid in 2..32_768_u32 {
        // SAFETY: signal 0 only asks.
        if pid != own && unsafe { libc::kill(pid as i32, 0) } == 0 {
            // Another of this sandbox, such as its first shell, is no stranger.
            if fs::read_link(format!("/proc/{pid}/ns/pid")).is_err() {
                return Ok(());
            }
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// One control of a terminal of its own.
fn terminal(control: libc::Ioctl) -> Attempt {
    let terminal = File::options().read(true).write(true).open("/dev/ptmx")?;
    let mut given = [0_u8; 64];
    given[0] = b'x';
    let at = given.as_mut_ptr() as usize;
    let fd = terminal.as_raw_fd() as usize;
    done(libc::SYS_ioctl, [fd, control as usize, at, 0, 0, 0])
}

/// Sets the loopback interface down and up again, which takes a right over the network.
fn raise_loopback() -> Attempt {
    // SAFETY: the request is as large as the kernel writes, and the descriptor is owned at once.
    unsafe {
        let fd = check(i64::from(libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)))?;
        let fd = OwnedFd::from_raw_fd(fd as i32);
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        check(i64::from(libc::ioctl(
            fd.as_raw_fd(),
            libc::SIOCGIFFLAGS,
            &raw mut request,
        )))?;
        check(i64::from(libc::ioctl(
            fd.as_raw_fd(),
            libc::SIOCSIFFLAGS,
            &raw mut request,
        )))?;
    }
    Ok(())
}

fn write_open(path: &str) -> Attempt {
    File::options().write(true).open(path).map(drop)
}

fn read_some(path: &str) -> Attempt {
    File::open(path)?.read_exact(&mut [0])
}

fn write_and_remove(path: &str) -> Attempt {
    fs::write(path, "x")?;
    fs::remove_file(path)
}

fn execute_from(folder: &str) -> Attempt {
    let path = format!("{folder}/probe-script");
    fs::write(&path, "#!/bin/sh\nexit 0\n")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    run(&mut Command::new(&path))?;
    fs::remove_file(&path)
}

fn run(command: &mut Command) -> Attempt {
    match command.stdin(Stdio::null()).status()?.success() {
        true => Ok(()),
        false => Err(io::Error::other("it failed")),
    }
}

fn reach(address: &str) -> Attempt {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    TcpStream::connect_timeout(&address, Duration::from_secs(2)).map(drop)
}

fn echo(address: &str) -> Attempt {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    debug_assert!(matches!(address.ip(), IpAddr::V4(_) | IpAddr::V6(_)));
    let mut near = TcpStream::connect(address)?;
    let (mut far, _) = listener.accept()?;
    near.write_all(b"x")?;
    far.read_exact(&mut [0])
}

// ---- using things up

/// Takes 256 MiB in so many processes, and holds it.
fn memory(processes: u32) -> Attempt {
    if processes > 1 {
        let own = std::env::current_exe()?;
        let mut children = Vec::new();
        for _ in 0..processes {
            let share = (256 / processes).to_string();
            children.push(
                Command::new(&own)
                    .args(["memory", "0"])
                    .env("MIB", share)
                    .spawn()?,
            );
        }
        // All must hold their share at one time.
        std::thread::sleep(Duration::from_secs(5));
        return children
            .iter_mut()
            .try_for_each(|child: &mut Child| child.kill());
    }
    let most = std::env::var("MIB").map_or(256, |text| number(&text));
    let mut held = Vec::new();
    for step in 1..=most / 8 {
        // Other than zero, so that every page is really there.
        held.push(vec![step as u8 | 1; 8 << 20]);
        say(format!("{} MiB", step * 8))?;
    }
    std::hint::black_box(&held);
    if processes == 0 {
        std::thread::sleep(Duration::from_secs(10));
    }
    Ok(())
}

fn forks(most: u32) -> Attempt {
    let mut started = 0;
    for _ in 0..most {
        let child = Command::new("/bin/sleep").arg("60").spawn();
        match child {
            Ok(_) => started += 1,
            Err(_) => break,
        }
    }
    say(started)
}

/// Uses so much processor time and says how long that took, in milliseconds.
fn spin(millis: u64) -> Attempt {
    let started = Instant::now();
    let used = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
    };
    while used() < millis {
        for n in 0..100_000_u64 {
            std::hint::black_box(n);
        }
    }
    say(started.elapsed().as_millis())
}

fn files(folder: &str, most: u32) -> Attempt {
    let made = (0..most)
        .take_while(|n| fs::write(format!("{folder}/file-{n}"), "").is_ok())
        .count();
    say(made)
}

fn open(most: u32) -> Attempt {
    let held: Vec<File> = (0..most)
        .map_while(|_| File::open("/dev/null").ok())
        .collect();
    say(held.len())
}

/// Says something and prints the answer; `hold` keeps the connection open for ever.
fn converse(address: &str, text: &str, hold: bool) -> Attempt {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(text.as_bytes())?;
    if hold {
        loop {
            std::thread::park();
        }
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let mut out = io::stdout().lock();
    out.write_all(answer.as_bytes())?;
    out.flush()
}

fn connect(address: &str) -> Attempt {
    reach(address)
}

fn connect_abstract(name: &str) -> Attempt {
    let address = SocketAddress::from_abstract_name(name)?;
    UnixStream::connect_addr(&address).map(drop)
}

/// Makes a call through the 32-bit gate, where other numbers mean other calls.
#[cfg(target_arch = "x86_64")]
fn foreign_architecture() -> Attempt {
    let mut pid: i64 = 20; // getpid
    // SAFETY: the call takes no argument and changes nothing but its result.
    unsafe { std::arch::asm!("int 0x80", inout("rax") pid) };
    say(pid)
}

#[cfg(not(target_arch = "x86_64"))]
fn foreign_architecture() -> Attempt {
    Err(io::ErrorKind::Unsupported.into())
}
