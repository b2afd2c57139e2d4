//! Knows toolchains: what to run, how to read what it wrote, what makes two runs the same.
//!
//! [`plan()`] says what is to be run on a tree, [`Checker`] runs it in sandboxes, a [`CheckReport`] says what
//! came of it. [`pins()`] and [`document`] look at a tree without running anything.

mod cache;
mod checker;
mod class;
mod code;
mod disk;
pub mod document;
mod error;
mod find;
mod finding;
mod go;
mod inputs;
mod judge;
mod layer;
mod lines;
mod logs;
mod meters;
mod node;
mod pins;
mod plan;
mod project;
mod python;
mod read;
mod registry;
mod report;
mod rust;
mod script;
mod settings;
mod shelf;
mod signature;
mod smoke;
mod source;
mod toolchain;
mod tree;
mod turns;
mod watch;

pub use cache::Cache;
pub use checker::{Checker, Request};
pub use error::CheckError;
pub use finding::fingerprint;
pub use inputs::{Inputs, Matching, Reads};
pub use lines::{Line, Lines, shown};
pub use logs::Logs;
pub use pins::{pins, pins_moved};
pub use plan::{
    Action, Advisories, Command, Further, Ground, Kind, Plan, Project, Report, Step, plan,
};
pub use registry::host_registry;
pub use report::{
    CheckReport, CheckResult, Class, Coverage, Covered, Finding, Fixable, Level, Log, Ran, Tests,
    Verdict,
};
pub use settings::Settings;
pub use source::{Source, SourceFault};
pub use toolchain::{HostToolchains, Toolchain};
pub use tree::{Folder, Tree};
pub use turns::{Client, Queued};
pub use watch::{Quiet, Watch};
