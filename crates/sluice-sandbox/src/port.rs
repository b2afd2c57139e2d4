//! The one port: what every engine does.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{Ended, EngineInfo, Job, SandboxError};

/// Which of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Takes output as it comes. Must not block: the engine always drains the command's output.
pub trait LogSink: Send {
    /// Takes some bytes of one stream, in the order they were read.
    fn chunk(&mut self, stream: Stream, bytes: &[u8]);
}

impl LogSink for Vec<u8> {
    fn chunk(&mut self, _: Stream, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Runs one untrusted command and always cleans up.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Which engine this is.
    fn engine(&self) -> &EngineInfo;

    /// What a job of this toolchain runs in, by digest: the image, which an engine that has images finds, pulls
    /// or builds the first time; else the digest over the host's toolchains.
    ///
    /// # Errors
    /// [`SandboxError::ImageMissing`] and [`SandboxError::ImageBuild`] when there is none to be had, and any
    /// fault of the engine.
    async fn image(&self, toolchain: Option<&str>) -> Result<String, SandboxError> {
        let _ = toolchain;
        Ok(self.engine().image.clone())
    }

    /// Runs `job` to its end. When this returns, no process, container, mount or folder of the job is left
    /// but what [`crate::Upper::Keep`] and [`Job::out`] asked for. Cancelling ends the job as
    /// [`crate::End::Killed`].
    ///
    /// # Errors
    /// A fault of the machinery: the engine is gone, a mount was refused, the disk is full. It says nothing
    /// about the command.
    async fn run(
        &self,
        job: &Job,
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<Ended, SandboxError>;

    /// Removes what an earlier process of the same daemon left behind; returns how many jobs were found.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    async fn reap(&self) -> Result<usize, SandboxError>;
}
