//! The filter of system calls for containers: no more than the engine's own profile lets through, and no more
//! than the native engine's filter does, so that both engines refuse the same.

use std::env::consts::ARCH;

use serde_json::{Value, json};

use crate::native::PERSONALITIES;

/// Calls that ordinary programs make, of both architectures that we run on, without a condition.
const ALLOWED: &str = include_str!("seccomp/allowed.txt");

/// The flags of `clone(2)` that make namespaces.
const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// The profile, in the form that container engines take.
pub(super) fn profile() -> String {
    let mut rules = vec![json!({
        "names": ALLOWED.lines().collect::<Vec<_>>(),
        "action": "SCMP_ACT_ALLOW",
    })];
    rules.push(allow("clone", &[masked(0, NAMESPACES as u64, 0)]));
    // Its flags lie in memory, where a filter cannot look: the C library falls back to clone.
    rules.push(json!({
        "names": ["clone3"],
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": libc::ENOSYS,
    }));
    for persona in PERSONALITIES {
        rules.push(allow("personality", &[equal(0, persona)]));
    }
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
        rules.push(allow("socket", &[equal(0, family as u64)]));
    }
    let route = [
        equal(0, libc::AF_NETLINK as u64),
        equal(2, libc::NETLINK_ROUTE as u64),
    ];
    rules.push(allow("socket", &route));
    rules.push(allow("socketpair", &[equal(0, libc::AF_UNIX as u64)]));
    rules.extend(controls());
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": libc::EPERM,
        // Of this machine alone: calls of another, such as 32-bit ones, end the process.
        "architectures": [match ARCH {
            "aarch64" => "SCMP_ARCH_AARCH64",
            _ => "SCMP_ARCH_X86_64",
        }],
        "syscalls": rules,
    })
    .to_string()
}

/// `ioctl(2)` but for TIOCSTI, which types into the terminal, and TIOCLINUX, which pastes into the console. The
/// kernel looks at the lower 32 bits alone, so every condition does: a number is another one when some bit of
/// it differs.
fn controls() -> Vec<Value> {
    let refused = [libc::TIOCSTI, libc::TIOCLINUX];
    let low = 0xf;
    // Both have the same upper bits; what differs there is let through, of what does not all but the two.
    debug_assert_eq!(refused[0] | low, refused[1] | low);
    let upper = (4..32).map(|bit| {
        let bit = 1_u64 << bit;
        masked(1, bit, !refused[0] & bit)
    });
    let beside = (0..=low)
        .map(|last| (refused[0] & !low) | last)
        .filter(|number| !refused.contains(number))
        .map(|number| masked(1, 0xffff_ffff, number));
    upper
        .chain(beside)
        .map(|one| allow("ioctl", &[one]))
        .collect()
}

fn allow(call: &str, conditions: &[Value]) -> Value {
    json!({ "names": [call], "action": "SCMP_ACT_ALLOW", "args": conditions })
}

fn equal(argument: u32, value: u64) -> Value {
    json!({ "index": argument, "value": value, "op": "SCMP_CMP_EQ" })
}

/// The argument under the mask is the value.
fn masked(argument: u32, mask: u64, value: u64) -> Value {
    json!({ "index": argument, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ" })
}

#[cfg(test)]
mod tests;
