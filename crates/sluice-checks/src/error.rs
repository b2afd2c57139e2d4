//! What can go wrong with the machinery of checks.

use std::path::PathBuf;

use sluice_sandbox::SandboxError;

use crate::SourceFault;

/// A fault of the machinery, never a verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The sandbox could not run a check.
    #[error("check {check} could not be run in a sandbox")]
    Sandbox {
        /// Which check.
        check: String,
        /// Why.
        #[source]
        source: SandboxError,
    },
    /// A file or folder of ours could not be read or written.
    #[error("{step} failed for {}", path.display())]
    Io {
        /// What was being done.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files that are to be checked could not be laid out.
    #[error("the files of the tree could not be laid out")]
    Source {
        /// Why.
        #[source]
        source: SourceFault,
    },
    /// A check was asked for that the tree does not have.
    #[error("there is no check {name:?}; this tree has {known}")]
    UnknownCheck {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The caller cancelled the run.
    #[error("the run was cancelled")]
    Cancelled,
}

impl CheckError {
    /// For `map_err`: a failed step on a path of ours.
    pub(crate) fn io(
        step: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> CheckError {
        let path = path.into();
        move |source| CheckError::Io { step, path, source }
    }
}
