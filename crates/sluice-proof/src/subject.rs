//! What a gate is about: a commit, its tree, and the evidence that was shown with them.

use crate::digest::sha256_hex;
use crate::error::ProofError;
use serde::{Deserialize, Serialize};

/// A commit and its tree, as git object ids in lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The commit.
    pub commit: String,
    /// The commit's tree.
    pub tree: String,
}

impl Subject {
    /// Checks both ids.
    ///
    /// # Errors
    /// One is not 40 (SHA-1) or 64 (SHA-256) lowercase hex digits.
    pub fn new(commit: impl Into<String>, tree: impl Into<String>) -> Result<Self, ProofError> {
        let subject = Self {
            commit: commit.into(),
            tree: tree.into(),
        };
        subject.check()?;
        Ok(subject)
    }

    pub(crate) fn check(&self) -> Result<(), ProofError> {
        for (field, value) in [("commit", &self.commit), ("tree", &self.tree)] {
            if !is_oid(value) {
                let value = value.clone();
                return Err(ProofError::Field {
                    field,
                    value,
                    reason: "a git object id is 40 or 64 lowercase hex digits",
                });
            }
        }
        Ok(())
    }
}

pub(crate) fn is_oid(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// One signed envelope that was shown to whoever decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saw {
    /// The predicate type of its statement.
    pub predicate_type: String,
    /// SHA-256 of the envelope file's bytes, hex.
    pub sha256: String,
    /// Where the envelope lies in the entry, as `test-result.dsse.json`.
    pub path: String,
}

/// The digest that an approval is bound to: SHA-256, hex, of one compact JSON array
///
/// `["sluice-subject/v1",project,gate,run,commit,tree,[[predicateType,sha256],…]]`
///
/// with the evidence sorted and each pair once. JSON strings keep the fields apart, whatever is in
/// them; `docs/proofs.md` shows the same with `jq` and `sha256sum`.
#[must_use]
pub fn subject_digest(
    project: &str,
    gate: &str,
    run: &str,
    subject: &Subject,
    saw: &[Saw],
) -> String {
    let mut pairs: Vec<[&str; 2]> = saw
        .iter()
        .map(|saw| [saw.predicate_type.as_str(), &saw.sha256])
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let canonical = serde_json::to_vec(&(
        "sluice-subject/v1",
        project,
        gate,
        run,
        &subject.commit,
        &subject.tree,
        pairs,
    ))
    .expect("strings always have a JSON form");
    sha256_hex(&canonical)
}

#[cfg(test)]
mod tests;
