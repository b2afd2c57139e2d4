//! Drives runs: load, act, apply, commit, repeat; recovers after a crash.
//!
//! [`Factory`] is the shell around the machine of `sluice-gates`: it stores a run before it acts on it, and
//! everything it does may be repeated.

mod agent_view;
mod alone;
mod answer;
mod ask;
mod asking;
mod audit;
mod backup;
mod changes;
mod check;
mod clone;
mod data;
mod decide;
mod drive;
mod edits;
mod evaluation;
mod evidence;
mod factory;
mod files;
mod for_server;
mod gate_file;
mod gate_view;
mod git_names;
mod git_tree;
mod history;
mod journal;
mod landing;
mod lineup;
mod live;
mod meters;
mod packing;
mod people;
mod present;
mod prices;
mod project;
mod prompts;
mod refusal;
mod reopen;
mod request;
mod roles;
mod seal;
mod session;
mod template;
mod transcript;
pub mod view;
mod watching;
mod webhooks;
mod work_tree;

pub use alone::TokenBounds;
pub use ask::MAX_REPLY_BYTES;
pub use backup::{BackupError, Manifest, Restored, backup, restore};
pub use changes::{Receipt, Taken, TreeBase, change, take};
pub use data::DataDir;
pub use decide::Decide;
pub use edits::{
    EditState, Editing, MAX_FILE_BYTES, NotAPerson, Person, Precondition, Resolution, Take,
};
pub use evaluation::{DocumentResult, Evaluation};
pub use factory::{Factory, Parts};
pub use for_server::{parse_json, path_reason};
pub use gate_file::{
    Approval, Escalation, EscalationField, Field, GateFile, GateFileError, GateSet, Health,
};
pub use journal::JournalChange;
pub use lineup::{AgentTable, Named};
pub use live::{LiveEvent, LivePlace, LiveReplies, NotAPlace};
pub use people::{Credential, Vouched};
pub use prices::Prices;
pub use prompts::{PromptHead, Prompts};
pub use refusal::{Asked, Refusal};
pub use roles::{RoleFile, RoleHead, RoleLimits, Roles};
pub use session::SESSION;
pub use template::{TemplateHead, Templates};
pub use transcript::{Following, Frame};
pub use webhooks::{WEBHOOK_EVENTS, Webhook, WebhookUsage};
pub use work_tree::Settled;

// What the server hands in and gets back, so that it needs no room but this one.
pub use sluice_gates::{Gate, NotAGate};
pub use sluice_store::{
    Actor, ActorKind, AuditFilter, CheckId, DeliveryId, DeliveryState, EntryFilter, EntryId,
    EntryKind, EntryState, EscalationId, EscalationState, EventSeq, KeptAnswer, KeyOutcome,
    KeyedRequest, Role, Tally, TokenId,
};
