//! Refuses configurations that the engine could not carry out exactly.

use std::path::Path;

use crate::SandboxError;
use crate::job::is_name;

/// The daemon's id becomes a label and part of names.
pub(super) fn daemon_id(id: &str) -> Result<(), SandboxError> {
    if is_name(id) {
        return Ok(());
    }
    Err(SandboxError::Setup {
        why: format!("the daemon id {id:?} is not of the form [a-z0-9-]{{1,63}}"),
    })
}

/// The state folder is written into mount options, which know no way to escape these characters for good.
pub(super) fn state(path: &Path) -> Result<(), SandboxError> {
    let fits = path
        .to_str()
        .is_some_and(|text| !text.contains([',', ':', '\\', '\n']));
    if path.is_absolute() && fits {
        return Ok(());
    }
    Err(SandboxError::Setup {
        why: format!(
            "the state folder {path:?} must be absolute and hold no comma, colon, backslash or line feed; \
             choose another data folder"
        ),
    })
}
