//! The coverage summary that vitest and jest write.

use std::path::Path;

use serde_json::Value;

use crate::Coverage;

/// The share of lines in `coverage/coverage-summary.json` of the folder `out`, where there is one.
pub(crate) fn coverage(out: &Path) -> Option<Coverage> {
    let summary: Value =
        super::json(&super::file(&out.join("coverage"), "coverage-summary.json").ok()?).ok()?;
    let percent = summary.get("total")?.get("lines")?.get("pct")?.as_f64()?;
    (0.0..=100.0).contains(&percent).then_some(Coverage {
        lines: percent / 100.0,
    })
}
