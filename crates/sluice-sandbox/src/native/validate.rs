//! Refuses jobs that this engine could not carry out exactly.

use std::fs;
use std::path::{Component, Path};

use crate::{Job, SandboxError, Upper, WORKSPACE};

/// Places inside that a bind may not cover.
const TAKEN: [&str; 6] = [WORKSPACE, "/sluice/out", "/proc", "/dev", "/sys", "/usr"];

/// A job that is not well formed.
pub(super) fn invalid(job: &Job, why: impl Into<String>) -> SandboxError {
    SandboxError::InvalidJob {
        name: job.name.clone(),
        why: why.into(),
    }
}

/// Everything about a job that can be said before anything is made.
pub(super) fn job(job: &Job) -> Result<(), SandboxError> {
    let refuse = |why: String| Err(invalid(job, why));
    let is_name = (1..=63).contains(&job.name.len())
        && job
            .name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !is_name {
        return refuse("its name is not of the form [a-z0-9-]{1,63}".to_owned());
    }
    if job.argv.first().is_none_or(String::is_empty) {
        return refuse("it names no program".to_owned());
    }
    if job.argv.iter().any(|word| word.contains('\0')) {
        return refuse("an argument holds a NUL byte".to_owned());
    }
    for (key, value) in &job.env {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            return refuse(format!("the environment variable {key:?} cannot be set"));
        }
    }
    for folder in &job.lower {
        if !folder.is_absolute() || !folder.is_dir() {
            return refuse(format!("{folder:?} is not an absolute path of a folder"));
        }
    }
    if let Upper::Keep(folder) = &job.upper {
        keep(job, folder)?;
    }
    if let Some(out) = &job.out {
        let is_folder = fs::symlink_metadata(out).is_ok_and(|data| data.is_dir());
        if !out.is_absolute() || !is_folder {
            return refuse(format!("{out:?} is not an absolute path of a folder"));
        }
    }
    for bind in &job.binds {
        let inside = Path::new(&bind.inside);
        let is_plain = inside.has_root()
            && inside != Path::new("/")
            && inside
                .components()
                .skip(1)
                .all(|part| matches!(part, Component::Normal(_)))
            && !bind.inside.contains('\0');
        if !is_plain || TAKEN.iter().any(|taken| inside.starts_with(taken)) {
            return refuse(format!("nothing can be bound at {:?}", bind.inside));
        }
        if !bind.host.is_absolute() || !bind.host.exists() {
            return refuse(format!("{:?} is not an absolute path of a file", bind.host));
        }
    }
    workdir(job)?;
    if !(job.limits.cpus.is_finite() && job.limits.cpus > 0.0) {
        return refuse("its share of processors is not a positive number".to_owned());
    }
    Ok(())
}

fn keep(job: &Job, folder: &Path) -> Result<(), SandboxError> {
    let has_parent = folder.parent().is_some_and(Path::is_dir) && folder.file_name().is_some();
    if !folder.is_absolute() || !has_parent {
        return Err(invalid(
            job,
            format!("the parent of the folder to keep, {folder:?}, is not there"),
        ));
    }
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(invalid(
            job,
            format!("the folder to keep, {folder:?}, is not empty"),
        ));
    }
    Ok(())
}

fn workdir(job: &Job) -> Result<(), SandboxError> {
    let path = Path::new(&job.workdir);
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || job.workdir.contains('\0') {
        return Err(invalid(
            job,
            format!("the folder to start in, {:?}, is not relative", job.workdir),
        ));
    }
    let is_there =
        job.workdir.is_empty() || job.lower.iter().any(|folder| folder.join(path).is_dir());
    if !is_there {
        return Err(invalid(
            job,
            format!("the folder to start in, {:?}, is not there", job.workdir),
        ));
    }
    Ok(())
}
