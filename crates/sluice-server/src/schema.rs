//! The shapes of requests and answers as the OpenAPI document describes them.
//!
//! The answers themselves are the factory's views; the tests hold each of them against its shape here.

mod agent;
mod check;
mod edit;
mod event;
mod gate;
mod project;
mod reply;
mod webhook;

pub use agent::{Agent, AgentCall, AgentCost, AgentLimits, AgentSummary, AgentUsage};
pub use check::{
    Check, CheckReport, CheckResult, Class, Coverage, Covered, Finding, FindingEntry, Fixable,
    InstallStep, Level, Log, NetworkRequest, Tests, Verdict,
};
pub use edit::{Edit, EditFile, EditSide, EditSummary, LeftAlone, WorkTree};
pub use event::{AuditRow, AuditWho, Escalation, Event, JournalEntry, MadeToken, Token};
pub use gate::{
    Attempt, AttemptFinding, AttemptSummary, DocumentResult, EditReceipt, Evaluation, Gate,
    GateField, Proof, Receipt, Reopened, Run, Subject, Waiver,
};
pub use project::{
    Blame, BlamedLines, Branch, Commit, CommitWithDiff, Diff, FileDiff, FileWritten, MadeBy,
    Project, Tag, Tree, TreeEntry,
};
pub use reply::{Reply, ReplyDeletion, ReplyEdit, ReplyFile, ReplyWarning};
use serde::Serialize;
use utoipa::ToSchema;
pub use webhook::{Delivery, Webhook};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T: ToSchema> {
    /// The entries, in a stable order.
    pub items: Vec<T>,
    /// What to hand in as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// Why a request was not answered as asked (RFC 9457). Further members depend on the type: `code`, `field`,
/// `reason`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `/problems/<word>`; the page there says what to do.
    pub r#type: String,
    /// The type in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// The request's id, as in the header `x-request-id` and in the log.
    pub instance: String,
}

/// Raw bytes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Bytes(pub Vec<u8>);

/// A DSSE envelope.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The in-toto statement, in Base64.
    pub payload: String,
    /// `application/vnd.in-toto+json`.
    pub payload_type: String,
    /// Who signed it.
    pub signatures: Vec<Signature>,
}

/// A signature of an envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signature {
    /// Which key.
    pub keyid: String,
    /// The signature, in Base64.
    pub sig: String,
}
