//! Turns Ctrl-C and a request to end into a cancelled run, so that nothing of it is left behind.

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Listens as long as it is held.
#[derive(Debug)]
pub(super) struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Cancels `cancel` on the first signal; a second one ends the process at once.
pub(super) fn cancels(cancel: CancellationToken) -> Watching {
    Watching(tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut end)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            return;
        };
        for is_second in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = end.recv() => {}
            }
            if is_second {
                std::process::exit(130);
            }
            cancel.cancel();
        }
    }))
}
