//! The report of our own script that starts a service.

use serde::Deserialize;

use super::json;

/// What the script saw.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    ok: bool,
    stage: String,
    message: String,
}

/// `Ok` when the service answered; else where it stopped, and why.
pub(crate) fn smoke(bytes: &[u8]) -> Result<Result<(), (String, String)>, String> {
    let report: Report = json(bytes)?;
    Ok(if report.ok {
        Ok(())
    } else {
        Err((report.stage, report.message))
    })
}
