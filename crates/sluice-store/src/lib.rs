//! Remembers runs, what they leave behind, tokens and events, on SQLite or PostgreSQL.
//!
//! A run changes only through [`Store::run_commit`]: one transaction, a compare-and-swap on the run's step,
//! and with it everything that belongs to the change. What a method acknowledged is on disk.

mod ask;
mod attempt;
mod audit;
mod author;
mod blob;
mod call;
mod check;
mod commit;
mod connect;
mod decision;
mod delivery;
mod due;
#[expect(
    unreachable_pub,
    reason = "sea-orm derives public types beside each model"
)]
mod entity;
mod error;
mod escalation;
mod event;
mod finding;
mod group;
mod id;
mod idempotency;
mod journal;
mod meters;
mod page;
mod person;
mod project;
mod proof;
mod row;
mod rows;
mod run;
mod session;
mod setting;
mod store;
mod tally;
mod token;
mod webhook;
mod word;

pub use ask::{AskRecord, NewReply, NewRequest, ReplyPutOutcome};
pub use attempt::{AttemptChange, AttemptRecord, Presented};
pub use audit::AuditFilter;
pub use call::{CallRecord, CallStatistics, NewCall};
pub use check::{CheckEnd, CheckRecord, CheckState, NewCheck};
pub use commit::{Bound, RunCommit, RunCommitOutcome, Subject};
pub use decision::{Actor, DecisionKind, DecisionRecord, NewDecision};
pub use delivery::{DeliveryRecord, DeliveryState, DeliveryTry, NewDelivery, TryEnd};
pub use due::{RunDeferOutcome, RunParkOutcome};
pub use error::StoreError;
pub use escalation::{EscalationAnswer, EscalationRecord, EscalationState, NewEscalation};
pub use event::{EventRecord, NewEvent};
pub use finding::{FindingFilter, FindingRecord, FindingsSeen, NewFinding};
pub use id::{CheckId, DeliveryId, EntryId, EscalationId, EventSeq, FindingId, RunId, TokenId};
pub use idempotency::{KeptAnswer, KeyOutcome, KeyedRequest};
pub use journal::{
    EntryChange, EntryChangeOutcome, EntryFilter, EntryKind, EntryRecord, EntryState, NewEntry,
};
pub use page::Page;
pub use person::{KnownPerson, NewPerson};
pub use project::{
    NewProject, ProjectCreateOutcome, ProjectDeleteOutcome, ProjectKind, ProjectRecord,
};
pub use proof::{NewProof, ProofRecord};
pub use rows::{Rows, RowsError, TABLES};
pub use run::{NewRun, Pins, RunOpenOutcome, RunRecord};
pub use store::Store;
pub use tally::Tally;
pub use token::{NewToken, TokenFindOutcome, TokenRecord};
pub use webhook::WebhookRecord;
pub use word::{ActorKind, NotAWord, Role};
