//! Makes, signs and verifies statements. Pure: no file, no network, no clock; callers bring bytes.
//!
//! A gate's decision becomes an [`entry::entry`]: a set of files in which every byte is covered by
//! a signature. [`verify::verify`] checks a whole repository of such entries, given as data.
//! The formats are written down in `docs/proofs.md`.

pub mod audit;
mod digest;
mod dsse;
pub mod entry;
mod error;
mod key;
pub mod layout;
mod signers;
mod sshsig;
pub mod statement;
mod subject;
pub mod verify;

pub use digest::{FileDigest, sha256_hex};
pub use dsse::{Envelope, MAX_ENVELOPE_BYTES, Verified, envelope, pae};
pub use error::ProofError;
pub use key::{PublicKey, Signer};
pub use signers::{GIT_NAMESPACE, SLUICE_NAMESPACE, Signers, TrustedSigner};
pub use sshsig::{sshsig, sshsig_key, sshsig_verify};
pub use subject::{Saw, Subject, subject_digest};
