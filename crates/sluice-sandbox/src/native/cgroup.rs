//! Control groups, version 1 or 2, by plain file writes: what bounds all processes of a job together.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Limits;

/// How long the processes of a group may take to be gone after they were killed.
const GONE_WITHIN: Duration = Duration::from_millis(1_500);
/// Period over which processor time is shared out, in microseconds; the kernel's default.
const PERIOD_US: u64 = 100_000;

/// Which control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Memory,
    Pids,
    Cpu,
}

impl Control {
    const ALL: [Control; 3] = [Control::Memory, Control::Pids, Control::Cpu];

    /// The kernel's name.
    fn name(self) -> &'static str {
        match self {
            Control::Memory => "memory",
            Control::Pids => "pids",
            Control::Cpu => "cpu",
        }
    }
}

/// One control that this process may hand out, and the group below which it does.
#[derive(Debug, Clone)]
struct Seat {
    control: Control,
    unified: bool,
    parent: PathBuf,
    prefix: String,
}

impl Seat {
    /// The group of a job.
    fn folder(&self, job: &str) -> PathBuf {
        self.parent.join(format!("{}{job}", self.prefix))
    }
}

/// The controls that this process may use.
#[derive(Debug, Clone, Default)]
pub(super) struct Cgroups {
    seats: Vec<Seat>,
}

impl Cgroups {
    /// Finds what may be written. Groups are named by `prefix` and the job, so that two daemons keep apart and
    /// no group is left when no job runs; `below` is a group that was handed to this user, instead of the
    /// one it runs in.
    pub(super) fn find(prefix: &str, below: Option<&str>) -> Cgroups {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut seats = Vec::new();
        for control in Control::ALL {
            let found = version_1(control, &mounts, &own, below)
                .map(|parent| (false, parent))
                .or_else(|| Some((true, version_2(control, &mounts, &own, below)?)));
            seats.extend(found.map(|(unified, parent)| Seat {
                control,
                unified,
                parent,
                prefix: prefix.to_owned(),
            }));
        }
        Cgroups { seats }
    }

    /// Makes the groups of one job with its limits.
    pub(super) fn make(&self, job: &str, limits: &Limits) -> JobGroups {
        let mut groups = JobGroups {
            folders: Vec::new(),
            memory: None,
            has_pids: false,
            has_cpu: false,
        };
        for seat in &self.seats {
            let folder = seat.folder(job);
            let made = match fs::create_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => set(seat, &folder, limits),
            };
            if !groups.folders.contains(&folder) && folder.exists() {
                groups.folders.push(folder.clone());
            }
            match (seat.control, made) {
                (_, Err(error)) => {
                    tracing::warn!(folder = %folder.display(), %error, "limit not set");
                }
                (Control::Memory, Ok(())) => groups.memory = Some((folder, seat.unified)),
                (Control::Pids, Ok(())) => groups.has_pids = true,
                (Control::Cpu, Ok(())) => groups.has_cpu = true,
            }
        }
        groups
    }

    /// The jobs whose groups are there.
    pub(super) fn jobs(&self) -> Vec<String> {
        let mut jobs: Vec<String> = self
            .seats
            .iter()
            .flat_map(|seat| {
                let entries = fs::read_dir(&seat.parent).into_iter().flatten().flatten();
                entries.filter_map(|entry| {
                    let name = entry.file_name().into_string().ok()?;
                    Some(name.strip_prefix(&seat.prefix)?.to_owned())
                })
            })
            .collect();
        jobs.sort();
        jobs.dedup();
        jobs
    }

    /// The groups of a job that may be there already, without touching its limits.
    pub(super) fn existing(&self, job: &str) -> JobGroups {
        let mut folders: Vec<PathBuf> = self
            .seats
            .iter()
            .map(|seat| seat.folder(job))
            .filter(|folder| folder.exists())
            .collect();
        folders.dedup();
        JobGroups {
            folders,
            memory: None,
            has_pids: false,
            has_cpu: false,
        }
    }
}

/// Where a hierarchy is mounted and which group this process is in there.
fn hierarchy(mounts: &str, own: &str, control: Option<Control>) -> Option<(PathBuf, String)> {
    let has = |list: &str| control.is_none_or(|c| list.split(',').any(|item| item == c.name()));
    // A line is `36 35 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory`.
    let mount = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        let kind = after.next()?;
        let options = after.nth(1)?;
        let fits = match control {
            Some(_) => kind == "cgroup" && has(options),
            None => kind == "cgroup2",
        };
        fits.then(|| before.split(' ').nth(4)).flatten()
    })?;
    // A line is `4:memory:/user` or, for version 2, `0::/user`.
    let group = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, list, group) = (parts.next()?, parts.next()?, parts.next()?);
        let fits = match control {
            Some(_) => !list.is_empty() && has(list),
            None => list.is_empty(),
        };
        fits.then(|| group.to_owned())
    })?;
    Some((PathBuf::from(mount), group))
}

/// The group `below`, else our own group, else the root: the first that groups can be made in.
fn place_for_groups(mount: &Path, group: &str, below: Option<&str>) -> Option<PathBuf> {
    let inside = |group: &str| mount.join(group.trim_start_matches('/'));
    let candidates = match below {
        Some(below) => vec![inside(below)],
        None => vec![inside(group), mount.to_owned()],
    };
    candidates.into_iter().find(|folder| writable(folder))
}

fn writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

fn version_1(control: Control, mounts: &str, own: &str, below: Option<&str>) -> Option<PathBuf> {
    let (mount, group) = hierarchy(mounts, own, Some(control))?;
    place_for_groups(&mount, &group, below)
}

fn version_2(control: Control, mounts: &str, own: &str, below: Option<&str>) -> Option<PathBuf> {
    let (mount, group) = hierarchy(mounts, own, None)?;
    // A group that holds processes cannot hand out controls, except the root: root uses that, anybody else
    // needs a group that was handed to them.
    let top = match below {
        Some(below) => mount.join(below.trim_start_matches('/')),
        None if rustix::process::geteuid().is_root() => mount,
        None => mount.join(group.trim_start_matches('/')),
    };
    let order = format!("+{}", control.name());
    fs::write(top.join("cgroup.subtree_control"), order).ok()?;
    Some(top)
}

/// Writes one limit.
fn set(seat: &Seat, folder: &Path, limits: &Limits) -> io::Result<()> {
    let write = |file: &str, value: String| fs::write(folder.join(file), value);
    let quota = (limits.cpus * PERIOD_US as f64).max(1_000.0) as u64;
    match (seat.control, seat.unified) {
        (Control::Memory, true) => {
            write("memory.max", limits.memory_bytes.to_string())?;
            // One process that is killed for memory would leave the others in a state nobody foresaw.
            write("memory.oom.group", "1".to_owned())?;
            if folder.join("memory.swap.max").exists() {
                write("memory.swap.max", "0".to_owned())?;
            }
            Ok(())
        }
        (Control::Memory, false) => {
            write("memory.limit_in_bytes", limits.memory_bytes.to_string())?;
            if folder.join("memory.memsw.limit_in_bytes").exists() {
                write(
                    "memory.memsw.limit_in_bytes",
                    limits.memory_bytes.to_string(),
                )?;
            }
            Ok(())
        }
        // One for the sandbox's own first process.
        (Control::Pids, _) => write("pids.max", limits.pids.saturating_add(1).to_string()),
        (Control::Cpu, true) => write("cpu.max", format!("{quota} {PERIOD_US}")),
        (Control::Cpu, false) => {
            write("cpu.cfs_period_us", PERIOD_US.to_string())?;
            write("cpu.cfs_quota_us", quota.to_string())
        }
    }
}

/// The groups of one job.
#[derive(Debug)]
pub(super) struct JobGroups {
    folders: Vec<PathBuf>,
    memory: Option<(PathBuf, bool)>,
    /// Whether the number of processes is bounded.
    pub(super) has_pids: bool,
    /// Whether processor time is bounded.
    pub(super) has_cpu: bool,
}

impl JobGroups {
    /// Whether memory is bounded.
    pub(super) fn has_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// The files that a process is written into to join.
    pub(super) fn procs(&self) -> Vec<PathBuf> {
        self.folders
            .iter()
            .map(|folder| folder.join("cgroup.procs"))
            .collect()
    }

    /// Whether the kernel killed a process of the job for its memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        let Some((folder, unified)) = &self.memory else {
            return false;
        };
        let file = if *unified {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        fs::read_to_string(folder.join(file)).is_ok_and(|text| {
            text.lines()
                .filter_map(|line| line.strip_prefix("oom_kill "))
                .any(|count| count.trim() != "0")
        })
    }

    /// The greatest memory that was seen, in bytes.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        let (folder, unified) = self.memory.as_ref()?;
        let file = if *unified {
            "memory.peak"
        } else {
            "memory.max_usage_in_bytes"
        };
        let text = fs::read_to_string(folder.join(file)).ok()?;
        text.trim().parse().ok()
    }

    /// Whether any group is there.
    pub(super) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Kills what is left in the groups and removes them. Blocks until they are gone, for a
    /// second and a half at most.
    pub(super) fn remove(&self) -> io::Result<()> {
        let deadline = Instant::now() + GONE_WITHIN;
        for folder in &self.folders {
            loop {
                match fs::remove_dir(folder) {
                    Ok(()) => break,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) if Instant::now() > deadline => return Err(error),
                    Err(_) => kill_all(folder),
                }
                // The kernel gives no notice in version 1 when the last process is gone.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}

/// Kills every process of one group; a process that forks meanwhile is met by the next round.
fn kill_all(folder: &Path) {
    if fs::write(folder.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    let procs = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for pid in procs.lines().filter_map(|line| line.trim().parse().ok()) {
        // Zero is a process that this namespace cannot name.
        if let Some(pid) = rustix::process::Pid::from_raw(pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests;
