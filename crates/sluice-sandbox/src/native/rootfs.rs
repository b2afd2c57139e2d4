//! Builds the new root: read-only toolchains, an overlay as the workspace, and nothing else of the host.
//!
//! Host paths are taken as detached mounts (`open_tree`) before anything is put in place, by root where the
//! daemon is root, since the inner user could not even reach a folder below `/root`. Their names never
//! become part of a mount option, so no letter in them can change what is mounted.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};

use super::owners::Owners;
use super::spec::{Fault, Spec};
use super::sys::{self, attr};

/// Where the new root is put together; covered in this mount namespace only.
const BUILD_AT: &str = "/tmp";
/// Where layers are mounted until the overlay holds them; gone before the command starts.
const SCRATCH: &str = "sluice/layers";
/// The least size in bytes that a file system in memory can have.
const PAGE: u64 = 4096;
/// Device nodes that every program may use.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Files of `/proc` that tell about the machine rather than about the command.
const PROC_HIDDEN: [&str; 7] = [
    "keys",
    "kcore",
    "kallsyms",
    "timer_list",
    "sched_debug",
    "sysrq-trigger",
    "latency_stats",
];
/// Folders of `/proc` that are made read-only.
const PROC_READ_ONLY: [&str; 4] = ["sys", "fs", "bus", "irq"];

/// The step that takes a host path, as faults name it.
pub(super) const TAKE: &str = "take";

const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Host paths as detached mounts.
pub(super) struct Sources {
    binds: Vec<(OwnedFd, String)>,
    devices: Vec<(OwnedFd, String)>,
    lower: Vec<OwnedFd>,
    layer: Option<OwnedFd>,
    out: Option<OwnedFd>,
}

impl Sources {
    /// Takes every host path that `spec` names. With `owners`, layers appear as owned by the inner user
    /// whoever owns them on disk.
    pub(super) fn take(spec: &Spec, mut owners: Option<&mut Owners>) -> Result<Sources, Fault> {
        let mut sources = Sources {
            binds: Vec::new(),
            devices: Vec::new(),
            lower: Vec::new(),
            layer: None,
            out: None,
        };
        let read_only = attr::RDONLY | attr::NOSUID | attr::NODEV;
        for (host, inside) in &spec.binds {
            let tree = detach(host, true, read_only)?;
            sources.binds.push((tree, inside.clone()));
        }
        for name in DEVICES {
            let tree = detach(
                &Path::new("/dev").join(name),
                false,
                attr::NOSUID | attr::NOEXEC,
            )?;
            sources.devices.push((tree, format!("dev/{name}")));
        }
        for host in &spec.lower {
            let tree = detach(host, false, read_only)?;
            if let Some(owners) = owners.as_deref_mut() {
                owners.translate(host, tree.as_fd())?;
            }
            sources.lower.push(tree);
        }
        let writable = attr::NOSUID | attr::NODEV;
        let detach_writable = |host: &std::path::PathBuf| detach(host, false, writable);
        sources.layer = spec.layer.as_ref().map(detach_writable).transpose()?;
        sources.out = spec.out.as_ref().map(detach_writable).transpose()?;
        Ok(sources)
    }
}

/// A copy of the mount at `host` that is in no namespace yet, with `attributes` set.
fn detach(host: &Path, recursive: bool, attributes: u64) -> Result<OwnedFd, Fault> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = rustix::mount::open_tree(CWD, host, flags)
        .map_err(Fault::at(format!("{TAKE} {}", host.display())))?;
    sys::mount_setattr(tree.as_fd(), attributes, recursive, None)
        .map_err(Fault::at(format!("restrict {}", host.display())))?;
    Ok(tree)
}

/// Makes the new root and moves into it. Runs as the inner user with all capabilities of the new user
/// namespace and none outside it.
pub(super) fn enter(spec: &Spec, sources: Sources) -> Result<(), Fault> {
    let bounded = format!(
        "size={},nr_inodes={},mode=1777",
        // Zero would mean no bound at all, and the layer itself needs a few.
        spec.bounds.disk_bytes.max(PAGE),
        spec.bounds.inodes.max(16)
    );
    mount("tmpfs", BUILD_AT, PLAIN, "size=16m,nr_inodes=16k,mode=755")?;
    rustix::process::chdir(BUILD_AT).map_err(Fault::at("enter the new root"))?;
    for folder in [
        "dev/shm",
        "dev/pts",
        "etc",
        "proc",
        "run",
        "tmp",
        "var",
        "workspace",
        "sluice/out",
        SCRATCH,
    ] {
        make_folder(folder)?;
    }
    mount("tmpfs", "tmp", PLAIN, &bounded)?;
    make_folder("tmp/home")?;
    for (name, target) in &spec.links {
        let name = name.trim_start_matches('/');
        if let Some(parent) = Path::new(name).parent() {
            make_folder(&parent.to_string_lossy())?;
        }
        rustix::fs::symlink(target.as_str(), name).map_err(Fault::at(format!("link {name}")))?;
    }
    for (name, content) in &spec.files {
        std::fs::write(name.trim_start_matches('/'), content)
            .map_err(Fault::at(format!("write {name}")))?;
    }
    for (tree, inside) in &sources.devices {
        attach(tree, inside)?;
    }
    for (tree, inside) in &sources.binds {
        attach(tree, inside.trim_start_matches('/'))?;
    }
    if let Some(out) = &sources.out {
        attach(out, "sluice/out")?;
    }
    fill_dev()?;
    fill_proc()?;
    mount_workspace(&sources, &bounded)?;
    drop(sources);

    sys::pivot_root_here().map_err(Fault::at("change the root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(Fault::at("leave the old root"))?;
    rustix::process::chdir("/").map_err(Fault::at("enter the new root"))?;
    let root = rustix::fs::open(
        "/",
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(Fault::at("open the new root"))?;
    sys::mount_setattr(root.as_fd(), attr::RDONLY, false, None)
        .map_err(Fault::at("make the root read-only"))
}

/// Cuts this mount namespace off from the host's, so that nothing mounted on either side shows on the other.
pub(super) fn cut_off() -> Result<(), Fault> {
    rustix::mount::mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(Fault::at("cut off the mounts"))
}

fn fill_dev() -> Result<(), Fault> {
    let shm = "size=64m,nr_inodes=4k,mode=1777";
    mount("tmpfs", "dev/shm", PLAIN | MountFlags::NOEXEC, shm)?;
    let pts = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", "dev/pts", pts, "ptmxmode=0666,mode=0620")?;
    for (name, target) in [
        ("dev/ptmx", "pts/ptmx"),
        ("dev/fd", "/proc/self/fd"),
        ("dev/stdin", "/proc/self/fd/0"),
        ("dev/stdout", "/proc/self/fd/1"),
        ("dev/stderr", "/proc/self/fd/2"),
    ] {
        rustix::fs::symlink(target, name).map_err(Fault::at(format!("link {name}")))?;
    }
    Ok(())
}

fn fill_proc() -> Result<(), Fault> {
    mount("proc", "proc", PLAIN | MountFlags::NOEXEC, "hidepid=2")?;
    for name in PROC_HIDDEN {
        let name = format!("proc/{name}");
        if Path::new(&name).exists() {
            rustix::mount::mount_bind("dev/null", name.as_str())
                .map_err(Fault::at(format!("hide {name}")))?;
        }
    }
    for name in PROC_READ_ONLY {
        let name = format!("proc/{name}");
        if Path::new(&name).exists() {
            let tree = detach(Path::new(&name), true, attr::RDONLY)?;
            attach(&tree, &name)?;
        }
    }
    Ok(())
}

fn mount_workspace(sources: &Sources, bounded: &str) -> Result<(), Fault> {
    mount("tmpfs", SCRATCH, PLAIN, bounded)?;
    let mut layers = Vec::new();
    for (number, tree) in sources.lower.iter().enumerate() {
        let at = format!("{SCRATCH}/{number}");
        make_folder(&at)?;
        attach(tree, &at)?;
        layers.push(at);
    }
    if layers.is_empty() {
        let at = format!("{SCRATCH}/empty");
        make_folder(&at)?;
        layers.push(at);
    }
    let top = format!("{SCRATCH}/top");
    make_folder(&top)?;
    match &sources.layer {
        Some(tree) => attach(tree, &top)?,
        None => {
            make_folder(&format!("{top}/upper"))?;
            make_folder(&format!("{top}/work"))?;
        }
    }
    // `userxattr`: without it a folder of a lower layer could not be removed or renamed in a user
    // namespace, which npm does all the time.
    let options = format!(
        "lowerdir={},upperdir={top}/upper,workdir={top}/work,userxattr",
        layers.join(":")
    );
    mount("overlay", "workspace", PLAIN, &options)?;
    rustix::mount::unmount(SCRATCH, UnmountFlags::DETACH).map_err(Fault::at("hide the layers"))
}

fn mount(kind: &str, at: &str, flags: MountFlags, options: &str) -> Result<(), Fault> {
    let options = std::ffi::CString::new(options)
        .map_err(io::Error::from)
        .map_err(Fault::at(format!("mount {kind} at {at}")))?;
    rustix::mount::mount(kind, at, kind, flags, options.as_c_str())
        .map_err(Fault::at(format!("mount {kind} at {at}")))
}

/// Puts a detached mount at `inside`, which is made if it is not there.
fn attach(tree: &OwnedFd, inside: &str) -> Result<(), Fault> {
    let step = || format!("mount /{inside}");
    let is_folder = rustix::fs::fstat(tree)
        .map(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        .map_err(Fault::at(step()))?;
    if is_folder {
        make_folder(inside)?;
    } else if !Path::new(inside).exists() {
        if let Some(parent) = Path::new(inside).parent() {
            make_folder(&parent.to_string_lossy())?;
        }
        std::fs::write(inside, "").map_err(Fault::at(step()))?;
    }
    rustix::mount::move_mount(
        tree,
        "",
        CWD,
        inside,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )
    .map_err(Fault::at(step()))
}

fn make_folder(path: &str) -> Result<(), Fault> {
    std::fs::create_dir_all(path).map_err(Fault::at(format!("make /{path}")))
}
