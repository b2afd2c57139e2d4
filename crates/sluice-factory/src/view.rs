//! What the factory shows: plain values that the server and the command line hand on as JSON.

mod agent;
mod edit;
mod webhook;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::changes::Receipt;
use crate::evaluation::Evaluation;
use crate::gate_file::Field;

pub use agent::{AgentCost, AgentUsage, AgentView, CallView};
pub use edit::{EditFile, EditSide, EditSummary, EditView, LeftAlone};
pub use webhook::{DeliveryView, WebhookView};

/// One page of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page<T> {
    /// The entries, in a stable order.
    pub items: Vec<T>,
    /// What to hand in as `cursor` for the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// A project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProjectView {
    /// Its name.
    pub name: String,
    /// The template that it was made from.
    pub template: String,
    /// `web`, `service`, `library` or `ai`.
    pub kind: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// The first gate that is not passed; `None` when all are.
    pub current_gate: Option<String>,
    /// That gate's state.
    pub state: Option<String>,
    /// The commit of `refs/heads/main`.
    pub main: Option<String>,
    /// The commit of `refs/heads/work`.
    pub work: Option<String>,
}

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The commit.
    pub commit: String,
    /// Its tree.
    pub tree: String,
}

/// A gate of a project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GateView {
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
    pub reopened: Option<ReopenedView>,
    /// What was let pass on a person's word.
    pub waivers: Vec<WaiverView>,
    /// Binds a decision to that subject and its evidence.
    pub subject_digest: Option<String>,
    /// The proofs that the gate demands.
    pub required_proofs: Vec<String>,
    /// The proofs that are there.
    pub present_proofs: Vec<ProofView>,
    /// Who or what it waits for: `gate gN`, `start`, `agent`, `checks`, `person`, `git`, `nothing`.
    pub waits_for: String,
    /// The same in a sentence, with what to do.
    pub waits_for_text: String,
    /// What the approver must fill in.
    pub fields: Vec<FieldView>,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReopenedView {
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WaiverView {
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldView {
    /// From the gate's file.
    #[serde(flatten)]
    pub field: Field,
    /// What can be chosen on the present subject; empty for free text.
    pub choices: Vec<String>,
}

/// A proof that is stored in git.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProofView {
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

/// A run, as the answer to what starts or moves it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunView {
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

/// An attempt in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttemptView {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: AttemptSummary,
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
    pub findings: Vec<FindingOf>,
    /// What it changed against what it builds on.
    pub diff: Option<DiffView>,
    /// What a person should know, such as that the strategy changed.
    pub note: Option<String>,
    /// What it moved of what the work is measured by.
    pub held: Vec<String>,
    /// The calls of agents that were made for it, oldest first, those without a reply among them.
    pub calls: Vec<CallView>,
}

/// A finding with the check that reported it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindingOf {
    /// The check.
    pub check: String,
    /// What it says.
    #[serde(flatten)]
    pub finding: sluice_checks::Finding,
}

/// A difference of two trees.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiffView {
    /// The older one.
    pub from: String,
    /// The newer one.
    pub to: String,
    /// What differs.
    pub files: Vec<FileDiff>,
    /// What to hand in as `cursor` for the files that follow; `None` when these are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A difference of one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileDiff {
    /// Its path now.
    pub path: String,
    /// Its path before, when it was renamed.
    pub old_path: Option<String>,
    /// `added`, `modified`, `deleted`, `renamed`.
    pub status: String,
    /// Lines added.
    pub additions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// The unified diff; cut when large.
    pub patch: String,
}

/// An entry of a tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EntryView {
    /// Its path.
    pub path: String,
    /// The blob's id; also the ETag of the file.
    pub oid: String,
    /// Bytes.
    pub size: u64,
    /// `file`, `executable`, `link` or `submodule`.
    pub kind: String,
}

/// A commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommitView {
    /// Its id.
    pub oid: String,
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// Who made the change.
    pub author: String,
    /// When, RFC 3339.
    pub at: String,
    /// The message without its trailers.
    pub message: String,
    /// The trailers, in order.
    pub trailers: Vec<(String, String)>,
}

/// Whom the lines of a file come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlameView {
    /// The commit whose file it is.
    pub commit: String,
    /// Lines that follow each other and come from one commit, in order.
    pub items: Vec<LinesView>,
    /// What to hand in as `cursor` for the lines that follow; `None` on the last page.
    pub next_cursor: Option<String>,
}

/// Lines of one commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LinesView {
    /// The number of the first line; 1 is the first of the file.
    pub first: usize,
    /// How many lines.
    pub lines: usize,
    /// The commit; `None` when it lies further back than is looked.
    pub commit: Option<String>,
    /// Who made the change.
    pub author: Option<String>,
    /// When, RFC 3339.
    pub at: Option<String>,
    /// The first line of the commit's message.
    pub summary: Option<String>,
    /// The attempt that it is of; `None` for a person's change.
    pub made_by: Option<MadeBy>,
}

/// An attempt of an agent, as the daemon wrote it into a commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MadeBy {
    /// The gate.
    pub gate: String,
    /// The run.
    pub run: String,
    /// The attempt's number in it.
    pub attempt: u16,
    /// Who answered.
    pub agent: String,
}

/// A tag.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagView {
    /// Its name without `refs/tags/`.
    pub name: String,
    /// The commit that it leads to.
    pub commit: String,
}

/// A branch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BranchView {
    /// Its name without `refs/heads/`.
    pub name: String,
    /// The commit.
    pub commit: String,
}

/// A file's content.
#[derive(Debug, Clone)]
pub struct FileContent {
    /// The blob's id; the ETag.
    pub oid: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a person's edit became.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileWritten {
    /// The path as it was written.
    pub path: String,
    /// The new blob; `None` after a deletion.
    pub oid: Option<String>,
    /// The commit on `refs/heads/work`; the one that is held while a run is open.
    pub commit: String,
    /// The number of the edit when it is held.
    pub held: Option<u64>,
}

/// A question to a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EscalationView {
    /// Its id.
    pub id: String,
    /// The project.
    pub project: String,
    /// The gate.
    pub gate: String,
    /// The run.
    pub run: String,
    /// The attempt that spent the last try.
    pub attempt: u16,
    /// `open`, `answered`, or `withdrawn`: the run ended in another way.
    pub state: String,
    /// What failed, the attempts with their diffs and failure signatures, the smallest command that
    /// shows it.
    pub question: Value,
    /// The answer: action, guidance, fields.
    pub answer: Option<Value>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When it was opened, RFC 3339.
    pub created_at: String,
    /// When it was answered, RFC 3339.
    pub answered_at: Option<String>,
}

/// An entry of the error history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindingView {
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
    pub finding: Value,
    /// When it was first seen, RFC 3339.
    pub seen_at: String,
    /// When an attempt no longer showed it, RFC 3339.
    pub resolved_at: Option<String>,
    /// That attempt.
    pub resolved_by: Option<u16>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventView {
    /// Its place in the sequence.
    pub seq: i64,
    /// The project.
    pub project: Option<String>,
    /// Such as `attempt.checked`.
    pub kind: String,
    /// What a reader needs to know.
    pub body: Value,
    /// When, RFC 3339.
    pub at: String,
}

/// An entry of a project's journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JournalView {
    /// Its id.
    pub id: String,
    /// The project.
    pub project: String,
    /// `note`, `risk`, `blocker`, `question`, `decision` or `deliverable`.
    pub kind: String,
    /// The gate that it is about; none for all.
    pub gate: Option<String>,
    /// What it says.
    pub text: String,
    /// `open`, `answered` or `closed`; what is not closed reaches the agents.
    pub state: String,
    /// Who says it.
    pub author: String,
    /// The run whose agent asks; it goes on with the answer.
    pub run: Option<String>,
    /// The attempt whose reply asks.
    pub attempt: Option<u16>,
    /// The answer to a question.
    pub answer: Option<String>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When, RFC 3339.
    pub answered_at: Option<String>,
    /// Counts its changes.
    pub version: i64,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it last changed, RFC 3339.
    pub updated_at: String,
}

/// A row of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditView {
    /// Its number: 1, 2, 3 and so on, without a gap.
    pub seq: i64,
    /// When: RFC 3339, UTC, to the microsecond.
    pub at: String,
    /// The project; `None` for what concerns the daemon.
    pub project: Option<String>,
    /// Who.
    pub who: AuditWhoView,
    /// What, such as `gate.decided`.
    pub kind: String,
    /// What there is to know.
    pub body: Value,
    /// The hash of the row before.
    pub previous: String,
    /// The hash of this row and, by `previous`, of all before it.
    pub hash: String,
}

/// Who did it, as the credential said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditWhoView {
    /// The name on the credential.
    pub name: String,
    /// `person`, `agent` or `system`.
    pub kind: String,
    /// The role that they had.
    pub role: String,
    /// The id of the token.
    pub token: Option<String>,
}

/// Checks that were asked for by themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckView {
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
    pub report: Option<sluice_checks::CheckReport>,
    /// Why there is no report, when failed.
    pub fault: Option<String>,
    /// When it was asked for, RFC 3339.
    pub created_at: String,
    /// When it ended, RFC 3339.
    pub ended_at: Option<String>,
}

/// A token, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenView {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// `viewer`, `operator`, `approver` or `admin`.
    pub role: String,
    /// `person` or `agent`.
    pub kind: String,
    /// The projects that it is for; `None` for all.
    pub projects: Option<Vec<String>>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
}
