//! Knows toolchains: what to run, how to read what it wrote, what makes two runs the same.

mod report;

pub use report::{CheckReport, CheckResult, Coverage, Finding, Level, Log, Tests, Verdict};
