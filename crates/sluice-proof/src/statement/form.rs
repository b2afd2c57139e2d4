//! The form that every statement has: type, subjects, predicate type, predicate.

use crate::dsse::{Envelope, Verified, envelope};
use crate::error::ProofError;
use crate::key::Signer;
use crate::subject::Subject;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// DSSE payload type of every statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Predicate type of test results.
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Predicate type of provenance.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// Predicate type of vulnerability scans.
pub const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.1";
/// Predicate type of gate decisions. A URN, since nobody can buy it and serve another meaning from it.
pub const GATE_DECISION: &str = "urn:sluice:attestation/gate-decision/v1";

/// Digests by algorithm, as `{"gitCommit": "…"}`.
pub type DigestSet = BTreeMap<String, String>;

/// in-toto's reference to some artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDescriptor {
    /// What it is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Which bytes it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: DigestSet,
}

impl ResourceDescriptor {
    /// A named artifact fixed by one digest: `algorithm` is `sha256`, `gitCommit`, `gitTree` or `gitBlob`.
    #[must_use]
    pub fn new(name: impl Into<String>, algorithm: &str, digest: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            uri: None,
            digest: DigestSet::from([(algorithm.to_owned(), digest.into())]),
        }
    }
}

/// A statement: a predicate about subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<ResourceDescriptor>,
    predicate_type: String,
    /// What is stated.
    pub predicate: P,
}

impl<P: Serialize> Statement<P> {
    /// States `predicate` about a commit and its tree.
    #[must_use]
    pub fn new(subject: &Subject, predicate_type: &str, predicate: P) -> Self {
        Self {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![
                ResourceDescriptor::new("commit", "gitCommit", &subject.commit),
                ResourceDescriptor::new("tree", "gitTree", &subject.tree),
            ],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// The statement as JSON, the bytes that are signed.
    ///
    /// # Errors
    /// A number in the predicate that JSON has no form for.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProofError> {
        serde_json::to_vec(self).map_err(|error| ProofError::malformed("statement", error))
    }

    /// Signs the statement.
    ///
    /// # Errors
    /// As [`Statement::to_bytes`].
    pub fn sign(&self, signer: &Signer) -> Result<Envelope, ProofError> {
        Ok(envelope(PAYLOAD_TYPE, &self.to_bytes()?, signer))
    }
}

impl<P> Statement<P> {
    /// The predicate's type.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// The commit and tree that it is about.
    ///
    /// # Errors
    /// It names none, several, or no git object ids.
    pub fn subject(&self) -> Result<Subject, ProofError> {
        let one = |algorithm: &str| {
            let mut found = self
                .subject
                .iter()
                .filter_map(|subject| subject.digest.get(algorithm));
            match (found.next(), found.next()) {
                (Some(digest), None) => Ok(digest.clone()),
                _ => Err(ProofError::malformed(
                    "statement",
                    format!("it needs exactly one {algorithm} subject"),
                )),
            }
        };
        Subject::new(one("gitCommit")?, one("gitTree")?)
    }
}

impl<P: serde::de::DeserializeOwned> Statement<P> {
    /// Reads a statement out of a verified envelope; the predicate must be of `predicate_type`.
    ///
    /// # Errors
    /// Another payload or predicate type, or JSON of another shape.
    pub fn from_verified(verified: &Verified, predicate_type: &str) -> Result<Self, ProofError> {
        if verified.payload_type != PAYLOAD_TYPE {
            return Err(ProofError::malformed(
                "statement",
                format!("payload type {:?}", verified.payload_type),
            ));
        }
        let statement: Self = serde_json::from_slice(&verified.payload)
            .map_err(|error| ProofError::malformed("statement", error))?;
        if statement.kind != STATEMENT_TYPE || statement.predicate_type != predicate_type {
            return Err(ProofError::malformed(
                "statement",
                format!(
                    "it is {:?} of type {:?}, not {predicate_type:?}",
                    statement.kind, statement.predicate_type
                ),
            ));
        }
        Ok(statement)
    }
}
