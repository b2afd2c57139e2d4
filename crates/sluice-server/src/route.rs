//! The routes, one file a resource.

pub(crate) mod agents;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod checks;
pub(crate) mod commits;
pub(crate) mod decisions;
pub(crate) mod edits;
pub(crate) mod escalations;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod findings;
pub(crate) mod gates;
pub(crate) mod git;
pub(crate) mod health;
pub(crate) mod journal;
pub(crate) mod later;
pub(crate) mod layercake;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod parse;
pub(crate) mod projects;
pub(crate) mod proofs;
pub(crate) mod replies;
pub(crate) mod templates;
pub(crate) mod tokens;
pub(crate) mod webhooks;
