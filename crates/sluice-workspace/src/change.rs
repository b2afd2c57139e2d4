//! Says what shall become of one path.

use sluice_path::RelPath;

/// One path and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where, below the root.
    pub path: RelPath,
    /// What.
    pub action: Action,
}

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The file holds these bytes from now on.
    Write {
        /// The whole content.
        bytes: Vec<u8>,
        /// Sets the executable bit. `false` leaves the bit of an existing file as it is, since a
        /// reply says nothing of modes; a new file gets none.
        executable: bool,
    },
    /// The file is gone from now on; deleting what is not there changes nothing.
    Delete,
}

impl Change {
    /// A file with these bytes, not executable unless it was.
    pub fn write(path: RelPath, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            path,
            action: Action::Write {
                bytes: bytes.into(),
                executable: false,
            },
        }
    }

    /// No file.
    pub fn delete(path: RelPath) -> Self {
        Self {
            path,
            action: Action::Delete,
        }
    }
}
