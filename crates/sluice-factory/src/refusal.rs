//! Why the factory does not do what it was asked, in words for the one who asked.

use sluice_path::RelPath;

/// The result of everything that a person or program asks of the factory.
pub type Asked<T> = Result<T, Refusal>;

/// Why a request was not carried out. `message` is for the one who asked; internal causes stay in
/// [`Refusal::Machinery`] and go to the log.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What was named is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// Such as `project "x"`.
        what: String,
    },
    /// The request is not well formed or names something impossible.
    #[error("{message}")]
    Invalid {
        /// The field that is wrong.
        field: &'static str,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// It does not fit how things stand now.
    #[error("{message}")]
    Conflict {
        /// A short stable word, such as `stale_subject`.
        code: &'static str,
        /// How things stand.
        message: String,
    },
    /// The one who asked may not do it.
    #[error("{message}")]
    Forbidden {
        /// A short stable word, such as `own_work`.
        code: &'static str,
        /// Why.
        message: String,
    },
    /// An `If-Match` or `If-None-Match` does not hold.
    #[error("{message}")]
    PreconditionFailed {
        /// How things stand.
        message: String,
    },
    /// The machinery failed; it says nothing about the request.
    #[error("the daemon could not do this now")]
    Machinery(#[from] anyhow::Error),
}

impl Refusal {
    pub(crate) fn not_found(what: impl Into<String>) -> Refusal {
        Refusal::NotFound { what: what.into() }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Refusal {
        let message = message.into();
        Refusal::Invalid { field, message }
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Refusal {
        let message = message.into();
        Refusal::Conflict { code, message }
    }

    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Refusal {
        let message = message.into();
        Refusal::Forbidden { code, message }
    }
}

/// A path as somebody asked for it.
pub(crate) fn rel_path(path: &str) -> Asked<RelPath> {
    RelPath::parse(path).map_err(|refusal| Refusal::Invalid {
        field: "path",
        message: format!("{} ({})", refusal.message, refusal.reason.as_str()),
    })
}
