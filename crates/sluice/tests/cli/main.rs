//! The binary as a person or a script meets it: arguments, streams, exit codes, documents.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop where it is"
)]

mod apply;
mod apply_edits;
mod check;
mod images;
mod machine;
mod parse;
mod proven;
mod remote;
mod usage;
mod verify;
mod world;
