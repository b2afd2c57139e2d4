//! The native engine, which tests itself before its first command, and not at all when nothing is run.

use async_trait::async_trait;
use sluice_sandbox::{Ended, EngineInfo, Job, LogSink, Native, Sandbox, SandboxError};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// A native engine that is believed only after its test of itself.
pub(super) struct Tested {
    native: Native,
    passed: OnceCell<()>,
}

impl Tested {
    /// Runs nothing yet.
    pub(super) fn new(native: Native) -> Tested {
        Tested {
            native,
            passed: OnceCell::new(),
        }
    }

    /// Makes the test now, if it was not made.
    pub(super) async fn test(&self) -> Result<(), SandboxError> {
        let test = || async {
            let test = self.native.probe().await?;
            match test.failed.is_empty() {
                true => Ok(()),
                false => Err(SandboxError::Forbidden {
                    what: format!("a native sandbox that holds: {}", test.failed.join(", ")),
                    mend: "use a container engine (`--engine docker`)".to_owned(),
                }),
            }
        };
        self.passed.get_or_try_init(test).await.map(|_| ())
    }
}

#[async_trait]
impl Sandbox for Tested {
    fn engine(&self) -> &EngineInfo {
        self.native.engine()
    }

    async fn image(&self, toolchain: Option<&str>) -> Result<String, SandboxError> {
        self.native.image(toolchain).await
    }

    async fn run(
        &self,
        job: &Job,
        log: &mut dyn LogSink,
        cancel: &CancellationToken,
    ) -> Result<Ended, SandboxError> {
        self.test().await?;
        self.native.run(job, log, cancel).await
    }

    async fn reap(&self) -> Result<usize, SandboxError> {
        self.native.reap().await
    }
}
