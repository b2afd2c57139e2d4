//! The tables as sea-orm sees them. Nothing here leaves the crate.

pub(crate) mod ask;
pub(crate) mod attempt;
pub(crate) mod audit;
pub(crate) mod audit_head;
pub(crate) mod author;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod decision;
pub(crate) mod delivery;
pub(crate) mod escalation;
pub(crate) mod event;
pub(crate) mod event_clock;
pub(crate) mod finding;
pub(crate) mod idempotency;
pub(crate) mod journal;
pub(crate) mod person;
pub(crate) mod project;
pub(crate) mod proof;
pub(crate) mod run;
pub(crate) mod session;
pub(crate) mod setting;
pub(crate) mod token;
pub(crate) mod webhook;
