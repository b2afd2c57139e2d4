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
    /// `open` or `answered`.
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
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
    /// The secret; it cannot be had again.
    pub token: String,
}
