//! How the program ends: the exit codes of contract section 1, with what a person is told.

use std::error::Error;

use sluice_checks::CheckError;
use sluice_sandbox::SandboxError;
use sluice_workspace::WorkspaceError;

/// The work itself failed.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;
/// The machine lacks something.
pub(crate) const MISSING: u8 = 3;

/// An end that is not "done".
#[derive(Debug)]
pub(crate) struct Exit {
    /// The exit code.
    pub(crate) code: u8,
    /// What is wrong; empty when the result that was printed says it.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) mend: Option<String>,
}

impl Exit {
    /// The work failed, and the result that was printed says so.
    pub(crate) fn said(code: u8) -> Exit {
        Exit {
            code,
            message: String::new(),
            mend: None,
        }
    }

    /// The work itself failed.
    pub(crate) fn failed(message: impl Into<String>) -> Exit {
        Exit {
            code: FAILED,
            message: message.into(),
            mend: None,
        }
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(message: impl Into<String>) -> Exit {
        Exit {
            code: USAGE,
            message: message.into(),
            mend: None,
        }
    }

    /// The machine lacks something.
    pub(crate) fn missing(message: impl Into<String>) -> Exit {
        Exit {
            code: MISSING,
            message: message.into(),
            mend: None,
        }
    }

    /// Says what to do about it.
    pub(crate) fn mend(mut self, mend: impl Into<String>) -> Exit {
        self.mend = Some(mend.into());
        self
    }

    /// Says what was being done.
    pub(crate) fn doing(mut self, what: &str) -> Exit {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

/// An error with its causes, one after the other.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

impl From<WorkspaceError> for Exit {
    fn from(error: WorkspaceError) -> Exit {
        let text = chain(&error);
        if error.is_full_disk() {
            return Exit::missing(text).mend("free some space on that disk and repeat the command");
        }
        match error {
            WorkspaceError::NoRepository { .. }
            | WorkspaceError::Unsupported { .. }
            | WorkspaceError::InvalidIdentity { .. } => Exit::usage(text),
            _ => Exit::failed(text),
        }
    }
}

impl From<SandboxError> for Exit {
    fn from(error: SandboxError) -> Exit {
        Exit::missing(chain(&error))
    }
}

impl From<CheckError> for Exit {
    fn from(error: CheckError) -> Exit {
        let text = chain(&error);
        match error {
            CheckError::UnknownCheck { .. } => Exit::usage(text),
            CheckError::Cancelled => Exit::failed(text),
            // A fault of the machinery: no verdict, and something of the machine to mend.
            _ => Exit::missing(text),
        }
    }
}

#[cfg(test)]
mod tests;
