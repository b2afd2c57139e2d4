//! One gate's chain: each entry by itself, and each after the one before it.

use super::report::EvidenceReport;
use super::repository::{ChainEntry, Commits, Expected, GateChain};
use crate::digest::sha256_hex;
use crate::dsse::{Envelope, Verified};
use crate::entry::{DECISION, DECISION_DSSE, DECISION_SIG, SIGNERS};
use crate::error::ProofError;
use crate::signers::{GIT_NAMESPACE, SLUICE_NAMESPACE, Signers};
use crate::sshsig::sshsig_verify;
use crate::statement::{
    Decision, DecisionKind, GATE_DECISION, PROVENANCE, SlsaProvenance, Statement, TEST_RESULT,
    TestResult, WhoKind,
};
use crate::subject::{Saw, Subject};
use serde_json::Value;
use std::collections::BTreeMap;

/// A chain after the first look.
#[derive(Debug, Default)]
pub(super) struct Chain<'a> {
    pub(super) entries: Vec<Decided<'a>>,
    pub(super) problems: Vec<String>,
}

/// A decision whose signatures hold, and what it carries.
#[derive(Debug)]
pub(super) struct Decided<'a> {
    pub(super) decision: Decision,
    pub(super) subject: Subject,
    /// SHA-256 of `decision.dsse.json`.
    pub(super) digest: String,
    /// The key id that signed it.
    pub(super) keyid: String,
    pub(super) evidence: Vec<EvidenceReport>,
    pub(super) files: &'a BTreeMap<String, Vec<u8>>,
}

/// Checks every entry of a gate's chain.
pub(super) fn chain<'a>(
    expected: &Expected,
    chain: Option<&'a GateChain>,
    commits: &dyn Commits,
    signers: &Signers,
) -> Chain<'a> {
    let mut result = Chain::default();
    let mut parent: Option<&str> = None;
    for entry in chain.map_or(&[][..], |chain| &chain.entries) {
        let at = short(&entry.commit);
        let mut problems = Vec::new();
        if let Err(problem) = commit(entry, parent, signers) {
            problems.push(problem);
        }
        match decided(expected, entry, commits, signers, &mut problems) {
            Ok(decided) => result.entries.push(decided),
            Err(problem) => problems.push(problem),
        }
        result.problems.extend(
            problems
                .into_iter()
                .map(|problem| format!("{at}: {problem}")),
        );
        parent = Some(&entry.commit);
    }
    result
}

/// The commit is signed by a trusted key and follows the one before it.
fn commit(entry: &ChainEntry, parent: Option<&str>, signers: &Signers) -> Result<(), String> {
    let signature = entry
        .signature
        .as_deref()
        .ok_or("the commit is not signed")?;
    sshsig_verify(GIT_NAMESPACE, &entry.signed_bytes, signature, signers)
        .map_err(|error| format!("commit signature: {error}"))?;
    let headers = entry
        .signed_bytes
        .split(|b| *b == b'\n')
        .take_while(|line| !line.is_empty());
    let signed: Vec<&[u8]> = headers
        .filter_map(|line| line.strip_prefix(b"parent "))
        .collect();
    if signed
        != entry
            .parents
            .iter()
            .map(String::as_bytes)
            .collect::<Vec<_>>()
    {
        return Err("the commit's parents are not the signed ones".into());
    }
    if entry.parents.iter().map(String::as_str).ne(parent) {
        return Err(
            "the commit does not follow the decision before it: the chain was rewritten".into(),
        );
    }
    Ok(())
}

/// The decision is signed twice over the same bytes, and everything it names is there and unchanged.
fn decided<'a>(
    expected: &Expected,
    entry: &'a ChainEntry,
    commits: &dyn Commits,
    signers: &Signers,
    problems: &mut Vec<String>,
) -> Result<Decided<'a>, String> {
    let file = |path: &str| {
        entry
            .files
            .get(path)
            .ok_or_else(|| format!("{path} is missing"))
    };
    let (plain, envelope) = (file(DECISION)?, file(DECISION_DSSE)?);
    let verified = open(envelope, signers).map_err(|error| format!("{DECISION_DSSE}: {error}"))?;
    if verified.payload != *plain {
        return Err(format!("{DECISION} is not what {DECISION_DSSE} holds"));
    }
    let armored =
        str::from_utf8(file(DECISION_SIG)?).map_err(|_| format!("{DECISION_SIG} is not text"))?;
    sshsig_verify(SLUICE_NAMESPACE, plain, armored, signers)
        .map_err(|error| format!("{DECISION_SIG}: {error}"))?;
    let statement = Statement::<Decision>::from_verified(&verified, GATE_DECISION)
        .map_err(|error| error.to_string())?;
    let subject = statement.subject().map_err(|error| error.to_string())?;
    let decision = statement.predicate;

    if decision.gate != expected.gate {
        problems.push(format!("the decision is for gate {:?}", decision.gate));
    }
    if decision.computed_digest(&subject) != decision.subject_digest {
        problems.push("the decision's subject digest is not what its content gives".into());
    }
    problems.extend(self::files(entry, &decision));
    problems.extend(signer_list(entry, signers));
    let info = commits.commit(&subject.commit);
    match &info {
        // A refused attempt is on no branch, so a plain clone does not have it.
        None if !decision.decision.passes() => {}
        None => problems.push(format!(
            "its commit {} is not in the repository",
            short(&subject.commit)
        )),
        Some(info) if info.tree != subject.tree => {
            problems.push(format!(
                "its commit has tree {}, not {}",
                short(&info.tree),
                short(&subject.tree)
            ));
        }
        Some(_) => {}
    }
    let mut authors: Vec<String> = decision
        .authors
        .iter()
        .map(|who| who.name.clone())
        .collect();
    authors.extend(info.and_then(|info| info.author));
    let mut evidence = Vec::new();
    for saw in &decision.saw {
        match self::evidence(entry, saw, &subject, signers) {
            Ok((report, failed, agent)) => {
                if failed && decision.decision == DecisionKind::Approved {
                    problems.push(format!("approved, but {} did not pass", saw.path));
                }
                authors.extend(agent);
                evidence.push(report);
            }
            Err(problem) => problems.push(format!("evidence {}: {problem}", saw.path)),
        }
    }
    problems.extend(rules(expected, &decision, &authors));
    Ok(Decided {
        decision,
        subject,
        digest: sha256_hex(envelope),
        keyid: verified.keyid,
        evidence,
        files: &entry.files,
    })
}

fn open(bytes: &[u8], signers: &Signers) -> Result<Verified, ProofError> {
    Envelope::parse_exact(bytes)?.verify(signers)
}

/// Every other file is named by the decision, with its digest; nothing is missing, nothing is extra.
fn files(entry: &ChainEntry, decision: &Decision) -> Vec<String> {
    let mut problems = Vec::new();
    for file in &decision.files {
        match entry.files.get(&file.path) {
            // A refused attempt is on no branch, so a plain clone does not have it.
            None if !decision.decision.passes() => {}
            None => problems.push(format!("{} is missing", file.path)),
            Some(bytes) if !file.matches(bytes) => {
                problems.push(format!("{} was changed", file.path))
            }
            Some(_) => {}
        }
    }
    for path in entry.files.keys() {
        let own = [DECISION, DECISION_DSSE, DECISION_SIG].contains(&path.as_str());
        if !own && !decision.files.iter().any(|file| file.path == *path) {
            problems.push(format!("{path} is not part of the decision"));
        }
    }
    problems
}

/// The entry's list of signers can only repeat who is trusted; a name in it makes nobody trusted.
fn signer_list(entry: &ChainEntry, signers: &Signers) -> Vec<String> {
    let Some(bytes) = entry.files.get(SIGNERS) else {
        return Vec::new();
    };
    match Signers::parse(&String::from_utf8_lossy(bytes)) {
        Err(error) => vec![format!("{SIGNERS}: {error}")],
        Ok(listed) => listed
            .all()
            .iter()
            .filter(|signer| !signers.contains(&signer.key))
            .map(|signer| {
                format!(
                    "{SIGNERS} lists {}, which is not a trusted signer",
                    signer.key.fingerprint()
                )
            })
            .collect(),
    }
}

/// The report, whether it speaks against the subject, and the agent that it names.
type Seen = (EvidenceReport, bool, Option<String>);

fn evidence(
    entry: &ChainEntry,
    saw: &Saw,
    subject: &Subject,
    signers: &Signers,
) -> Result<Seen, String> {
    let bytes = entry.files.get(&saw.path).ok_or("it is missing")?;
    if sha256_hex(bytes) != saw.sha256 {
        return Err("it is not the one that was shown".into());
    }
    let verified = open(bytes, signers).map_err(|error| error.to_string())?;
    let statement = Statement::<Value>::from_verified(&verified, &saw.predicate_type)
        .map_err(|error| error.to_string())?;
    if statement.subject().map_err(|error| error.to_string())? != *subject {
        return Err("it is about another commit or tree".into());
    }
    let mut report = EvidenceReport {
        predicate_type: saw.predicate_type.clone(),
        path: saw.path.clone(),
        sha256: saw.sha256.clone(),
        result: None,
    };
    let (mut failed, mut agent) = (false, None);
    match saw.predicate_type.as_str() {
        TEST_RESULT => {
            let result: TestResult =
                serde_json::from_value(statement.predicate).map_err(|error| error.to_string())?;
            if let Some(file) = result
                .files()
                .find(|file| !entry.files.get(&file.path).is_some_and(|b| file.matches(b)))
            {
                return Err(format!("{} is missing or was changed", file.path));
            }
            failed = !result.passed();
            report.result = Some(result.result);
        }
        PROVENANCE => {
            let made: SlsaProvenance =
                serde_json::from_value(statement.predicate).map_err(|error| error.to_string())?;
            agent = made.agent().map(str::to_owned);
        }
        _ => {}
    }
    Ok((report, failed, agent))
}

/// Who may decide, and on what.
fn rules(expected: &Expected, decision: &Decision, authors: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    match (decision.decision, decision.who.kind) {
        (
            DecisionKind::Approved | DecisionKind::Waived | DecisionKind::Rejected,
            WhoKind::Person,
        )
        | (
            DecisionKind::Cancelled | DecisionKind::NotApplicable,
            WhoKind::Person | WhoKind::Daemon,
        ) => {}
        (kind, _) => problems.push(format!(
            "{kind} by {:?}, who is not a person",
            decision.who.name
        )),
    }
    if let Some(back) = &decision.sent_back
        && (decision.decision != DecisionKind::Rejected || back.to >= decision.gate)
    {
        problems.push(format!(
            "{} cannot send work back to {}",
            decision.decision, back.to
        ));
    }
    if !decision.decision.is_step() {
        return problems;
    }
    if authors
        .iter()
        .any(|author| same(author, &decision.who.name))
    {
        problems.push(format!(
            "{} by {:?}, who is an author of it",
            decision.decision, decision.who.name
        ));
    }
    if decision.decision == DecisionKind::Waived {
        if decision.waivers.is_empty() {
            problems.push("waived, but it does not say what".into());
        }
        return problems;
    }
    for kind in &expected.evidence {
        if !decision.saw.iter().any(|saw| saw.predicate_type == *kind) {
            problems.push(format!("approved without its evidence {kind}"));
        }
    }
    for document in decision
        .documents
        .iter()
        .filter(|document| !document.complete)
    {
        problems.push(format!(
            "approved, but the document {} is not complete",
            document.path
        ));
    }
    problems
}

fn short(oid: &str) -> &str {
    oid.get(..12).unwrap_or(oid)
}
