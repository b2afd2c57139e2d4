//! The files inside one commit of `refs/gates/<gate>`, and how a decision becomes them.
//!
//! `decision.json` lists every other file with its digest, and is signed twice: as a DSSE envelope
//! and, for `ssh-keygen -Y verify`, by a detached signature. So no byte of an entry stands alone.

use crate::digest::{FileDigest, sha256_hex};
use crate::dsse::envelope;
use crate::error::ProofError;
use crate::key::Signer;
use crate::layout::{layout, link, link_name};
use crate::signers::{SLUICE_NAMESPACE, Signers};
use crate::sshsig::sshsig;
use crate::statement::{Decision, PAYLOAD_TYPE, Previous};
use crate::subject::Subject;

/// The decision's statement, as plain JSON.
pub const DECISION: &str = "decision.json";
/// Its detached SSHSIG signature, namespace `sluice`.
pub const DECISION_SIG: &str = "decision.json.sig";
/// Its DSSE envelope; the payload is [`DECISION`], byte for byte.
pub const DECISION_DSSE: &str = "decision.dsse.json";
/// The test-result envelope.
pub const TEST_RESULT: &str = "test-result.dsse.json";
/// The provenance envelope.
pub const PROVENANCE: &str = "provenance.dsse.json";
/// The vulns envelope.
pub const VULNS: &str = "vulns.dsse.json";
/// The in-toto layout of all gates up to this one.
pub const LAYOUT: &str = "root.layout";
/// The signers in OpenSSH's `allowed_signers` format. Says who signed, not whom to trust.
pub const SIGNERS: &str = "signers";
/// The signing key as PEM, for `in-toto-verify`.
pub const SIGNER_PEM: &str = "signer.pem";
/// Where reports lie.
pub const REPORTS: &str = "reports/";
/// Where logs lie.
pub const LOGS: &str = "logs/";
/// Where the in-toto links lie.
pub const LINKS: &str = "links/";

/// What goes into an entry.
#[derive(Clone, Debug)]
pub struct EntryInput<'a> {
    /// What the decision is about.
    pub subject: Subject,
    /// The decision; its `files` are filled in.
    pub decision: Decision,
    /// The signed envelopes that `decision.saw` names, as `(path, bytes)`.
    pub evidence: Vec<(String, Vec<u8>)>,
    /// Reports as `(path, bytes)`, each path under [`REPORTS`].
    pub reports: Vec<(String, Vec<u8>)>,
    /// Logs as `(path, bytes)`, each path under [`LOGS`].
    pub logs: Vec<(String, Vec<u8>)>,
    /// The gates before this one that were approved or waived, in order, each with the tree that it passed.
    pub passed: Vec<(String, String)>,
    /// Who signs for this project.
    pub signers: &'a Signers,
    /// When the layout expires ([`crate::layout::FAR_EXPIRY`]).
    pub expires: &'a str,
}

/// Makes the files of an entry, sorted by path. The same input gives the same bytes.
///
/// # Errors
/// The decision's digest is not its content's; evidence is missing or altered; a path is twice
/// there or unsafe; an object id or the expiry is malformed.
pub fn entry(input: EntryInput<'_>, signer: &Signer) -> Result<Vec<(String, Vec<u8>)>, ProofError> {
    let EntryInput {
        subject,
        mut decision,
        evidence,
        reports,
        logs,
        passed,
        signers,
        expires,
    } = input;
    subject.check()?;
    let computed = decision.computed_digest(&subject);
    if computed != decision.subject_digest {
        return Err(ProofError::SubjectDigest {
            given: decision.subject_digest,
            computed,
        });
    }
    for saw in &decision.saw {
        if !evidence
            .iter()
            .any(|(path, bytes)| *path == saw.path && sha256_hex(bytes) == saw.sha256)
        {
            return Err(ProofError::malformed(
                "entry",
                format!("the evidence {:?} is missing or another", saw.path),
            ));
        }
    }
    let mut files = evidence;
    for (folder, group) in [(REPORTS, reports), (LOGS, logs)] {
        if let Some((path, _)) = group.iter().find(|(path, _)| !path.starts_with(folder)) {
            return Err(ProofError::malformed(
                "entry",
                format!("{path:?} is not under {folder}"),
            ));
        }
        files.extend(group);
    }
    files.push((SIGNERS.to_owned(), signers.to_text().into_bytes()));
    files.push((SIGNER_PEM.to_owned(), signer.public().pem().into_bytes()));
    if decision.decision.passes() {
        let mut steps = passed;
        if decision.decision.is_step() {
            steps.push((decision.gate.clone(), subject.tree.clone()));
        }
        files.extend(supply_chain(&steps, expires, signer)?);
    }
    files.sort();
    check_paths(&files)?;
    decision.files = files
        .iter()
        .map(|(path, bytes)| FileDigest::of(path, bytes))
        .collect();

    let statement = decision.statement(&subject).to_bytes()?;
    files.push((
        DECISION_DSSE.to_owned(),
        envelope(PAYLOAD_TYPE, &statement, signer).to_bytes(),
    ));
    files.push((
        DECISION_SIG.to_owned(),
        sshsig(SLUICE_NAMESPACE, &statement, signer)?.into_bytes(),
    ));
    files.push((DECISION.to_owned(), statement));
    files.sort();
    Ok(files)
}

/// The pointer that the next gate's decision holds to this entry, if this entry lets it pass.
#[must_use]
pub fn previous(gate: &str, files: &[(String, Vec<u8>)]) -> Option<Previous> {
    let (_, bytes) = files.iter().find(|(path, _)| path == DECISION_DSSE)?;
    Some(Previous {
        gate: gate.to_owned(),
        sha256: sha256_hex(bytes),
    })
}

/// The layout and all links up to here, so that one entry is enough for `in-toto-verify`.
fn supply_chain(
    steps: &[(String, String)],
    expires: &str,
    signer: &Signer,
) -> Result<Vec<(String, Vec<u8>)>, ProofError> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let key = signer.public();
    let mut before = None;
    let mut files = Vec::new();
    for (gate, tree) in steps {
        let name = format!("{LINKS}{}", link_name(gate, &key));
        files.push((name, link(gate, before, tree, signer).to_bytes()));
        before = Some(tree.as_str());
    }
    let gates: Vec<&str> = steps.iter().map(|(gate, _)| gate.as_str()).collect();
    files.push((
        LAYOUT.to_owned(),
        layout(&gates, &[key], expires, signer)?.to_bytes(),
    ));
    Ok(files)
}

fn check_paths(sorted: &[(String, Vec<u8>)]) -> Result<(), ProofError> {
    for (path, _) in sorted {
        let plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git")
        };
        if !path.split('/').all(plain) || path.contains(|c: char| c.is_control() || c == '\\') {
            return Err(ProofError::malformed(
                "entry",
                format!("{path:?} is not a path inside an entry"),
            ));
        }
        if [DECISION, DECISION_SIG, DECISION_DSSE].contains(&path.as_str()) {
            return Err(ProofError::malformed(
                "entry",
                format!("{path} is written by the entry itself"),
            ));
        }
    }
    match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(ProofError::malformed(
            "entry",
            format!("{} is there twice", pair[0].0),
        )),
        None => Ok(()),
    }
}
