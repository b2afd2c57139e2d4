//! Follows a run while it goes on.

use sluice_sandbox::Stream;

use crate::CheckResult;

/// Hears what happens. Must not block.
pub trait Watch: Send + Sync {
    /// A check waits for its turn behind so many others, of any run.
    fn queued(&self, _check: &str, _ahead: usize) {}
    /// A check starts to run; not called for one that is answered from the cache.
    fn started(&self, _check: &str, _command: &[String]) {}
    /// A check printed something.
    fn log(&self, _check: &str, _stream: Stream, _bytes: &[u8]) {}
    /// A check has its result, by running or from the cache.
    fn finished(&self, _result: &CheckResult) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Watch for Quiet {}
