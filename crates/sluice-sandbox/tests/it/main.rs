//! What every engine must do, and what is special to each.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conformance;
mod docker;
mod native;
mod table;
