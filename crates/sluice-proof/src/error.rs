//! What can be wrong with a key, a signature or a statement.

/// Why something could not be made or did not verify.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A key in OpenSSH format could not be read.
    #[error("the {what} is not a readable OpenSSH key")]
    Key {
        /// Which key: `private key` or `public key`.
        what: &'static str,
        /// What the format's parser said.
        #[source]
        source: ssh_key::Error,
    },
    /// A key of another kind than ed25519.
    #[error(
        "the key is {algorithm}, but only ed25519 is used: make one with `ssh-keygen -t ed25519`"
    )]
    KeyKind {
        /// The algorithm's OpenSSH name.
        algorithm: String,
    },
    /// A private key that is protected by a passphrase.
    #[error(
        "the private key has a passphrase, which a daemon cannot type: remove it with `ssh-keygen -p`"
    )]
    KeyEncrypted,
    /// A line of an `allowed_signers` file that cannot be taken.
    #[error("allowed signers, line {line}: {reason}")]
    Signers {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// Input beyond the bound for its kind.
    #[error("{what} has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// Bytes that are not what they should be.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// `envelope`, `signature`, `statement`, ….
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A signature by a key that is not trusted for this use.
    #[error("{what} is signed by {key}, which is not a trusted signer")]
    UnknownSigner {
        /// What was signed.
        what: &'static str,
        /// The key's id or fingerprint.
        key: String,
    },
    /// A signature that does not belong to these bytes.
    #[error("the signature of {what} does not match its bytes")]
    BadSignature {
        /// What was signed.
        what: &'static str,
    },
    /// A decision was made about something else than what it is attached to.
    #[error("the decision is about subject digest {given}, but its content gives {computed}")]
    SubjectDigest {
        /// The digest that was decided on.
        given: String,
        /// The digest of the content.
        computed: String,
    },
    /// A value that has no place in a proof.
    #[error("{field} cannot be {value:?}: {reason}")]
    Field {
        /// Which value.
        field: &'static str,
        /// The value.
        value: String,
        /// Why not.
        reason: &'static str,
    },
}

impl ProofError {
    pub(crate) fn malformed(what: &'static str, reason: impl ToString) -> Self {
        Self::Malformed {
            what,
            reason: reason.to_string(),
        }
    }
}
