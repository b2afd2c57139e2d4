//! The system-call filter: what no build or test needs, and what has opened kernels before.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::spec::Fault;

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// Calls that always answer EPERM. A foreign architecture (32-bit x86) ends the process instead.
const REFUSED: &[i64] = &[
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    // Other processes' memory and descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Keys, programs in the kernel, tracing.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // The machine itself.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// `open_tree_attr(2)`, which the C library's bindings do not name yet; one number on every architecture.
const SYS_OPEN_TREE_ATTR: i64 = 467;

const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Families that a program may open a socket of: others, such as AF_ALG and AF_VSOCK, reach the kernel or
/// the machine's host past the network namespace.
const FAMILIES: [i32; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// The personalities that programs of today ask for: Linux as it is, with the old version number, the answer.
/// Others switch off what keeps memory from being guessed or executed.
pub(crate) const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Puts this process and all it will start under the filter, for good.
pub(super) fn apply() -> Result<(), Fault> {
    let programs = programs().map_err(|_| Fault {
        step: "build the system-call filter".to_owned(),
        errno: libc::EINVAL,
    })?;
    for program in programs {
        seccompiler::apply_filter(&program).map_err(|_| Fault {
            step: "apply the system-call filter".to_owned(),
            errno: io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EINVAL),
        })?;
    }
    Ok(())
}

/// The filters in the order they are applied.
pub(super) fn programs() -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(SYS_OPEN_TREE_ATTR, Vec::new());

    let mut clone = Vec::new();
    for flag in NAMESPACES {
        let flag = flag as u32 as u64;
        clone.push(rule([(0, SeccompCmpOp::MaskedEq(flag), flag)])?);
    }
    rules.insert(libc::SYS_clone, clone);

    let unknown_family = FAMILIES.map(|family| (0, SeccompCmpOp::Ne, family as u64));
    let other_netlink = [
        (0, SeccompCmpOp::Eq, libc::AF_NETLINK as u64),
        (2, SeccompCmpOp::Ne, libc::NETLINK_ROUTE as u64),
    ];
    rules.insert(
        libc::SYS_socket,
        vec![rule(unknown_family)?, rule(other_netlink)?],
    );
    rules.insert(
        libc::SYS_socketpair,
        vec![rule([(0, SeccompCmpOp::Ne, libc::AF_UNIX as u64)])?],
    );
    let others = PERSONALITIES.map(|known| (0, SeccompCmpOp::Ne, known));
    rules.insert(libc::SYS_personality, vec![rule(others)?]);
    // TIOCSTI types into the terminal, TIOCLINUX pastes into the console.
    rules.insert(
        libc::SYS_ioctl,
        vec![
            rule([(1, SeccompCmpOp::Eq, libc::TIOCSTI)])?,
            rule([(1, SeccompCmpOp::Eq, libc::TIOCLINUX)])?,
        ],
    );
    let refuse = program(rules, libc::EPERM)?;
    // The flags of clone3 lie in memory, where a filter cannot look: the C library falls back to clone.
    let clone3 = program(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        libc::ENOSYS,
    )?;
    Ok(vec![refuse, clone3, refuse_x32()])
}

fn program(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    errno: i32,
) -> Result<BpfProgram, seccompiler::BackendError> {
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno as u32),
        ARCH,
    )?
    .try_into()
}

fn rule<const N: usize>(
    conditions: [(u8, SeccompCmpOp, u64); N],
) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions
        .into_iter()
        .map(|(argument, op, value)| {
            // The kernel reads these arguments as 32-bit numbers, so the upper half must not matter.
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)
        })
        .collect::<Result<Vec<_>, _>>()?;
    SeccompRule::new(conditions)
}

/// Refuses the x32 calls of x86-64: the same architecture to a filter, but other numbers (bit 30 set),
/// so that they would pass by every rule above.
fn refuse_x32() -> BpfProgram {
    let statement = |code: u32, jt: u8, jf: u8, k: u32| sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    vec![
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(
            libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K,
            0,
            1,
            0x4000_0000,
        ),
        statement(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
        ),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
