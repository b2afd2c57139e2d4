//! `sluice verify`: checks every gate proof in a repository, offline.

mod gather;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use sluice_proof::Signers;
use sluice_proof::audit::AuditRow;
use sluice_proof::statement::{PROVENANCE, TEST_RESULT};
use sluice_proof::verify::{Expected, Report, Repository, Trust, verify};
use sluice_workspace::Repo;

use crate::cli::Verify;
use crate::exit::{self, Exit};
use crate::output::Output;
use gather::Gathered;

/// The gates in order.
const GATES: [&str; 10] = ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9"];

/// Runs the command.
pub(super) fn run(args: &Verify, output: Output) -> Result<(), Exit> {
    let path = args.repo.clone().unwrap_or_else(|| PathBuf::from("."));
    let signers = args.signers.as_deref().map(read_signers).transpose()?;
    let audit = args.audit.as_deref().map(read_audit).transpose()?;
    let repo = Repo::open(&path)?;
    let report = report(&repo, signers.as_ref(), audit);
    if output.is_json() {
        output.document(&report)?;
    } else {
        output.text(&report.to_string())?;
    }
    // A waiver that has ended was good when it was signed: the proof holds, and who wants to know asks for it.
    match report.verified && (report.warnings.is_empty() || !args.strict) {
        true => Ok(()),
        false => Err(Exit::said(exit::FAILED)),
    }
}

/// What is to be said about the proofs in `repo`; without `signers` its own first signer is believed.
pub(super) fn report(
    repo: &Repo,
    signers: Option<&Signers>,
    audit: Option<Vec<AuditRow>>,
) -> Report {
    let gathered = Gathered::from(repo);
    let trust = match signers {
        Some(signers) => Trust::Told(signers),
        None => Trust::FirstSigner,
    };
    let expected: Vec<Expected> = GATES
        .iter()
        .map(|gate| Expected {
            gate: (*gate).to_owned(),
            evidence: vec![TEST_RESULT.to_owned(), PROVENANCE.to_owned()],
        })
        .collect();
    let commits = gathered.commits(repo);
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let repository = Repository {
        audit,
        now: Some(now),
        ..gathered.repository(&commits)
    };
    let mut report = verify(&repository, trust, &expected);
    gathered.tell(&mut report);
    report
}

/// Reads rows of the audit log: a row a line, or documents with `items`, such as the pages of `GET /audit`.
fn read_audit(file: &Path) -> Result<Vec<AuditRow>, Exit> {
    let wrong = |why: String| {
        Exit::usage(format!("{}: {why}", file.display()))
            .mend("`sluice audit > FILE` writes one that can be read")
    };
    let bytes =
        fs::read(file).map_err(|error| Exit::usage(format!("{}: {error}", file.display())))?;
    let mut rows = Vec::new();
    let values = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
    for value in values {
        let value = value.map_err(|error| wrong(error.to_string()))?;
        let items = match value {
            Value::Array(items) => items,
            Value::Object(mut page) if page.get("items").is_some_and(Value::is_array) => {
                match page.remove("items") {
                    Some(Value::Array(items)) => items,
                    _ => Vec::new(),
                }
            }
            row => vec![row],
        };
        for item in items {
            rows.push(serde_json::from_value(item).map_err(|error| wrong(error.to_string()))?);
        }
    }
    Ok(rows)
}

fn read_signers(file: &Path) -> Result<Signers, Exit> {
    let wrong = |why: String| Exit::usage(format!("{}: {why}", file.display()));
    let bytes = fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("not text".to_owned()))?;
    let signers = Signers::parse(&text).map_err(|error| wrong(exit::chain(&error)))?;
    if signers.is_empty() {
        return Err(wrong("names no signer".to_owned()).mend(
            "one line a signer, as in `name namespaces=\"git,sluice\" ssh-ed25519 AAAA…` (ssh-keygen(1), ALLOWED \
             SIGNERS)",
        ));
    }
    Ok(signers)
}
