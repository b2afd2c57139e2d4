//! The proxy of one job: served out here, listening in there.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use sluice_egress::{Egress, Listener, Log, Record, Resolve};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Job, SandboxError};

/// Where those inside come in.
pub(crate) enum Door {
    /// In the sandbox's own network.
    Network(TcpListener),
    /// In its files, where a relay inside listens in its network.
    Path(UnixListener),
}

impl Door {
    fn listener(self) -> io::Result<Listener> {
        Ok(match self {
            Door::Network(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener)?.into()
            }
            Door::Path(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::UnixListener::from_std(listener)?.into()
            }
        })
    }
}

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

    /// Serves those who come in by a door.
    pub(crate) fn open(&mut self, door: Door) -> Result<(), SandboxError> {
        let fault = |source| SandboxError::Io {
            step: "open the way out",
            path: crate::PROXY.into(),
            source,
        };
        let listener = door.listener().map_err(fault)?;
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
