//! Checks and what they report.

use serde::Serialize;
use utoipa::ToSchema;

/// Checks that were asked for by themselves.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// Its id.
    pub id: String,
    /// The project.
    pub project: String,
    /// The ref that was named.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The commit that it stood for.
    pub commit: String,
    /// `queued`, `running`, `done`, `failed`.
    pub state: String,
    /// The report, when done.
    pub report: Option<CheckReport>,
    /// Why there is no report, when failed.
    pub fault: Option<String>,
    /// When it was asked for, RFC 3339.
    pub created_at: String,
    /// When it ended, RFC 3339.
    pub ended_at: Option<String>,
}

/// What came of all checks on one tree.
#[derive(Debug, Serialize, ToSchema)]
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

/// What came of one check.
#[derive(Debug, Serialize, ToSchema)]
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
    #[schema(nullable = false)]
    pub source_run: Option<String>,
    /// Milliseconds from start to end; of the original run when cached.
    pub wall_ms: u64,
    /// The command; of an installation of several steps the first.
    pub command: Vec<String>,
    /// All commands, of an installation of several steps.
    #[schema(required = false)]
    pub steps: Vec<InstallStep>,
    /// The output, both streams in the order read.
    pub log: Log,
    /// What the tool said.
    pub findings: Vec<Finding>,
    /// The counts, for a check that runs tests.
    #[schema(nullable = false)]
    pub tests: Option<Tests>,
    /// The coverage, where the tool gave one.
    #[schema(nullable = false)]
    pub coverage: Option<Coverage>,
    /// Whom it could reach: `none`, `registries` or `open`.
    pub network: String,
    /// What it ran in, by digest: the image of its toolchain, or the host's toolchains; absent when it did not run.
    #[schema(required = false)]
    pub image: String,
    /// What was asked of the network, by host, port and outcome.
    #[schema(required = false)]
    pub requests: Vec<NetworkRequest>,
    /// Limits that could not be enforced on this machine, by name.
    #[schema(required = false)]
    pub unenforced: Vec<String>,
    /// The check that had to be green first and is not.
    #[schema(nullable = false)]
    pub blocked_by: Option<String>,
    /// Why the verdict is `unknown`, or what to do about it, for a person.
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// One step of an installation.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstallStep {
    /// The command.
    pub command: Vec<String>,
    /// Whom it could reach: `none` or `registries`.
    pub network: String,
    /// The exit code, where the command ended by itself.
    pub exit_code: Option<i32>,
    /// How it ended, as the `end` of a check.
    pub end: String,
    /// Milliseconds from start to end.
    pub wall_ms: u64,
}

/// One thing that a check reports.
#[derive(Debug, Serialize, ToSchema)]
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
    #[schema(nullable = false)]
    pub path: Option<String>,
    /// The line, from 1.
    #[schema(nullable = false)]
    pub line: Option<u32>,
    /// The column, from 1.
    #[schema(nullable = false)]
    pub column: Option<u32>,
    /// What kind of fault it is.
    pub class: Class,
    /// Who can mend it.
    pub fixable: Fixable,
    /// The same for the same fault in two runs: it leaves out line numbers, times and temporary paths.
    pub fingerprint: String,
}

/// All requests of a check to one host and port that ended alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkRequest {
    /// The host that was asked for; empty where none could be told.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `reached`, `not_allowed`, `private`, `unresolved`, `unreachable`, `malformed`.
    pub outcome: String,
    /// How many.
    pub requests: u64,
    /// Bytes that came from there.
    pub received: u64,
    /// Bytes that went there.
    pub sent: u64,
}

/// The counts of a test run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tests {
    /// Tests that passed.
    pub passed: u32,
    /// Tests that failed.
    pub failed: u32,
    /// Tests that were skipped or marked as to do.
    pub skipped: u32,
}

/// How much of the code the tests ran.
#[derive(Debug, Serialize, ToSchema)]
pub struct Coverage {
    /// The share of lines, 0 to 1; of statements where the tool counts these.
    pub lines: f64,
    /// The files, those first that are covered least; at most fifty.
    #[schema(required = false)]
    pub files: Vec<Covered>,
}

/// How much of one file the tests ran.
#[derive(Debug, Serialize, ToSchema)]
pub struct Covered {
    /// The file, relative to the workspace.
    pub path: String,
    /// The share of its lines, 0 to 1.
    pub lines: f64,
}

/// A stored log, by its content.
#[derive(Debug, Serialize, ToSchema)]
pub struct Log {
    /// SHA-256 of the stored bytes, in hex.
    pub sha256: String,
    /// How many bytes are stored.
    pub bytes: u64,
}

/// Whether what was asked holds.
#[derive(Debug, Serialize, ToSchema)]
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
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For information.
    Note,
    /// Worth mending; does not fail a check by itself.
    Warning,
    /// Fails the check.
    Error,
}

/// What kind of fault a finding is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The text is no program.
    Syntax,
    /// A value of another type than is needed, or a name that nothing has.
    Type,
    /// A module or package that is not there.
    Import,
    /// Something is not as a test says.
    Assertion,
    /// It took too long.
    Timeout,
    /// It needs more memory or disk than it has.
    Resource,
    /// It is around the code: a tool, a permission, a network.
    Environment,
    /// Anything else: style, known vulnerabilities, documents.
    Other,
}

/// Who can mend what was found; a hint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fixable {
    /// Whoever changes the files.
    Agent,
    /// Only somebody who has the machine.
    Environment,
    /// It cannot be told.
    Unknown,
}

/// An entry of the error history.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingEntry {
    /// Its id.
    pub id: String,
    /// The gate.
    pub gate: String,
    /// The run.
    pub run: String,
    /// The attempt that first showed it.
    pub attempt: u16,
    /// The check.
    pub check: String,
    /// What it says.
    pub finding: Finding,
    /// When it was first seen, RFC 3339.
    pub seen_at: String,
    /// When an attempt no longer showed it, RFC 3339.
    pub resolved_at: Option<String>,
    /// That attempt.
    pub resolved_by: Option<u16>,
}
