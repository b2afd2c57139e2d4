//! Knows toolchains: what to run, how to read what it wrote, what makes two runs the same.
//!
//! [`plan()`] says what is to be run on a tree, [`Checker`] runs it in sandboxes, a [`CheckReport`] says what
//! came of it. [`pins()`] and [`document`] look at a tree without running anything.

mod cache;
mod checker;
mod disk;
pub mod document;
mod error;
mod finding;
mod judge;
mod layer;
mod logs;
mod node;
mod pins;
mod plan;
mod read;
mod report;
mod settings;
mod signature;
mod smoke;
mod tree;
mod watch;

pub use cache::Cache;
pub use checker::{Checker, Request};
pub use error::CheckError;
pub use finding::fingerprint;
pub use logs::Logs;
pub use pins::{pins, pins_moved};
pub use plan::{Action, Command, Kind, Plan, Project, Report, Step, plan};
pub use report::{CheckReport, CheckResult, Coverage, Finding, Level, Log, Tests, Verdict};
pub use settings::{Settings, host_registry};
pub use tree::{Folder, Tree};
pub use watch::{Quiet, Watch};
