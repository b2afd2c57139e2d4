//! Takes away everything the command does not need: capabilities, privileges, writable places, limits.

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::filter;
use super::spec::{Bounds, Fault};
use super::sys;

/// The newest Landlock interface that is asked for; an older kernel gives what it has. Network rules are
/// left out: they would block test servers on the loopback.
const LANDLOCK: ABI = ABI::V6;

/// Sets the limits that a process sets on itself.
pub(super) fn limit(bounds: &Bounds) -> Result<(), Fault> {
    for (name, resource, value) in [
        ("core", libc::RLIMIT_CORE, 0),
        ("open_files", libc::RLIMIT_NOFILE, bounds.open_files),
        ("file_bytes", libc::RLIMIT_FSIZE, bounds.file_bytes),
        // One for the sandbox's own first process.
        ("pids", libc::RLIMIT_NPROC, bounds.pids.saturating_add(1)),
    ] {
        sys::limit(resource, value).map_err(Fault::at(format!("limit {name}")))?;
    }
    if let Some(bytes) = bounds.data_bytes {
        sys::limit(libc::RLIMIT_DATA, bytes).map_err(Fault::at("limit memory_bytes"))?;
    }
    Ok(())
}

/// Gives up all privileges, for good.
pub(super) fn close(with_out: bool) -> Result<(), Fault> {
    drop_capabilities()?;
    rustix::thread::set_no_new_privs(true).map_err(Fault::at("set no_new_privs"))?;
    landlock(with_out).map_err(|error| Fault {
        step: format!("restrict with landlock ({error})"),
        errno: libc::EINVAL,
    })?;
    filter::apply()
}

fn drop_capabilities() -> Result<(), Fault> {
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        // Numbers above the kernel's last answer EINVAL.
        if rustix::thread::remove_capability_from_bounding_set(one).is_err() {
            break;
        }
    }
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
    .map_err(Fault::at("drop capabilities"))
}

/// A second fence behind the mounts: only the writable places are writable, and no signal or abstract
/// socket crosses to another sandbox or to the host.
fn landlock(with_out: bool) -> Result<(), Box<dyn std::error::Error>> {
    let every = AccessFs::from_all(LANDLOCK);
    let read = AccessFs::from_read(LANDLOCK);
    let modify = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let mut rules: Vec<(&str, BitFlags<AccessFs>)> = vec![
        ("/", read),
        ("/proc", read | AccessFs::WriteFile | AccessFs::Truncate),
        ("/dev", read | modify),
        ("/dev/shm", every),
        ("/tmp", every),
        (crate::WORKSPACE, every),
    ];
    if with_out {
        rules.push((crate::OUT, every));
    }
    let mut ruleset = Ruleset::default()
        .handle_access(every)?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?;
    for (path, access) in rules {
        ruleset = ruleset.add_rule(PathBeneath::new(PathFd::new(path)?, access))?;
    }
    ruleset.restrict_self()?;
    Ok(())
}
