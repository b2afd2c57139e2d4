//! What the sandbox finds out about itself from inside, before it is trusted with a command.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};

use crate::{INNER_ID, WORKSPACE};

/// What is read back from a sandbox that tested itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// What does not hold, in words; empty where everything does.
    pub failed: Vec<String>,
    /// The limits of [`crate::Limits`] that this machine cannot enforce, by field name.
    pub unenforced: Vec<String>,
}

/// A folder with one file, which the snapshot of the self-test has.
pub(super) const FOLDER: &str = "folder";

/// A sentence that is true when its check fails, and the check.
type Check = (&'static str, fn() -> bool);

/// Runs inside; prints what failed as JSON and returns the exit code.
pub(super) fn inside() -> i32 {
    let checks: [Check; 11] = [
        ("the user inside is not the inner user", is_inner_user),
        ("capabilities are left", has_no_capability),
        ("new privileges can be gained", cannot_gain_privileges),
        ("no system-call filter is set", is_filtered),
        ("mounting is possible", cannot_mount),
        ("the root can be written to", cannot_write_root),
        ("the host's password file can be read", cannot_read_shadow),
        ("the network can be reached", has_no_network),
        ("the loopback does not work", has_loopback),
        ("the workspace cannot be changed", can_change_workspace),
        ("/tmp cannot be written to", can_write_tmp),
    ];
    let failed: Vec<&str> = checks
        .iter()
        .filter(|(_, holds)| !holds())
        .map(|(what, _)| *what)
        .collect();
    let text = serde_json::to_vec(&failed).unwrap_or_default();
    // Past the library's buffer, which the end of this process would not empty.
    match rustix::io::write(rustix::stdio::stdout(), &text) {
        Ok(_) => 0,
        Err(_) => 1,
    }
}

fn is_inner_user() -> bool {
    rustix::process::getuid().as_raw() == INNER_ID && rustix::process::getgid().as_raw() == INNER_ID
}

fn has_no_capability() -> bool {
    rustix::thread::capabilities(None)
        .is_ok_and(|sets| (sets.effective | sets.permitted) == CapabilitySet::empty())
}

fn cannot_gain_privileges() -> bool {
    rustix::thread::no_new_privs().unwrap_or(false)
}

fn is_filtered() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|text| text.contains("Seccomp:\t2"))
}

fn cannot_mount() -> bool {
    rustix::mount::mount_bind("/tmp", "/run") == Err(rustix::io::Errno::PERM)
}

fn cannot_write_root() -> bool {
    ["/", "/usr", "/etc", "/run"]
        .iter()
        .all(|folder| fs::write(format!("{folder}/.sluice"), "").is_err())
}

fn cannot_read_shadow() -> bool {
    !fs::exists("/etc/shadow").unwrap_or(true)
}

fn has_no_network() -> bool {
    // An address for documentation (RFC 5737): connecting a datagram socket only asks for a route.
    UdpSocket::bind("0.0.0.0:0").is_ok_and(|socket| socket.connect("192.0.2.1:9").is_err())
}

fn has_loopback() -> bool {
    let echo = || -> std::io::Result<bool> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut near = TcpStream::connect(listener.local_addr()?)?;
        let (mut far, _) = listener.accept()?;
        near.write_all(b"x")?;
        let mut got = [0];
        far.read_exact(&mut got)?;
        Ok(&got == b"x")
    };
    echo().unwrap_or(false)
}

fn can_change_workspace() -> bool {
    // To remove a folder of the snapshot and make it anew is what fails where the layer cannot be marked.
    // (Renaming one answers EXDEV on every overlay of this kind; programs copy it then.)
    let folder = format!("{WORKSPACE}/{FOLDER}");
    let change = || -> std::io::Result<()> {
        fs::remove_dir_all(&folder)?;
        fs::create_dir(&folder)?;
        fs::write(format!("{folder}/new"), "x")
    };
    change().is_ok() && fs::read_dir(&folder).is_ok_and(|entries| entries.count() == 1)
}

fn can_write_tmp() -> bool {
    fs::write("/tmp/sluice", "x").is_ok()
}
