//! in-toto test-result v0.1: which checks ran on the subject and what came of each.

use super::form::{ResourceDescriptor, Statement, TEST_RESULT};
use crate::digest::FileDigest;
use crate::subject::Subject;
use serde::{Deserialize, Serialize};

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It ran and was content.
    Pass,
    /// It ran and was not.
    Fail,
    /// It could not answer: never a pass.
    Unknown,
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// Ran and held.
    pub passed: u64,
    /// Ran and did not hold.
    pub failed: u64,
    /// Did not run.
    pub skipped: u64,
}

/// One check of the attempt, as the sandbox saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRun {
    /// `install`, `build`, `test`, `lint`, `audit`, or the gate's own.
    pub name: String,
    /// What it came to.
    pub verdict: Verdict,
    /// A gate that asks for this check fails without it; others are only told about it.
    pub required: bool,
    /// The process's exit code, if it came that far.
    pub exit_code: Option<i32>,
    /// How it ended: `exited`, `timed_out`, ….
    pub end: String,
    /// Whether the result was taken from an earlier run on the same inputs.
    pub cached: bool,
    /// The run that a cached result came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<String>,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// The argv.
    pub command: Vec<String>,
    /// Which engine ran it.
    pub engine: String,
    /// What it ran in, by digest: the image of its toolchain, or the host's toolchains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Limits that this engine could not enforce, by name.
    #[serde(default)]
    pub unenforced: Vec<String>,
    /// Whether it could reach the network.
    pub network: bool,
    /// How its tests ended.
    pub tests: TestCounts,
    /// Its log in the entry, under `logs/`.
    pub log: Option<FileDigest>,
    /// Its reports in the entry, under `reports/`.
    pub reports: Vec<FileDigest>,
}

/// The predicate. `result`, `configuration` and the three lists are in-toto's, the rest is ours,
/// which the framework's parsing rules allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// `PASSED`, `WARNED` (something optional did not pass) or `FAILED`.
    pub result: String,
    /// What steered the checks: gate file, lockfile, test configuration, image.
    pub configuration: Vec<ResourceDescriptor>,
    /// Names of the checks that passed.
    pub passed_tests: Vec<String>,
    /// Names of the optional checks that did not.
    pub warned_tests: Vec<String>,
    /// Names of the required checks that did not.
    pub failed_tests: Vec<String>,
    /// The gate.
    pub gate: String,
    /// The run through it.
    pub run: String,
    /// The attempt, from 0.
    pub attempt: u32,
    /// When the checks ended (RFC 3339).
    pub finished_on: String,
    /// The checks one by one.
    pub checks: Vec<CheckRun>,
}

impl TestResult {
    /// Whether nothing that the gate requires failed or stayed unknown, and something was checked.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.result != "FAILED"
            && self.failed_tests.is_empty()
            && !self.checks.is_empty()
            && self
                .checks
                .iter()
                .all(|check| check.verdict == Verdict::Pass || !check.required)
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &FileDigest> {
        self.checks
            .iter()
            .flat_map(|check| check.log.iter().chain(&check.reports))
    }
}

/// States what the checks came to; result and lists are worked out from `checks`.
#[must_use]
pub fn test_result(
    subject: &Subject,
    (gate, run, attempt): (&str, &str, u32),
    configuration: Vec<ResourceDescriptor>,
    checks: Vec<CheckRun>,
    finished_on: &str,
) -> Statement<TestResult> {
    let names = |keep: fn(&CheckRun) -> bool| -> Vec<String> {
        checks
            .iter()
            .filter(|check| keep(check))
            .map(|check| check.name.clone())
            .collect()
    };
    let passed_tests = names(|check| check.verdict == Verdict::Pass);
    let warned_tests = names(|check| check.verdict != Verdict::Pass && !check.required);
    let failed_tests = names(|check| check.verdict != Verdict::Pass && check.required);
    // No check at all is not a pass: nothing was looked at.
    let result = match (
        failed_tests.is_empty() && !checks.is_empty(),
        warned_tests.is_empty(),
    ) {
        (false, _) => "FAILED",
        (true, false) => "WARNED",
        (true, true) => "PASSED",
    };
    let predicate = TestResult {
        result: result.to_owned(),
        configuration,
        passed_tests,
        warned_tests,
        failed_tests,
        gate: gate.to_owned(),
        run: run.to_owned(),
        attempt,
        finished_on: finished_on.to_owned(),
        checks,
    };
    Statement::new(subject, TEST_RESULT, predicate)
}
