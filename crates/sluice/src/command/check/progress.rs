//! One line on standard error for each check that starts and ends.

use sluice_checks::{CheckResult, Watch};

use super::show::verdict;
use crate::output::{Output, one_line};

/// Tells a person how a run goes on.
#[derive(Debug)]
pub(super) struct Progress(Output);

impl Progress {
    pub(super) fn new(output: Output) -> Progress {
        Progress(output)
    }
}

impl Watch for Progress {
    fn started(&self, check: &str, command: &[String]) {
        self.0.note(&one_line(&format!(
            "start   {check}: {}",
            command.join(" ")
        )));
    }

    fn finished(&self, result: &CheckResult) {
        let cached = if result.cached { ", cached" } else { "" };
        self.0.note(&one_line(&format!(
            "{:<7} {} ({:.1} s{cached})",
            verdict(result.verdict),
            result.name,
            result.wall_ms as f64 / 1000.0
        )));
    }
}
