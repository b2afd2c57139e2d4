//! What checks say: the shapes of contract section 4.

use serde::{Deserialize, Serialize};

/// Whether what was asked holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds, and something was really looked at.
    Pass,
    /// The tool is missing or could not answer. Never a pass.
    Unknown,
    /// It does not hold.
    Fail,
}

/// How bad a finding is; the words of SARIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For information.
    Note,
    /// Worth mending; does not fail a check by itself.
    Warning,
    /// Fails the check.
    Error,
}

/// One thing that a check reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The tool that said it, such as `tsc`.
    pub tool: String,
    /// The tool's name for the rule, such as `TS2322`; empty when it has none.
    pub rule: String,
    /// How bad it is.
    pub level: Level,
    /// What it says, for a person.
    pub message: String,
    /// The file, relative to the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The same for the same fault in two runs: it leaves out line numbers, times and temporary paths.
    pub fingerprint: String,
}

/// The counts of a test run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tests {
    /// Tests that passed.
    pub passed: u32,
    /// Tests that failed.
    pub failed: u32,
    /// Tests that were skipped or marked as to do.
    pub skipped: u32,
}

/// How much of the code the tests ran.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The share of lines, 0 to 1.
    pub lines: f64,
}

/// A stored log, by its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// SHA-256 of the stored bytes, in hex.
    pub sha256: String,
    /// How many bytes are stored.
    pub bytes: u64,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// `install`, `build`, `test`, `lint`, `audit`, or a gate's own; in a repository of several projects
    /// with the sub-folder behind, as in `build:packages/api`.
    pub name: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// The exit code, where the command ended by itself.
    pub exit_code: Option<i32>,
    /// `exited`, `timed_out`, `silent`, `out_of_memory`, `killed`, `output_limit`, `skipped`.
    pub end: String,
    /// Whether the answer is an earlier run's.
    pub cached: bool,
    /// The run that the answer came from, when it is an earlier run's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_run: Option<String>,
    /// Milliseconds from start to end; of the original run when cached.
    pub wall_ms: u64,
    /// The command.
    pub command: Vec<String>,
    /// The output, both streams in the order read.
    pub log: Log,
    /// What the tool said.
    pub findings: Vec<Finding>,
    /// The counts, for a check that runs tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<Tests>,
    /// The coverage, where the tool gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// `none` or `open`.
    pub network: String,
    /// Limits that could not be enforced on this machine, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unenforced: Vec<String>,
    /// Why the verdict is `unknown`, or what to do about it, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What came of all checks on one tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The worst of the checks: one fail is `fail`, else one unknown is `unknown`.
    pub verdict: Verdict,
    /// Which engine ran them.
    pub engine: String,
    /// The git tree that was checked.
    pub tree: String,
    /// The toolchain, such as `node`; `none` when none was found.
    pub toolchain: String,
    /// The image or toolchain digest.
    pub image: String,
    /// Milliseconds from start to end.
    pub wall_ms: u64,
    /// One entry a check.
    pub checks: Vec<CheckResult>,
}
