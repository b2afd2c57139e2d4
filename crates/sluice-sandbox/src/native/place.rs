//! What one job has on the host while it runs: a lock, a folder, control groups, a layer to be kept.
//!
//! All of it is found again by the job's name, so that what a dead daemon left is removed by the next.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cgroup::{Cgroups, JobGroups};
use crate::{Job, SandboxError, Upper};

/// What is written down about a job for whoever must clean up after it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    /// The layer that is to be kept, while it is still being written.
    staging: Option<PathBuf>,
}

/// One job's things on the host. Dropping it removes them.
pub(super) struct Place {
    folder: PathBuf,
    lock_path: PathBuf,
    /// Held as long as the job runs; a lock ends with its process, however that ends.
    lock: Option<File>,
    staging: Option<PathBuf>,
    keep: Option<PathBuf>,
    /// The control groups.
    pub(super) groups: JobGroups,
}

fn fault(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SandboxError {
    let path = path.to_owned();
    move |source| SandboxError::Io { step, path, source }
}

impl Place {
    /// Makes everything anew; what an earlier start of the same job left is removed first. `outer` is the
    /// user that the layers must belong to, where that is not this process's own.
    pub(super) fn make(
        state: &Path,
        job: &Job,
        cgroups: &Cgroups,
        layer_on_disk: bool,
        outer: Option<u32>,
    ) -> Result<Place, SandboxError> {
        let jobs = jobs_folder(state)?;
        let lock_path = jobs.join(format!("{}.lock", job.name));
        let Some(lock) = take_lock(&lock_path)? else {
            return Err(job.invalid("a job of this name is running"));
        };
        let folder = jobs.join(&job.name);
        sweep(&folder, &cgroups.existing(&job.name))?;
        fs::create_dir(&folder).map_err(fault("make the job's folder", &folder))?;

        let (staging, keep) = match &job.upper {
            Upper::Keep(keep) => (Some(beside(keep, &job.name)), Some(keep.clone())),
            Upper::Discard if layer_on_disk => (Some(folder.join("layer")), None),
            Upper::Discard => (None, None),
        };
        let mut place = Place {
            folder,
            lock_path,
            lock: Some(lock),
            staging,
            keep,
            groups: cgroups.existing(&job.name),
        };
        place.fill(job, outer)?;
        place.groups = cgroups.make(&job.name, &job.limits);
        Ok(place)
    }

    fn fill(&self, job: &Job, outer: Option<u32>) -> Result<(), SandboxError> {
        if let Some(staging) = &self.staging {
            let record = Record {
                staging: Some(staging.clone()),
            };
            let path = self.folder.join("record.json");
            let text = serde_json::to_vec(&record).map_err(|error| SandboxError::InvalidJob {
                name: job.name.clone(),
                why: format!("a path cannot be written down: {error}"),
            })?;
            fs::write(&path, text).map_err(fault("write down the job", &path))?;
            remove_tree(staging).map_err(fault("remove an old layer", staging))?;
            for name in ["", "upper", "work"] {
                let path = staging.join(name);
                fs::create_dir(&path).map_err(fault("make a layer", &path))?;
                give(&path, outer)?;
            }
            // The upper folder becomes the root of the workspace, which its user may read.
            set_mode(&staging.join("upper"), 0o755)?;
            set_mode(staging, 0o700)?;
        }
        if let Some(out) = &job.out {
            give(out, outer)?;
        }
        Ok(())
    }

    /// The folder holding `upper` and `work`, where the layer is on disk.
    pub(super) fn layer(&self) -> Option<&Path> {
        self.staging.as_deref()
    }

    /// Ends the job's stay: what it asked to keep appears at its place at once and whole, the rest goes.
    pub(super) fn finish(mut self) -> Result<(), SandboxError> {
        let kept = match (&self.staging, self.keep.take()) {
            (Some(staging), Some(keep)) => {
                fs::rename(staging.join("upper"), &keep).map_err(fault("keep a layer", &keep))
            }
            _ => Ok(()),
        };
        kept.and(self.remove())
    }

    fn remove(&mut self) -> Result<(), SandboxError> {
        let Some(lock) = self.lock.take() else {
            return Ok(());
        };
        sweep(&self.folder, &self.groups)?;
        let _ = fs::remove_file(&self.lock_path);
        drop(lock);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::error!(folder = %self.folder.display(), %error, "a job was not cleaned up");
        }
    }
}

/// Removes what earlier processes left below `state`; running jobs, whoever runs them, are left alone.
pub(super) fn reap(state: &Path, cgroups: &Cgroups) -> Result<usize, SandboxError> {
    let jobs = jobs_folder(state)?;
    let mut names = cgroups.jobs();
    for entry in fs::read_dir(&jobs).map_err(fault("list jobs", &jobs))? {
        let name = entry.map_err(fault("list jobs", &jobs))?.file_name();
        let name = name.to_string_lossy();
        names.push(name.strip_suffix(".lock").unwrap_or(&name).to_owned());
    }
    names.sort();
    names.dedup();
    let mut found = 0;
    for name in names {
        let lock_path = jobs.join(format!("{name}.lock"));
        let Some(lock) = take_lock(&lock_path)? else {
            continue;
        };
        let (folder, groups) = (jobs.join(&name), cgroups.existing(&name));
        if folder.exists() || !groups.is_empty() {
            found += 1;
        }
        sweep(&folder, &groups)?;
        let _ = fs::remove_file(&lock_path);
        drop(lock);
    }
    Ok(found)
}

/// Kills and removes what is there of one job. Its lock must be held.
fn sweep(folder: &Path, groups: &JobGroups) -> Result<(), SandboxError> {
    groups
        .remove()
        .map_err(fault("remove a control group", folder))?;
    let record: Record = fs::read(folder.join("record.json"))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    if let Some(staging) = record.staging {
        remove_tree(&staging).map_err(fault("remove a layer", &staging))?;
    }
    remove_tree(folder).map_err(fault("remove the job's folder", folder))
}

fn jobs_folder(state: &Path) -> Result<PathBuf, SandboxError> {
    let jobs = state.join("jobs");
    fs::create_dir_all(&jobs).map_err(fault("make the state folder", &jobs))?;
    set_mode(&jobs, 0o700)?;
    Ok(jobs)
}

/// A hidden folder beside `keep`, on the same file system, so that a rename puts the layer in place.
fn beside(keep: &Path, job: &str) -> PathBuf {
    keep.with_file_name(format!(".sluice-layer-{job}"))
}

/// Takes the lock, or says that somebody has it.
fn take_lock(path: &Path) -> Result<Option<File>, SandboxError> {
    use rustix::fs::FlockOperation::NonBlockingLockExclusive;
    loop {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(fault("open a lock", path))?;
        match rustix::fs::flock(&file, NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(fault("take a lock", path)(error.into())),
        }
        // Whoever had it may have removed the file in between; a lock on a removed file locks nothing.
        let locked = file.metadata().map_err(fault("look at a lock", path))?;
        if fs::metadata(path).is_ok_and(|there| there.ino() == locked.ino()) {
            return Ok(Some(file));
        }
    }
}

fn give(path: &Path, outer: Option<u32>) -> Result<(), SandboxError> {
    match outer {
        Some(outer) => std::os::unix::fs::lchown(path, Some(outer), Some(outer))
            .map_err(fault("hand over a folder", path)),
        None => Ok(()),
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), SandboxError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(fault("set the mode of a folder", path))
}

/// Removes a folder with everything in it, also folders that were made unreadable on purpose.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

/// Makes every folder below `path` readable for its owner; no link is followed, and nothing of the job
/// runs any more that could put one there.
fn open_up(path: &Path) -> io::Result<()> {
    let mut open = vec![path.to_owned()];
    while let Some(folder) = open.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(())
}
