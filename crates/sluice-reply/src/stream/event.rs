//! What happens while a reply is written.

use serde::{Serialize, Serializer};
use sluice_path::RelPath;

use crate::json::EditJson;
use crate::{EditBlock, Source, Warning};

/// One thing that is now known, or no longer true.
///
/// `file` numbers the files in the order in which they are opened; a number is never used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A file's block has begun, and it is known which file it is.
    FileOpened {
        /// Its number.
        file: usize,
        /// Where it goes.
        path: RelPath,
        /// As the info string names it, in lower case; may be empty.
        language: String,
        /// Where the path comes from.
        source: Source,
        /// 1-based line of the opening fence.
        line: usize,
    },
    /// More of a file's text.
    FileText {
        /// Its number.
        file: usize,
        /// What comes after all text before.
        text: String,
    },
    /// A file's block is over.
    FileClosed {
        /// Its number.
        file: usize,
        /// Whether a fence closed it. An incomplete file must not be written.
        complete: bool,
        /// 1-based lines of the opening and closing fence.
        lines: (usize, usize),
        /// Where the body starts and ends in the reply.
        bytes: (usize, usize),
        /// SHA-256 of its text, in lower-case hex.
        sha256: String,
    },
    /// A closed file goes on: its block ends further below. More text may follow, and then its end.
    FileReopened {
        /// Its number.
        file: usize,
    },
    /// There is no such file after all: another one replaces it, or its block is none.
    FileWithdrawn {
        /// Its number.
        file: usize,
    },
    /// An edit of an existing file.
    Edit {
        /// The edit, as in a parsed reply.
        #[serde(serialize_with = "edit_json")]
        edit: EditBlock,
    },
    /// The edit that began on this line is none after all.
    EditWithdrawn {
        /// 1-based line of its opening fence.
        line: usize,
    },
    /// A file to delete.
    Deletion {
        /// Which.
        path: RelPath,
        /// 1-based lines of the opening and closing fence.
        lines: (usize, usize),
        /// Where the body starts and ends in the reply.
        bytes: (usize, usize),
    },
    /// The deletion on this line is none after all.
    DeletionWithdrawn {
        /// 1-based line of its opening fence.
        line: usize,
    },
    /// Something to know.
    Warning {
        /// What.
        warning: Warning,
    },
    /// One warning like this does not hold after all.
    WarningWithdrawn {
        /// Which.
        warning: Warning,
    },
}

fn edit_json<S: Serializer>(edit: &EditBlock, serializer: S) -> Result<S::Ok, S::Error> {
    EditJson::new(edit, true).serialize(serializer)
}
