//! What the machine itself found out about one attempt: checks and documents against the gate's file.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sluice_checks::{CheckReport, Finding, Fixable, Level, Tests, Verdict};
use sluice_gates::Signature;

use crate::gate_file::GateFile;

/// One document that the gate demands, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentResult {
    /// The path or pattern of the gate's file.
    pub document: String,
    /// Whether it exists, parses and has its parts.
    pub verdict: Verdict,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// What was found out about one attempt. Stored with it, signed in its proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whether all that the gate demands holds.
    pub verdict: Verdict,
    /// What the checks said, where the gate has checks.
    pub checks: Option<CheckReport>,
    /// What was found of each document.
    pub documents: Vec<DocumentResult>,
    /// Checks that could not answer, which the gate's file lets a person accept.
    pub accepted_unknown: Vec<String>,
    /// Checks that the gate demands and that the report does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What failed, comparable between attempts.
    pub failure: Option<String>,
}

impl Evaluation {
    /// Weighs what was found against what the gate demands.
    pub fn weigh(
        file: &GateFile,
        mut checks: Option<CheckReport>,
        documents: Vec<DocumentResult>,
    ) -> Evaluation {
        if let (Some(floor), Some(report)) = (file.coverage, &mut checks) {
            let tests = report.checks.iter_mut();
            for test in tests.filter(|check| stem(&check.name) == "test") {
                test.demand_coverage(floor);
            }
            let worst = report.checks.iter().map(|check| check.verdict).max();
            report.verdict = worst.unwrap_or(report.verdict);
        }
        let mut accepted_unknown = Vec::new();
        let mut verdict = Verdict::Pass;
        for check in checks.iter().flat_map(|report| &report.checks) {
            match check.verdict {
                Verdict::Pass => {}
                Verdict::Unknown if file.accepts_unknown(&check.name) => {
                    accepted_unknown.push(check.name.clone());
                }
                Verdict::Unknown | Verdict::Fail => verdict = Verdict::Fail,
            }
        }
        let answered = |name: &str| {
            checks
                .iter()
                .flat_map(|report| &report.checks)
                .any(|check| stem(&check.name) == name)
        };
        let missing: Vec<String> = file
            .checks
            .iter()
            .filter(|name| !answered(name))
            .cloned()
            .collect();
        if !missing.is_empty() {
            verdict = Verdict::Fail;
        }
        if documents
            .iter()
            .any(|document| document.verdict != Verdict::Pass)
        {
            verdict = Verdict::Fail;
        }
        let mut evaluation = Evaluation {
            verdict,
            checks,
            documents,
            accepted_unknown,
            missing,
            failure: None,
        };
        if verdict == Verdict::Fail {
            evaluation.failure = Some(evaluation.signature().0);
        }
        evaluation
    }

    /// Every finding, of checks and documents, that stands in the way or is worth knowing.
    pub fn findings(&self) -> Vec<(String, Finding)> {
        let checks = self
            .checks
            .iter()
            .flat_map(|report| &report.checks)
            .flat_map(|check| {
                check
                    .findings
                    .iter()
                    .map(|finding| (check.name.clone(), finding.clone()))
            });
        let documents = self.documents.iter().flat_map(|document| {
            document
                .findings
                .iter()
                .map(|finding| ("documents".to_owned(), finding.clone()))
        });
        checks.chain(documents).collect()
    }

    /// The fingerprints of the errors that a check or a document has, by its name in [`Evaluation::failing`].
    pub fn errors_of(&self, name: &str) -> Vec<String> {
        let checks = self.checks.iter().flat_map(|report| &report.checks);
        let checks = checks
            .filter(|check| check.name == name)
            .flat_map(|check| &check.findings);
        let documents = self
            .documents
            .iter()
            .filter(|document| document.document == name)
            .flat_map(|document| &document.findings);
        checks
            .chain(documents)
            .filter(|finding| finding.level == Level::Error)
            .map(|finding| finding.fingerprint.clone())
            .collect()
    }

    /// The counts of all test checks together.
    pub fn tests(&self) -> Tests {
        let mut sum = Tests::default();
        for tests in self
            .checks
            .iter()
            .flat_map(|report| &report.checks)
            .filter_map(|check| check.tests)
        {
            sum.passed += tests.passed;
            sum.failed += tests.failed;
            sum.skipped += tests.skipped;
        }
        sum
    }

    /// The names of what does not hold.
    pub fn failing(&self) -> Vec<String> {
        let checks = self
            .checks
            .iter()
            .flat_map(|report| &report.checks)
            .filter(|check| {
                check.verdict != Verdict::Pass && !self.accepted_unknown.contains(&check.name)
            })
            .map(|check| check.name.clone());
        let documents = self
            .documents
            .iter()
            .filter(|document| document.verdict != Verdict::Pass)
            .map(|document| document.document.clone());
        let missing = self.missing.iter().cloned();
        checks.chain(documents).chain(missing).collect()
    }

    /// What of the machine stands in the way, where nothing else does; nobody who changes the files mends that.
    pub fn environment(&self) -> Option<String> {
        let failing = self.failing();
        let results: Vec<_> = self
            .checks
            .iter()
            .flat_map(|report| &report.checks)
            .filter(|check| failing.contains(&check.name))
            .collect();
        let is_all = results.len() == failing.len()
            && results.iter().all(|check| {
                let is_blocked = check
                    .blocked_by
                    .as_ref()
                    .is_some_and(|by| failing.contains(by));
                is_blocked || check.is_the_environments()
            });
        let first = results
            .iter()
            .flat_map(|check| &check.findings)
            .find(|finding| finding.fixable == Fixable::Environment)?;
        is_all.then(|| first.message.clone())
    }

    /// Equal for two attempts that failed in the same way: the failing checks with the fingerprints of
    /// their errors.
    pub fn signature(&self) -> Signature {
        let mut parts: Vec<String> = self.failing();
        parts.extend(
            self.findings()
                .into_iter()
                .filter(|(_, finding)| finding.level == Level::Error)
                .map(|(check, finding)| format!("{check} {}", finding.fingerprint)),
        );
        parts.sort();
        parts.dedup();
        Signature(hex::encode(Sha256::digest(parts.join("\n"))))
    }
}

impl GateFile {
    /// Whether a person may accept that this check could not answer.
    pub fn accepts_unknown(&self, check: &str) -> bool {
        self.accept_unknown.iter().any(|name| name == stem(check))
    }
}

/// A check's name without the sub-folder of its project.
pub(crate) fn stem(check: &str) -> &str {
    check.split(':').next().unwrap_or(check)
}

#[cfg(test)]
pub(crate) mod tests;
