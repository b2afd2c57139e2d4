//! Lets one process of this machine at a time make one image.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::Say;
use crate::SandboxError;

/// How often a lock that another process holds is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Waits for the lock `name` in `folder`. The kernel gives it up when its holder ends, however it ends.
pub(super) async fn lock(folder: &Path, name: &str, say: &Say) -> Result<File, SandboxError> {
    let path = folder.join(format!("{name}.lock"));
    let fault = |source| SandboxError::Io {
        step: "locking an image",
        path: path.clone(),
        source,
    };
    fs::create_dir_all(folder).map_err(fault)?;
    let file = File::create(&path).map_err(fault)?;
    let mut waits = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !waits {
                    say.line(&format!(
                        "another process makes the image {name}; waiting for it"
                    ));
                    waits = true;
                }
                // Not a blocking call: the task can still be cancelled.
                tokio::time::sleep(AGAIN).await;
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
    }
}
