//! Why a text may not name a file, in the contract's words and in a person's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a path was refused; `as_str` gives the contract's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing is left that could name a file.
    Empty,
    /// It starts at a root, a drive, a home folder or a host instead of at the workspace.
    Absolute,
    /// It uses `\`, which is a separator on one system and a letter on the other.
    Backslash,
    /// It has a `..` component, plain or disguised.
    Parent,
    /// It names git's own data, plain or disguised.
    Git,
    /// It holds characters that cannot be seen, or that reorder the text around them.
    Control,
    /// Windows keeps this name or character for itself.
    Reserved,
    /// A shell or a program's option parser would read it as something else than a name.
    Shell,
    /// A tool writes this folder; what is put there is lost or executed.
    ToolOwned,
    /// It is longer or deeper than file systems take.
    TooLong,
    /// A component is a link. Only the one who opens the path can find this out.
    Symlink,
    /// A component that must be a folder is a file. Only the one who opens the path can find this out.
    NotADirectory,
}

impl Reason {
    /// The contract's word, in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::Absolute => "absolute",
            Reason::Backslash => "backslash",
            Reason::Parent => "parent",
            Reason::Git => "git",
            Reason::Control => "control",
            Reason::Reserved => "reserved",
            Reason::Shell => "shell",
            Reason::ToolOwned => "tool_owned",
            Reason::TooLong => "too_long",
            Reason::Symlink => "symlink",
            Reason::NotADirectory => "not_a_directory",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that may not name a file: the contract's reason, and what is wrong and what to do in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct Refusal {
    /// The contract's reason.
    pub reason: Reason,
    /// What is wrong and what to do, safe to print: nothing of the path is quoted unescaped.
    pub message: String,
}

impl Refusal {
    /// Makes a refusal. `message` must be safe to print.
    pub fn new(reason: Reason, message: impl Into<String>) -> Refusal {
        Refusal {
            reason,
            message: message.into(),
        }
    }
}

/// Quotes hostile text for a message: escaped, and cut after 80 characters.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
