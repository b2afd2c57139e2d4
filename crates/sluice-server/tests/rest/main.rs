//! The REST surface over a real factory: real store, real git; every answer is held against the document.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod access;
mod bad_input;
mod checks;
mod clones;
mod dashboard;
mod edits;
mod files;
mod gates;
mod histories;
mod hostile;
mod issuer;
mod layercake;
mod limits;
mod live;
mod metrics;
mod oidc;
mod once;
mod serving;
mod shapes;
mod streams;
mod world;
