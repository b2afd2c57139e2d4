//! What exists on the host while a job runs: a folder with links to the job's folders, and the bounded place
//! that its writes go to.
//!
//! The folder is made before anything else of the job and removed after everything else, so that a folder
//! means that there may be remains, and no folder means that there are none.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{getegid, geteuid};

use super::{latch, sweep};
use crate::{INNER_ID, Job, Network, SandboxError, Upper};

/// Where the folders of all jobs are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    jobs: PathBuf,
}

/// The folder of one job.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    folder: PathBuf,
    lowers: usize,
    /// The writes go to a file system of their own, with the job's bounds.
    bounded: bool,
    keep: bool,
    out: Option<PathBuf>,
    latch: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(state: PathBuf) -> Place {
        Place {
            jobs: state.join("docker"),
        }
    }

    /// Whether there may be remains of a job.
    pub(super) fn exists(&self, job: &str) -> bool {
        fs::symlink_metadata(self.jobs.join(job)).is_ok()
    }

    /// The jobs that there may be remains of.
    pub(super) fn list(&self) -> Result<Vec<String>, SandboxError> {
        let entries = match fs::read_dir(&self.jobs) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(io_fault("listing the job folders", &self.jobs, fault)),
        };
        Ok(entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    /// Makes the folder of a job.
    pub(super) async fn stage(&self, job: &Job) -> Result<Stage, SandboxError> {
        let place = self.clone();
        let job = job.clone();
        blocking(move || place.make(&job)).await
    }

    /// Removes the folder of a job and what it points at that must not outlive it.
    pub(super) async fn clear(&self, job: &str) -> Result<(), SandboxError> {
        let folder = self.jobs.join(job);
        blocking(move || clear(&folder)).await
    }

    /// The folder of a job that the engine works in as root, where there is one.
    pub(super) fn work(&self, job: &str) -> Option<PathBuf> {
        let folder = self.jobs.join(job);
        let kept = fs::read_link(folder.join("work")).ok();
        [kept, Some(folder.join("fs/work"))]
            .into_iter()
            .flatten()
            .find(|path| path.is_dir())
    }

    fn make(&self, job: &Job) -> Result<Stage, SandboxError> {
        let folder = self.jobs.join(&job.name);
        private_folder(&folder)?;
        for (n, lower) in job.lower.iter().enumerate() {
            sweep::hand_over(lower, owner())
                .map_err(|fault| io_fault("giving the snapshot to the job's user", lower, fault))?;
            // Links, because mount options cannot carry every path and only some 4,000 bytes in all.
            link(lower, &folder.join(format!("l{n}")))?;
        }
        let writes = folder.join("fs");
        private_folder(&writes)?;
        let mut stage = Stage {
            lowers: job.lower.len(),
            bounded: bound(&writes, job)?,
            keep: false,
            out: None,
            latch: None,
            folder,
        };
        match &job.upper {
            Upper::Discard => {
                given_folder(&writes.join("upper"))?;
                private_folder(&writes.join("work"))?;
            }
            Upper::Keep(upper) => {
                stage.keep = true;
                keep(job, upper, &stage.folder)?;
            }
        }
        if job.out.is_some() {
            let out = writes.join("out");
            given_folder(&out)?;
            stage.out = Some(out);
        }
        if job.network == Network::Registries {
            let path = writes.join("go");
            latch::make(&path).map_err(|fault| io_fault("making a FIFO", &path, fault))?;
            stage.latch = Some(path);
        }
        Ok(stage)
    }
}

impl Stage {
    /// The options of the overlay mount.
    pub(super) fn overlay(&self) -> String {
        let folder = self.folder.display();
        let lowers: Vec<String> = (0..self.lowers).map(|n| format!("{folder}/l{n}")).collect();
        let writes = if self.keep { "" } else { "fs/" };
        format!(
            "lowerdir={},upperdir={folder}/{writes}upper,workdir={folder}/{writes}work",
            lowers.join(":")
        )
    }

    /// The folder that is mounted for report files.
    pub(super) fn out(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// The FIFO that the command waits at, where it has a way out.
    pub(super) fn latch(&self) -> Option<&Path> {
        self.latch.as_deref()
    }

    /// The user that the command runs as: [`INNER_ID`] where we are root, else ourselves, because nobody else
    /// could write into our folders.
    pub(super) fn user(&self) -> u32 {
        owner().map_or_else(|| geteuid().as_raw(), |(user, _)| user)
    }

    /// The group that the command runs as.
    pub(super) fn group(&self) -> u32 {
        owner().map_or_else(|| getegid().as_raw(), |(_, group)| group)
    }

    /// Limits that this stage could not set.
    pub(super) fn unenforced(&self) -> Vec<String> {
        if self.bounded && !self.keep {
            return Vec::new();
        }
        vec!["disk_bytes".to_owned(), "inodes".to_owned()]
    }

    /// Hands out what the job is to leave behind: its reports, and the kept layer.
    pub(super) async fn finish(&self, job: &Job) -> Result<(), SandboxError> {
        let stage = self.clone();
        let (out, most) = (job.out.clone(), job.limits.disk_bytes);
        blocking(move || {
            if let (Some(from), Some(to)) = (&stage.out, &out) {
                sweep::copy_plain(from, to, most)
                    .map_err(|fault| io_fault("copying the reports", to, fault))?;
            }
            if stage.keep {
                let mark = stage.folder.join("upper");
                fs::remove_file(&mark)
                    .map_err(|fault| io_fault("keeping the layer", &mark, fault))?;
            }
            Ok(())
        })
        .await
    }
}

/// The user and group that files are given to, when we may give files away.
fn owner() -> Option<(u32, u32)> {
    geteuid().is_root().then_some((INNER_ID, INNER_ID))
}

/// Mounts a file system with the job's bounds, where we may mount at all.
fn bound(writes: &Path, job: &Job) -> Result<bool, SandboxError> {
    if !geteuid().is_root() {
        return Ok(false);
    }
    // The folders of the stage and of the overlay take four.
    let inodes = job.limits.inodes.saturating_add(4);
    let options = format!(
        "mode=0700,size={},nr_inodes={inodes}\0",
        job.limits.disk_bytes
    );
    let options = std::ffi::CString::from_vec_with_nul(options.into_bytes())
        .expect("the text was made above, with its one NUL at the end");
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    match mount("sluice", writes, "tmpfs", flags, options.as_c_str()) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::PERM) => Ok(false),
        Err(fault) => Err(io_fault("mounting a bounded folder", writes, fault.into())),
    }
}

/// Prepares a layer that outlives the job. The link named `upper` says that it is not complete yet.
fn keep(job: &Job, upper: &Path, folder: &Path) -> Result<(), SandboxError> {
    let filled = match fs::read_dir(upper) {
        Ok(mut entries) => entries.next().is_some(),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => false,
        Err(fault) => return Err(io_fault("looking at the folder to keep", upper, fault)),
    };
    if filled {
        return Err(job.invalid(format!("the folder to keep, {upper:?}, is not empty")));
    }
    let parent = upper
        .parent()
        .ok_or_else(|| job.invalid("the folder to keep has no parent"))?;
    // The engine's work folder must be on the same file system as the layer.
    let work = parent.join(format!(".{}.work", job.name));
    link(upper, &folder.join("upper"))?;
    link(&work, &folder.join("work"))?;
    given_folder(upper)?;
    private_folder(&work)
}

fn clear(folder: &Path) -> Result<(), SandboxError> {
    let writes = folder.join("fs");
    // More than one, where an earlier process was killed between mounting and writing.
    while unmount(&writes, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).is_ok() {}
    // The work folders first: where they cannot be removed, all else still tells where they are.
    for name in ["work", "upper"] {
        if let Ok(target) = fs::read_link(folder.join(name)) {
            remove(&target)?;
        }
    }
    remove(&writes.join("work"))?;
    remove(folder)
}

fn remove(path: &Path) -> Result<(), SandboxError> {
    sweep::remove(path).map_err(|fault| io_fault("removing what a job left", path, fault))
}

fn link(target: &Path, at: &Path) -> Result<(), SandboxError> {
    symlink(target, at).map_err(|fault| io_fault("linking a folder of the job", at, fault))
}

/// A folder that only we, and the engine as root, can look into.
fn private_folder(path: &Path) -> Result<(), SandboxError> {
    DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(path)
        .map_err(|fault| io_fault("making a folder", path, fault))
}

/// A folder that belongs to the job's user.
fn given_folder(path: &Path) -> Result<(), SandboxError> {
    let given = DirBuilder::new()
        .mode(0o755)
        .recursive(true)
        .create(path)
        .and_then(|()| {
            owner().map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
        });
    given.map_err(|fault| io_fault("making a folder for the job's user", path, fault))
}

fn io_fault(step: &'static str, path: &Path, source: io::Error) -> SandboxError {
    SandboxError::Io {
        step,
        path: path.to_owned(),
        source,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, SandboxError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(fault) => Err(SandboxError::Setup {
            why: format!("a thread for files ended: {fault}"),
        }),
    }
}
