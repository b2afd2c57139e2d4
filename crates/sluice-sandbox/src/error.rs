//! What can go wrong with the machinery.

use std::path::PathBuf;

/// A fault of the machinery, never a verdict on the command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The engine does not answer or is not there.
    #[error("{engine} is not reachable; {mend}")]
    Unavailable {
        /// Which engine.
        engine: &'static str,
        /// What the user can do about it.
        mend: String,
    },
    /// The machine forbids what the engine needs.
    #[error("this machine does not allow {what}; {mend}")]
    Forbidden {
        /// What is missing.
        what: String,
        /// What the user can do about it.
        mend: String,
    },
    /// The image is not there.
    #[error("image {image} is not there; {mend}")]
    ImageMissing {
        /// Its name.
        image: String,
        /// What the user can do about it.
        mend: String,
    },
    /// An image of ours could not be built.
    #[error("image {image} could not be built: {why}; {mend}")]
    ImageBuild {
        /// Its name.
        image: String,
        /// What the builder said.
        why: String,
        /// What the user can do about it.
        mend: String,
    },
    /// The job itself is not well formed, such as a name with other letters or a relative folder.
    #[error("job {name:?} is not valid: {why}")]
    InvalidJob {
        /// The job's name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A call of the operating system failed while the sandbox was made or removed.
    #[error("{step} failed for {path:?}")]
    Io {
        /// What was being done.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The sandbox could not be set up inside; the command did not start.
    #[error("the sandbox could not be set up: {why}")]
    Setup {
        /// What the helper said.
        why: String,
    },
    /// The container engine refused or broke off a call.
    #[error("{step} failed")]
    Engine {
        /// Which call.
        step: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SandboxError {
    /// Whether the machine lacks something that a person can install or allow (exit code 3), as against a
    /// fault that may pass when tried again.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            SandboxError::Unavailable { .. }
                | SandboxError::Forbidden { .. }
                | SandboxError::ImageMissing { .. }
                | SandboxError::ImageBuild { .. }
        )
    }
}
