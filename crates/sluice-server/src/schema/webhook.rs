//! Webhooks and what was sent to them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A webhook of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhook {
    /// Its name in the configuration.
    pub id: String,
    /// Where it is, without what may be a secret: user, path and query.
    pub url: String,
    /// The types of messages that it gets; empty for all.
    pub events: Vec<String>,
    /// The projects that it hears of; empty for all.
    pub projects: Vec<String>,
    /// `active`, `failing` (the last message was not taken), or `disabled` (it answered 410).
    pub state: String,
    /// Since when it is disabled, RFC 3339.
    pub disabled_at: Option<String>,
    /// How many messages wait to be sent, for the first time or again.
    pub waiting: u64,
    /// When the next of them is sent, RFC 3339.
    pub next_attempt_at: Option<String>,
    /// When it last took a message, RFC 3339.
    pub last_success_at: Option<String>,
    /// When it last did not, RFC 3339.
    pub last_error_at: Option<String>,
    /// What happened then.
    pub last_error: Option<String>,
}

/// A message to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    /// Its id, which is its `webhook-id` too.
    pub id: String,
    /// The webhook.
    pub webhook: String,
    /// Its type, such as `gate.decided`.
    pub r#type: String,
    /// The event that it tells of; `null` for a test.
    pub event: Option<i64>,
    /// What is sent.
    pub payload: Value,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next, RFC 3339.
    pub next_attempt_at: Option<String>,
    /// The last status that was answered.
    pub status: Option<u16>,
    /// Why the last attempt came to nothing.
    pub error: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it was last sent, RFC 3339.
    pub attempted_at: Option<String>,
    /// When it was taken or given up, RFC 3339.
    pub ended_at: Option<String>,
}
