//! The check that a built service starts and answers: one job that runs a small script of ours.

/// Where the script appears in the sandbox.
pub(crate) const INSIDE: &str = "/sluice/smoke.mjs";
/// The variable that says to run the build script first.
pub(crate) const BUILD: &str = "SLUICE_SMOKE_BUILD";
/// The variable with the health routes, separated by commas.
pub(crate) const HEALTH: &str = "SLUICE_SMOKE_HEALTH";
/// The script.
pub(crate) const SCRIPT: &str = include_str!("smoke/smoke.mjs");
/// The port that the service is asked to listen on.
pub(crate) const PORT: &str = "3000";
