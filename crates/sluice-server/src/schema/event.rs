//! What happened, questions to people, tokens.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
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

/// A question to a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Escalation {
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

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// `viewer`, `operator`, `approver` or `admin`.
    pub role: String,
    /// `person` or `agent`.
    pub kind: String,
    /// The projects that it is for; `null` for all.
    pub projects: Option<Vec<String>>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
}

/// A token that was just made, with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeToken {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// `viewer`, `operator`, `approver` or `admin`.
    pub role: String,
    /// `person` or `agent`.
    pub kind: String,
    /// The projects that it is for; `null` for all.
    pub projects: Option<Vec<String>>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
    /// The secret; it cannot be had again.
    pub token: String,
}

/// A row of the audit log. `hash` is SHA-256 over the compact JSON array `["sluice-audit/v1", seq, at, project,
/// [name, kind, role, token], kind, body, previous]`, keys sorted.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRow {
    /// Its number: 1, 2, 3 and so on, without a gap.
    pub seq: i64,
    /// When: RFC 3339, UTC, to the microsecond.
    pub at: String,
    /// The project; `null` for what concerns the daemon.
    pub project: Option<String>,
    /// Who.
    pub who: AuditWho,
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
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditWho {
    /// The name on the credential.
    pub name: String,
    /// `person`, `agent` or `system`.
    pub kind: String,
    /// The role that they had.
    pub role: String,
    /// The id of the token.
    pub token: Option<String>,
}

/// An entry of a project's journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalEntry {
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
