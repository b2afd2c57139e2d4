//! What every engine must do, and what is special to each.

mod conformance;
mod native;
