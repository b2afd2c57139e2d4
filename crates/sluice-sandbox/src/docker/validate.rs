//! Refuses jobs and configurations that the engine could not carry out exactly.

use std::path::{Component, Path};

use crate::{Job, SandboxError, Upper};

/// A job that is not well formed.
pub(super) fn invalid(job: &Job, why: String) -> SandboxError {
    SandboxError::InvalidJob {
        name: job.name.clone(),
        why,
    }
}

/// Whether `name` is `[a-z0-9-]{1,63}`.
fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// The daemon's id becomes a label and part of names.
pub(super) fn daemon_id(id: &str) -> Result<(), SandboxError> {
    if is_name(id) {
        return Ok(());
    }
    Err(SandboxError::Setup {
        why: format!("the daemon id {id:?} is not of the form [a-z0-9-]{{1,63}}"),
    })
}

/// The state folder is written into mount options, which know no way to escape these characters for good.
pub(super) fn state(path: &Path) -> Result<(), SandboxError> {
    let fits = path
        .to_str()
        .is_some_and(|text| !text.contains([',', ':', '\\', '\n']));
    if path.is_absolute() && fits {
        return Ok(());
    }
    Err(SandboxError::Setup {
        why: format!(
            "the state folder {path:?} must be absolute and hold no comma, colon, backslash or line feed; \
             choose another data folder"
        ),
    })
}

/// Everything about a job that can be said before anything is made.
pub(super) fn job(job: &Job) -> Result<(), SandboxError> {
    let refuse = |why: String| Err(invalid(job, why));
    if !is_name(&job.name) {
        return refuse("its name is not of the form [a-z0-9-]{1,63}".to_owned());
    }
    if job.argv.is_empty() || job.argv[0].is_empty() {
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
    if job.lower.is_empty() {
        return refuse("it has no snapshot".to_owned());
    }
    for folder in &job.lower {
        if !folder.is_absolute() {
            return refuse(format!("the folder {folder:?} is not absolute"));
        }
        if !folder.is_dir() {
            return refuse(format!("the folder {folder:?} is not there"));
        }
    }
    if let Upper::Keep(upper) = &job.upper
        && (!upper.is_absolute() || upper.parent().is_none())
    {
        return refuse(format!("the folder to keep, {upper:?}, is not absolute"));
    }
    if let Some(out) = &job.out
        && (!out.is_absolute() || !out.is_dir())
    {
        return refuse(format!("the folder for reports, {out:?}, is not there"));
    }
    for bind in &job.binds {
        let clean = bind.inside.starts_with('/') && !bind.inside.contains("/../");
        if !bind.host.is_absolute() || bind.host.to_str().is_none() || !clean {
            return refuse(format!("the bind of {:?} has no absolute path", bind.host));
        }
    }
    workdir(job)
}

fn workdir(job: &Job) -> Result<(), SandboxError> {
    let path = Path::new(&job.workdir);
    if !path
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(invalid(
            job,
            format!("the folder to start in, {:?}, is not relative", job.workdir),
        ));
    }
    if job.lower.iter().any(|folder| folder.join(path).is_dir()) {
        return Ok(());
    }
    Err(invalid(
        job,
        format!("the folder to start in, {:?}, is not there", job.workdir),
    ))
}
