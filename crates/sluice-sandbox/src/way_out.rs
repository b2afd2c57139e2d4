//! The proxy of one job: served out here, listening in there.

use std::net::TcpListener;
use std::sync::Arc;

use sluice_egress::{Egress, Log, Record, Resolve};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Job, SandboxError};

/// A way out that may never be opened. Dropped, it is closed.
pub(crate) struct WayOut {
    egress: Egress,
    log: Log,
    end: CancellationToken,
    served: Option<JoinHandle<()>>,
}

impl WayOut {
    /// A way out to whom a job names.
    pub(crate) fn new(job: &Job, resolver: &Arc<dyn Resolve>) -> WayOut {
        WayOut {
            egress: Egress::new(job.registries.clone(), Arc::clone(resolver)),
            log: Log::default(),
            end: CancellationToken::new(),
            served: None,
        }
    }

    /// Serves those who come to a listener in the sandbox's own network.
    pub(crate) fn open(&mut self, listener: TcpListener) -> Result<(), SandboxError> {
        let fault = |source| SandboxError::Io {
            step: "open the way out",
            path: crate::PROXY.into(),
            source,
        };
        listener.set_nonblocking(true).map_err(fault)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(fault)?;
        let (egress, log, end) = (self.egress.clone(), self.log.clone(), self.end.clone());
        self.served = Some(tokio::spawn(async move {
            egress.serve(listener, log, end).await;
        }));
        Ok(())
    }

    /// Breaks what is still open; what was asked for.
    pub(crate) async fn close(&mut self) -> Vec<Record> {
        self.end.cancel();
        if let Some(served) = self.served.take() {
            // It only ends early by a panic, and then the log has what was asked for until then.
            let _ = served.await;
        }
        self.log.records().0
    }
}

impl Drop for WayOut {
    fn drop(&mut self) {
        self.end.cancel();
    }
}
