//! Refuses what this engine alone could not carry out exactly.

use std::fs;
use std::io::ErrorKind;

use crate::{Job, SandboxError, Upper};

/// A folder that is to become a layer must hold nothing yet.
pub(super) fn layer_is_free(job: &Job) -> Result<(), SandboxError> {
    let Upper::Keep(folder) = &job.upper else {
        return Ok(());
    };
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    if is_free {
        return Ok(());
    }
    Err(job.invalid(format!("the folder to keep, {folder:?}, is not empty")))
}
