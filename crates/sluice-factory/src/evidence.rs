//! The signed evidence of one green attempt: what was checked, and how the subject came about.
//!
//! A function of what is stored and of the key, so that it can be made again after a crash and has the
//! same bytes.

use sluice_checks::{CheckReport, Verdict};
use sluice_proof::entry::{PROVENANCE, TEST_RESULT};
use sluice_proof::statement::{
    CheckRun, Provenance, ResourceDescriptor, TestCounts, Verdict as ProofVerdict, provenance,
    test_result,
};
use sluice_proof::{FileDigest, ProofError, Saw, Signer, Subject, sha256_hex};

use crate::evaluation::Evaluation;
use crate::gate_file::GateFile;

/// The proofs that every gate demands besides its decision, by predicate type.
pub(crate) const REQUIRED: [&str; 2] = [
    sluice_proof::statement::TEST_RESULT,
    sluice_proof::statement::PROVENANCE,
];

/// What the evidence is made from.
pub(crate) struct Found<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) gate: &'a str,
    pub(crate) gate_file: &'a GateFile,
    pub(crate) gate_text: &'a str,
    pub(crate) run: &'a str,
    pub(crate) attempt: u16,
    pub(crate) evaluation: &'a Evaluation,
    pub(crate) agent: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    pub(crate) reply_digest: Option<&'a str>,
    pub(crate) base_commit: &'a str,
    /// RFC 3339.
    pub(crate) asked_at: &'a str,
    /// RFC 3339.
    pub(crate) checked_at: &'a str,
    pub(crate) log: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

/// The files of the evidence, and what of it is shown to whoever decides.
pub(crate) struct Evidence {
    /// Envelopes as `(path, bytes)`.
    pub(crate) envelopes: Vec<(String, Vec<u8>)>,
    /// Reports as `(path, bytes)`.
    pub(crate) reports: Vec<(String, Vec<u8>)>,
    /// Logs as `(path, bytes)`.
    pub(crate) logs: Vec<(String, Vec<u8>)>,
    /// The envelopes by type and digest.
    pub(crate) saw: Vec<Saw>,
}

/// Makes and signs the evidence.
pub(crate) fn evidence(found: &Found<'_>, signer: &Signer) -> Result<Evidence, ProofError> {
    let mut reports = Vec::new();
    let mut logs = Vec::new();
    let mut runs = Vec::new();
    if let Some(report) = &found.evaluation.checks {
        check_runs(found, report, &mut runs, &mut reports, &mut logs);
    }
    for document in &found.evaluation.documents {
        runs.push(document_run(
            &format!("document {}", document.document),
            document.verdict,
        ));
    }
    if runs.is_empty() {
        // A gate without demands still looked at the tree: the reply was parsed and guarded.
        runs.push(document_run("reply", Verdict::Pass));
    }
    let configuration = vec![ResourceDescriptor::new(
        format!("gates/{}.toml", found.gate),
        "sha256",
        sha256_hex(found.gate_text.as_bytes()),
    )];
    let results = test_result(
        found.subject,
        (found.gate, found.run, u32::from(found.attempt)),
        configuration,
        runs,
        found.checked_at,
    )
    .sign(signer)?;
    let made = provenance(found.subject, provenance_input(found, signer)).sign(signer)?;
    let envelopes = vec![
        (TEST_RESULT.to_owned(), results.to_bytes()),
        (PROVENANCE.to_owned(), made.to_bytes()),
    ];
    let saw = envelopes
        .iter()
        .zip(REQUIRED)
        .map(|((path, bytes), predicate_type)| Saw {
            predicate_type: predicate_type.to_owned(),
            sha256: sha256_hex(bytes),
            path: path.clone(),
        })
        .collect();
    Ok(Evidence {
        envelopes,
        reports,
        logs,
        saw,
    })
}

fn check_runs(
    found: &Found<'_>,
    report: &CheckReport,
    runs: &mut Vec<CheckRun>,
    reports: &mut Vec<(String, Vec<u8>)>,
    logs: &mut Vec<(String, Vec<u8>)>,
) {
    let whole = serde_json::to_vec_pretty(report).unwrap_or_default();
    let path = "reports/checks.json".to_owned();
    let digest = FileDigest::of(path.clone(), &whole);
    reports.push((path, whole));
    for check in &report.checks {
        let log = (found.log)(&check.log.sha256).map(|bytes| {
            let path = format!("logs/{}.log", check.name.replace([':', '/'], "-"));
            let digest = FileDigest::of(path.clone(), &bytes);
            logs.push((path, bytes));
            digest
        });
        let tests = check.tests.unwrap_or_default();
        runs.push(CheckRun {
            name: check.name.clone(),
            verdict: verdict(check.verdict),
            required: !(check.verdict == Verdict::Unknown
                && found.gate_file.accepts_unknown(&check.name)),
            exit_code: check.exit_code,
            end: check.end.clone(),
            cached: check.cached,
            cached_from: check.source_run.clone(),
            wall_ms: check.wall_ms,
            command: check.command.clone(),
            engine: report.engine.clone(),
            image: (!check.image.is_empty()).then(|| check.image.clone()),
            unenforced: check.unenforced.clone(),
            network: check.network != "none",
            tests: TestCounts {
                passed: tests.passed.into(),
                failed: tests.failed.into(),
                skipped: tests.skipped.into(),
            },
            log,
            reports: vec![digest.clone()],
        });
    }
}

/// Something that the daemon looked at itself, without a sandbox.
fn document_run(name: &str, outcome: Verdict) -> CheckRun {
    CheckRun {
        name: name.to_owned(),
        verdict: verdict(outcome),
        required: true,
        exit_code: None,
        end: "exited".to_owned(),
        cached: false,
        cached_from: None,
        wall_ms: 0,
        command: Vec::new(),
        engine: "sluice".to_owned(),
        image: None,
        unenforced: Vec::new(),
        network: false,
        tests: TestCounts::default(),
        log: None,
        reports: Vec::new(),
    }
}

fn verdict(verdict: Verdict) -> ProofVerdict {
    match verdict {
        Verdict::Pass => ProofVerdict::Pass,
        Verdict::Unknown => ProofVerdict::Unknown,
        Verdict::Fail => ProofVerdict::Fail,
    }
}

fn provenance_input(found: &Found<'_>, signer: &Signer) -> Provenance {
    let mut dependencies = vec![ResourceDescriptor::new(
        "base",
        "gitCommit",
        found.base_commit,
    )];
    if let Some(report) = &found.evaluation.checks {
        let mut images: Vec<&str> = report.checks.iter().map(|one| one.image.as_str()).collect();
        images.push(&report.image);
        images.retain(|image| !image.is_empty());
        images.sort_unstable();
        images.dedup();
        for image in images {
            // The digest is `sha256:…` for images and for the digest over native toolchains.
            dependencies.push(ResourceDescriptor::new(
                format!("{} image", report.engine),
                "sha256",
                image.strip_prefix("sha256:").unwrap_or(image),
            ));
        }
    }
    Provenance {
        gate: found.gate.to_owned(),
        reply_sha256: found.reply_digest.map(str::to_owned),
        agent: found.agent.map(str::to_owned),
        model: found.model.map(str::to_owned),
        dependencies,
        builder_id: format!("urn:sluice:daemon/{}", signer.public().keyid()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        invocation_id: format!("{}/{}", found.run, found.attempt),
        started_on: found.asked_at.to_owned(),
        finished_on: found.checked_at.to_owned(),
    }
}
