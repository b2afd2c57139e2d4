//! in-toto vulns v0.1: what an audit tool knew against the subject's dependencies.

use super::form::{Statement, VULNS};
use crate::subject::Subject;
use serde::{Deserialize, Serialize};

/// One known vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vulnerability {
    /// Its id: GHSA, CVE, RUSTSEC, ….
    pub id: String,
    /// How bad it is, by each method that says so.
    pub severity: Vec<Severity>,
}

/// How bad a vulnerability is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Severity {
    /// Who scored: `npm`, `cvss_score`, ….
    pub method: String,
    /// The score as that method writes it.
    pub score: String,
}

impl Vulnerability {
    /// A vulnerability scored by one method.
    #[must_use]
    pub fn new(id: impl Into<String>, method: impl Into<String>, score: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity: vec![Severity {
                method: method.into(),
                score: score.into(),
            }],
        }
    }
}

/// A scan that answered. One that did not answer has no statement: silence is not an empty list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The scanner as a URI, as `pkg:npm/npm`.
    pub scanner: String,
    /// Its version.
    pub version: String,
    /// When its database was current (RFC 3339): for an online service, when it was asked.
    pub database_at: String,
    /// What it found.
    pub result: Vec<Vulnerability>,
    /// When it started (RFC 3339).
    pub started_on: String,
    /// When it ended (RFC 3339).
    pub finished_on: String,
}

/// The predicate as it lies in the statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vulns {
    scanner: Scanner,
    metadata: Metadata,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scanner {
    uri: String,
    version: String,
    db: Database,
    result: Vec<Vulnerability>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Database {
    last_update: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    scan_started_on: String,
    scan_finished_on: String,
}

/// States what a scan found.
#[must_use]
pub fn vulns(subject: &Subject, scan: Scan) -> Statement<Vulns> {
    let predicate = Vulns {
        scanner: Scanner {
            uri: scan.scanner,
            version: scan.version,
            db: Database {
                last_update: scan.database_at,
            },
            result: scan.result,
        },
        metadata: Metadata {
            scan_started_on: scan.started_on,
            scan_finished_on: scan.finished_on,
        },
    };
    Statement::new(subject, VULNS, predicate)
}
