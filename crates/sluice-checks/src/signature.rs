//! What makes two red reports the same.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{CheckReport, Level, Verdict};

impl CheckReport {
    /// The failure signature: SHA-256 over the names of the failing checks and the fingerprints of their
    /// errors, in a fixed order. Empty when no check fails.
    pub fn signature(&self) -> String {
        let mut faults = BTreeSet::new();
        for check in self
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Fail)
        {
            faults.insert((check.name.as_str(), ""));
            let errors = check
                .findings
                .iter()
                .filter(|finding| finding.level == Level::Error);
            faults
                .extend(errors.map(|finding| (check.name.as_str(), finding.fingerprint.as_str())));
        }
        if faults.is_empty() {
            return String::new();
        }
        let mut hash = Sha256::new();
        for (name, fingerprint) in faults {
            hash.update(format!("{name}\0{fingerprint}\n"));
        }
        hex::encode(hash.finalize())
    }
}

/// The worst of some verdicts; `unknown` when there is none.
pub(crate) fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    verdicts.into_iter().max().unwrap_or(Verdict::Unknown)
}
