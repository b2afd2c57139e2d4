//! Checks a whole repository's proofs, given as data: every signature, digest and order.

mod decided;
mod order;
mod report;
mod repository;

pub use report::{EvidenceReport, GateReport, HeadReport, Report, SignerReport, TrustSource};
pub use repository::{ChainEntry, CommitInfo, Commits, Expected, GateChain, Repository, Trust};

use crate::signers::Signers;
use crate::sshsig::sshsig_key;

/// Checks `repository`. `expected` are all gates in order, with the evidence that each demands.
///
/// Never fails: what is wrong becomes a problem in the report, which is then not `verified`.
#[must_use]
pub fn verify(repository: &Repository<'_>, trust: Trust<'_>, expected: &[Expected]) -> Report {
    let (signers, source) = match trust {
        Trust::Told(signers) => (signers.clone(), TrustSource::Told),
        Trust::FirstSigner => (first_signer(repository, expected), TrustSource::FirstSigner),
    };
    let gates = expected
        .iter()
        .map(|gate| {
            let chain = repository
                .gates
                .iter()
                .find(|chain| chain.gate == gate.gate);
            decided::chain(gate, chain, repository.commits, &signers)
        })
        .collect();
    order::report(repository, expected, gates, &signers, source)
}

/// The key that signed the oldest proof of the first gate: a memory, not a reason to trust.
#[must_use]
pub fn first_signer(repository: &Repository<'_>, expected: &[Expected]) -> Signers {
    expected
        .iter()
        .filter_map(|gate| {
            repository
                .gates
                .iter()
                .find(|chain| chain.gate == gate.gate)
        })
        .find_map(|chain| chain.entries.first())
        .and_then(|entry| entry.signature.as_deref())
        .and_then(|signature| sshsig_key(signature).ok())
        .map_or_else(Signers::default, |key| Signers::one("first-signer", key))
}
