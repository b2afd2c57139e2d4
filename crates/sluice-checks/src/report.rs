//! What checks say: the shapes of contract section 4.

use serde::{Deserialize, Serialize};
use sluice_egress::Record;

use crate::finding::Draft;

/// The most files that a finding about coverage names.
const COVERAGE_FILES: usize = 20;

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

/// What kind of fault a finding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    #[default]
    Other,
}

impl Class {
    /// All, those first that others follow from.
    pub const ALL: [Class; 8] = [
        Class::Environment,
        Class::Syntax,
        Class::Import,
        Class::Type,
        Class::Resource,
        Class::Timeout,
        Class::Assertion,
        Class::Other,
    ];

    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Syntax => "syntax",
            Class::Type => "type",
            Class::Import => "import",
            Class::Assertion => "assertion",
            Class::Timeout => "timeout",
            Class::Resource => "resource",
            Class::Environment => "environment",
            Class::Other => "other",
        }
    }
}

/// Who can mend what was found; a hint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fixable {
    /// Whoever changes the files.
    Agent,
    /// Only somebody who has the machine.
    Environment,
    /// It cannot be told.
    #[default]
    Unknown,
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
    /// What kind of fault it is.
    #[serde(default)]
    pub class: Class,
    /// Who can mend it.
    #[serde(default)]
    pub fixable: Fixable,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The share of lines, 0 to 1; of statements where the tool counts these.
    pub lines: f64,
    /// The files, those first that are covered least; at most fifty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Covered>,
}

/// How much of one file the tests ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// The file, relative to the workspace.
    pub path: String,
    /// The share of its lines, 0 to 1.
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

/// One step of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The command.
    pub command: Vec<String>,
    /// Whom it could reach: `none` or `registries`.
    pub network: String,
    /// The exit code, where the command ended by itself.
    pub exit_code: Option<i32>,
    /// How it ended, as [`CheckResult::end`].
    pub end: String,
    /// Milliseconds from start to end.
    pub wall_ms: u64,
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
    /// The command; of an installation of several steps the first.
    pub command: Vec<String>,
    /// All commands, of an installation of several steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Ran>,
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
    /// Whom it could reach: `none`, `registries` or `open`.
    pub network: String,
    /// What it ran in, by digest: the image of its toolchain, or the host's toolchains; empty when it did not run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// What was asked of the network, by host, port and outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Record>,
    /// Limits that could not be enforced on this machine, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unenforced: Vec<String>,
    /// The check that had to be green first and is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// Why the verdict is `unknown`, or what to do about it, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl CheckResult {
    /// Turns a check of tests red that covers less than `floor`, a share of lines from 0 to 1, or that does not
    /// say how much: with a finding for the whole, and one for each of the files that are covered least.
    pub fn demand_coverage(&mut self, floor: f64) {
        if self.verdict != Verdict::Pass {
            return;
        }
        let asked = format!("the gate asks for {:.1} %", floor * 100.0);
        let drafts = match &self.coverage {
            None => vec![Draft::error(
                "coverage",
                "coverage-missing",
                format!(
                    "the tests do not say how many lines they cover, and {asked}; let the runner measure it \
                     (vitest and jest: --coverage; Python: pytest-cov; node --test: --experimental-test-coverage)"
                ),
            )],
            Some(coverage) if coverage.lines < floor => {
                let low: Vec<&Covered> = coverage
                    .files
                    .iter()
                    .filter(|file| file.lines < floor)
                    .collect();
                let named = low.iter().take(COVERAGE_FILES).map(|file| {
                    let message = format!("{:.1} % of its lines are covered", file.lines * 100.0);
                    let draft = Draft::error("coverage", "uncovered-file", message);
                    draft.at(Some(file.path.clone()), 0, 0)
                });
                let names: Vec<&str> = low
                    .iter()
                    .take(COVERAGE_FILES)
                    .map(|file| file.path.as_str())
                    .collect();
                let least = match names.is_empty() {
                    true => String::new(),
                    false => format!("; least covered: {}", names.join(", ")),
                };
                let covered = coverage.lines * 100.0;
                let message = format!("{covered:.1} % of lines are covered, and {asked}{least}");
                let whole = Draft::error("coverage", "coverage-floor", message);
                [whole].into_iter().chain(named).collect()
            }
            Some(_) => return,
        };
        self.verdict = Verdict::Fail;
        self.findings.extend(drafts.into_iter().map(Draft::done));
    }

    /// Whether nothing but the machine stands in its way: every error is one that only the environment mends.
    pub fn is_the_environments(&self) -> bool {
        let mut errors = self
            .findings
            .iter()
            .filter(|finding| finding.level == Level::Error)
            .peekable();
        errors.peek().is_some() && errors.all(|finding| finding.fixable == Fixable::Environment)
    }
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
    /// The image or toolchain digest; of the first check that ran, where toolchains have images of their own.
    pub image: String,
    /// Milliseconds from start to end.
    pub wall_ms: u64,
    /// One entry a check.
    pub checks: Vec<CheckResult>,
}
