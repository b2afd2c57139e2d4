//! Gates, runs, attempts, proofs.

use crate::schema::agent::AgentCall;
use crate::schema::check::{CheckReport, Class, Finding, Fixable, Level, Verdict};
use crate::schema::project::Diff;
use serde::Serialize;
use utoipa::ToSchema;

/// What a decision is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subject {
    /// The commit.
    pub commit: String,
    /// Its tree.
    pub tree: String,
}

/// A gate of a project.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gate {
    /// `g0` to `g9`.
    pub gate: String,
    /// Its name in prose.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// `pending` (gates before it are not passed), `ready` (it can be started), the state of its newest
    /// run (`working`, `healing`, `held`, `checking`, `escalated`, `awaiting_approval`, `sealing`,
    /// `approved`, `rejected`, `cancelled`, `not_applicable`), or `reopened`: it was passed and is to be passed again.
    pub state: String,
    /// The newest run.
    pub run: Option<String>,
    /// The newest attempt of that run.
    pub attempt: Option<u16>,
    /// The run's step: the guard of every answer.
    pub step: Option<u64>,
    /// What is to be decided, or was.
    pub subject: Option<Subject>,
    /// Whether `work` still has the subject's tree.
    pub subject_is_head: Option<bool>,
    /// Commits of people on `work` that came after the subject, newest first; what was decided does not cover them.
    pub edits_since: Vec<String>,
    /// Why a gate that was passed is `reopened`.
    pub reopened: Option<Reopened>,
    /// What was let pass on a person's word.
    pub waivers: Vec<Waiver>,
    /// Binds a decision to that subject and its evidence.
    pub subject_digest: Option<String>,
    /// The proofs that the gate demands.
    pub required_proofs: Vec<String>,
    /// The proofs that are there.
    pub present_proofs: Vec<Proof>,
    /// Who or what it waits for: `gate gN`, `start`, `agent`, `checks`, `person`, `git`, `nothing`.
    pub waits_for: String,
    /// The same in a sentence, with what to do.
    pub waits_for_text: String,
    /// What the approver must fill in.
    pub fields: Vec<GateField>,
    /// The checks whose answer is `unknown` and which approving accepts.
    pub accepted_unknown: Vec<String>,
    /// What moved what the work is measured by, while the run is `held`.
    pub held: Vec<String>,
    /// The open escalation.
    pub escalation: Option<String>,
    /// A fault of the machinery that is being tried again.
    pub fault: Option<String>,
    /// How many people must approve.
    pub approvals_required: u8,
    /// Who has approved this subject.
    pub approved_by: Vec<String>,
}

/// Why what a gate passed does not hold any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reopened {
    /// `edit`: people changed `paths` in `commits`. `rejection`: that of `gate` sent the work back. `gate`: `gate`,
    /// before this one, is to be passed first or was passed anew.
    pub by: String,
    /// Which gate.
    pub gate: Option<String>,
    /// What was changed of what the evidence is about; the first 50.
    pub paths: Vec<String>,
    /// The commits, newest first.
    pub commits: Vec<String>,
}

/// Something that does not hold and was let pass.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waiver {
    /// A check or a document.
    pub what: String,
    /// The fingerprints of what it had found.
    pub findings: Vec<String>,
    /// Why.
    pub why: String,
    /// Until when: a day, or a time in UTC.
    pub until: Option<String>,
    /// Whether that is over.
    pub is_expired: bool,
}

/// What an approver must fill in.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateField {
    /// Its key in the request's `fields`.
    pub name: String,
    /// What the person is asked.
    pub prompt: String,
    /// The answer must be a path of the subject that this pattern matches.
    pub choices_glob: Option<String>,
    /// Whether the gate can be approved without it.
    pub required: bool,
    /// What can be chosen on the present subject; empty for free text.
    pub choices: Vec<String>,
}

/// A run, as the answer to what starts or moves it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub run: String,
    /// The project.
    pub project: String,
    /// The gate.
    pub gate: String,
    /// Its state.
    pub state: String,
    /// The newest attempt.
    pub attempt: Option<u16>,
    /// Its step.
    pub step: u64,
}

/// A proof that is stored in git.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proof {
    /// SHA-256 of the envelope, in hex.
    pub digest: String,
    /// The in-toto predicate type.
    pub predicate_type: String,
    /// The gate.
    pub gate: String,
    /// The run.
    pub run: String,
    /// The commit that holds it.
    pub commit: String,
    /// Its path in that commit.
    pub path: String,
}

/// An attempt in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptSummary {
    /// Its number; 0 is the first.
    pub attempt: u16,
    /// The run.
    pub run: String,
    /// Who made the reply.
    pub agent: Option<String>,
    /// The model that wrote it, where known.
    pub model: Option<String>,
    /// How the agent was asked.
    pub strategy: String,
    /// `asked`, `replied`, `refused`, `unchanged`, `held`, `red`, `green`.
    pub state: String,
    /// The commit, where there is one.
    pub commit: Option<String>,
    /// Its tree.
    pub tree: Option<String>,
    /// What does not hold.
    pub failing: Vec<String>,
    /// The failure's signature.
    pub failure: Option<String>,
    /// When the agent was asked, RFC 3339.
    pub created_at: String,
}

/// An attempt, whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempt {
    /// Its number; 0 is the first.
    pub attempt: u16,
    /// The run.
    pub run: String,
    /// Who made the reply.
    pub agent: Option<String>,
    /// The model that wrote it, where known.
    pub model: Option<String>,
    /// How the agent was asked.
    pub strategy: String,
    /// `asked`, `replied`, `refused`, `unchanged`, `held`, `red`, `green`.
    pub state: String,
    /// The commit, where there is one.
    pub commit: Option<String>,
    /// Its tree.
    pub tree: Option<String>,
    /// What does not hold.
    pub failing: Vec<String>,
    /// The failure's signature.
    pub failure: Option<String>,
    /// When the agent was asked, RFC 3339.
    pub created_at: String,
    /// What the agent was told.
    pub request: String,
    /// What it answered.
    pub reply: Option<String>,
    /// SHA-256 of the reply, in hex.
    pub reply_digest: Option<String>,
    /// One receipt a file.
    pub files: Vec<Receipt>,
    /// What was found out.
    pub evaluation: Option<Evaluation>,
    /// Every finding of checks, documents and the reply itself.
    pub findings: Vec<AttemptFinding>,
    /// What it changed against what it builds on.
    pub diff: Option<Diff>,
    /// What a person should know, such as that the strategy changed.
    pub note: Option<String>,
    /// What it moved of what the work is measured by.
    pub held: Vec<String>,
    /// The calls of agents that were made for it, oldest first, those without a reply among them.
    pub calls: Vec<AgentCall>,
}

/// A finding with the check that reported it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptFinding {
    /// The check.
    pub check: String,
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

/// Which part of a reply became which file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// The path as it was written.
    pub path: String,
    /// `write`, `edit`, `delete`, `rename` or `copy`.
    pub action: String,
    /// The path before, of a file that was renamed or copied.
    #[schema(nullable = false)]
    pub from: Option<String>,
    /// Where the path came from: `info-string`, `attribute`, …, or `edit` where the edit's own text names it.
    pub source: String,
    /// First and last line in the reply, from 1: of the block, or from the first edit to the last.
    pub lines: [usize; 2],
    /// The byte range in the reply: of the body, or from the first edit to the last.
    pub bytes: [usize; 2],
    /// SHA-256 in hex of the reply that holds it, where that is one of an earlier attempt.
    #[schema(nullable = false)]
    pub reply: Option<String>,
    /// Each edit that was applied, in order; left out when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub edits: Vec<EditReceipt>,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
    /// Bytes of the content.
    pub size: usize,
    /// What the path guard said: `accepted` or `sensitive`.
    pub guard: String,
    /// The git blob that the content became.
    #[schema(nullable = false)]
    pub blob: Option<String>,
}

/// An edit that was applied: one hunk of a diff, or one SEARCH/REPLACE block.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditReceipt {
    /// `diff` or `search-replace`.
    pub kind: String,
    /// First and last line in the reply, from 1.
    pub lines: [usize; 2],
    /// The byte range in the reply.
    pub bytes: [usize; 2],
    /// SHA-256 in hex of the reply that holds it, where that is one of an earlier attempt.
    #[schema(nullable = false)]
    pub reply: Option<String>,
    /// The line of the file where it fitted, from 1, before it was applied.
    pub at: usize,
    /// `exact`, or `whitespace` where blanks at line ends or a shifted indent were left out of account.
    pub matched: String,
}

/// What was found out about one attempt. Stored with it, signed in its proof.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evaluation {
    /// Whether all that the gate demands holds.
    pub verdict: Verdict,
    /// What the checks said, where the gate has checks.
    pub checks: Option<CheckReport>,
    /// What was found of each document.
    pub documents: Vec<DocumentResult>,
    /// Checks that could not answer, which the gate's file lets a person accept.
    pub accepted_unknown: Vec<String>,
    /// What failed, comparable between attempts.
    pub failure: Option<String>,
}

/// One document that the gate demands, and what is wrong with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentResult {
    /// The path or pattern of the gate's file.
    pub document: String,
    /// Whether it exists, parses and has its parts.
    pub verdict: Verdict,
    /// What is wrong.
    pub findings: Vec<Finding>,
}
