//! Refuses jobs that no engine could carry out exactly, before anything is made.

use std::fs;
use std::path::{Component, Path};

use super::{Job, OUT, Upper, WORKSPACE};
use crate::SandboxError;

/// Places inside that a bind may not cover.
const TAKEN: [&str; 6] = [WORKSPACE, OUT, "/proc", "/dev", "/sys", "/usr"];

/// Whether a text is `[a-z0-9-]{1,63}`, the form of the names of jobs and daemons.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl Job {
    /// The refusal of this job.
    pub(crate) fn invalid(&self, why: impl Into<String>) -> SandboxError {
        SandboxError::InvalidJob {
            name: self.name.clone(),
            why: why.into(),
        }
    }

    /// Everything that can be said about a job before an engine looks at it.
    ///
    /// # Errors
    /// [`SandboxError::InvalidJob`] with the first thing that is wrong.
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        if !is_name(&self.name) {
            return Err(self.invalid("its name is not of the form [a-z0-9-]{1,63}"));
        }
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(self.invalid("it names no program"));
        }
        if self.argv.iter().any(|word| word.contains('\0')) {
            return Err(self.invalid("an argument holds a NUL byte"));
        }
        for (key, value) in &self.env {
            if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
                return Err(self.invalid(format!("the environment variable {key:?} cannot be set")));
            }
        }
        if !(self.limits.cpus.is_finite() && self.limits.cpus > 0.0) {
            return Err(self.invalid("its share of processors is not a positive number"));
        }
        self.check_folders()?;
        self.check_binds()?;
        self.check_workdir()
    }

    fn check_folders(&self) -> Result<(), SandboxError> {
        if self.lower.is_empty() {
            return Err(self.invalid("it has no snapshot"));
        }
        for folder in &self.lower {
            if !folder.is_absolute() {
                return Err(self.invalid(format!("the folder {folder:?} is not absolute")));
            }
            if !folder.is_dir() {
                return Err(self.invalid(format!("the folder {folder:?} is not there")));
            }
        }
        if let Upper::Keep(folder) = &self.upper {
            let has_parent =
                folder.parent().is_some_and(Path::is_dir) && folder.file_name().is_some();
            if !folder.is_absolute() || !has_parent {
                return Err(self.invalid(format!(
                    "the parent of the folder to keep, {folder:?}, is not there"
                )));
            }
        }
        if let Some(out) = &self.out {
            let is_folder = fs::symlink_metadata(out).is_ok_and(|data| data.is_dir());
            if !out.is_absolute() || !is_folder {
                return Err(self.invalid(format!("the folder for reports, {out:?}, is not there")));
            }
        }
        Ok(())
    }

    fn check_binds(&self) -> Result<(), SandboxError> {
        for bind in &self.binds {
            let inside = Path::new(&bind.inside);
            let is_plain = inside.has_root()
                && inside != Path::new("/")
                && inside
                    .components()
                    .skip(1)
                    .all(|part| matches!(part, Component::Normal(_)))
                && !bind.inside.contains('\0');
            if !is_plain || TAKEN.iter().any(|taken| inside.starts_with(taken)) {
                return Err(self.invalid(format!("nothing can be bound at {:?}", bind.inside)));
            }
            if !bind.host.is_absolute() || !bind.host.exists() {
                return Err(self.invalid(format!(
                    "what is to be bound, {:?}, is not there",
                    bind.host
                )));
            }
        }
        Ok(())
    }

    fn check_workdir(&self) -> Result<(), SandboxError> {
        let path = Path::new(&self.workdir);
        let is_plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || self.workdir.contains('\0') {
            return Err(self.invalid(format!(
                "the folder to start in, {:?}, is not relative",
                self.workdir
            )));
        }
        if !self.lower.iter().any(|folder| folder.join(path).is_dir()) {
            return Err(self.invalid(format!(
                "the folder to start in, {:?}, is not there",
                self.workdir
            )));
        }
        Ok(())
    }
}
