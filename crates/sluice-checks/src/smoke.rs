//! The check that a built service starts and answers: one job that runs a small script of ours.

use crate::script::SMOKE;
use crate::{Command, Report};

/// The variable that tells the script for Node to run the build script first.
pub(crate) const BUILD: &str = "SLUICE_SMOKE_BUILD";
/// The variable with the health routes, separated by commas.
pub(crate) const HEALTH: &str = "SLUICE_SMOKE_HEALTH";
/// The port that the service is asked to listen on.
pub(crate) const PORT: &str = "3000";

/// The command that builds a service, where there is something to build, starts it, and asks it.
pub(crate) fn serve(build: &[String], start: &[String]) -> Command {
    let mut argv = vec![
        "bash".to_owned(),
        SMOKE.inside.to_owned(),
        build.len().to_string(),
    ];
    argv.extend(build.iter().chain(start).cloned());
    Command::new(argv, Report::Smoke)
}

#[cfg(test)]
mod tests;
