//! The ed25519 key that signs, in OpenSSH clothes, and the names other tools know it by.

use crate::digest::sha256_hex;
use crate::error::ProofError;
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::fmt;
use zeroize::Zeroizing;

/// What a signature begins with that only a digest is made of.
const DIGESTED: &[u8] = b"sluice-keyed-digest/v1\0";

/// A private ed25519 key. Each copy is wiped from memory when dropped; never shown by `Debug`.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    comment: String,
}

impl Signer {
    /// Makes a new key from the operating system's random numbers. `comment` is kept to one line.
    #[must_use]
    pub fn generate(comment: &str) -> Self {
        Self {
            key: SigningKey::generate(&mut rand_core::OsRng),
            comment: one_line(comment),
        }
    }

    /// Reads an unencrypted OpenSSH private key (`-----BEGIN OPENSSH PRIVATE KEY-----`).
    ///
    /// # Errors
    /// Not an OpenSSH key, not ed25519, or protected by a passphrase.
    pub fn from_openssh(pem: &str) -> Result<Self, ProofError> {
        let key = PrivateKey::from_openssh(pem.trim_start()).map_err(|source| ProofError::Key {
            what: "private key",
            source,
        })?;
        if key.is_encrypted() {
            return Err(ProofError::KeyEncrypted);
        }
        let KeypairData::Ed25519(pair) = key.key_data() else {
            return Err(ProofError::KeyKind {
                algorithm: key.algorithm().to_string(),
            });
        };
        // Taken from the seed alone: a file whose public half was swapped would otherwise leak it.
        let signing = SigningKey::from_bytes(&pair.private.to_bytes());
        if signing.verifying_key().to_bytes() != pair.public.0 {
            return Err(ProofError::malformed(
                "private key",
                "its public half belongs to another key",
            ));
        }
        Ok(Self {
            key: signing,
            comment: one_line(key.comment()),
        })
    }

    /// The key in OpenSSH's private key format, unencrypted, ending in a line feed.
    #[must_use]
    pub fn to_openssh(&self) -> Zeroizing<String> {
        let pair = Ed25519Keypair::from_seed(self.key.as_bytes());
        PrivateKey::new(KeypairData::Ed25519(pair), self.comment.as_str())
            .and_then(|key| key.to_openssh(LineEnding::LF))
            .expect("an unencrypted ed25519 key always has an OpenSSH form")
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey {
            key: self.key.verifying_key(),
            comment: self.comment.clone(),
        }
    }

    /// A digest of a secret that only the holder of this key can make, so that nobody else can try guesses against
    /// it: SHA-256 (hex) of the deterministic signature over `message`, which no other signature of ours is over.
    #[must_use]
    pub fn keyed_digest(&self, message: &[u8]) -> String {
        sha256_hex(&self.sign_raw(&[DIGESTED, message].concat()))
    }

    /// The 64 bytes of an ed25519 signature over `message` (RFC 8032, deterministic).
    pub(crate) fn sign_raw(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public().fingerprint())
    }
}

/// A public ed25519 key. Two are equal when their key bytes are; the comment does not count.
#[derive(Clone)]
pub struct PublicKey {
    key: VerifyingKey,
    comment: String,
}

impl PublicKey {
    /// Reads `ssh-ed25519 AAAA… [comment]`.
    ///
    /// # Errors
    /// Not an OpenSSH public key, or not ed25519.
    pub fn from_openssh_line(line: &str) -> Result<Self, ProofError> {
        let key =
            ssh_key::PublicKey::from_openssh(line.trim()).map_err(|source| ProofError::Key {
                what: "public key",
                source,
            })?;
        Self::from_key_data(key.key_data(), key.comment())
    }

    pub(crate) fn from_key_data(data: &KeyData, comment: &str) -> Result<Self, ProofError> {
        let KeyData::Ed25519(Ed25519PublicKey(bytes)) = data else {
            return Err(ProofError::KeyKind {
                algorithm: data.algorithm().to_string(),
            });
        };
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| {
            ProofError::malformed("public key", "its bytes are no point of the curve")
        })?;
        if key.is_weak() {
            return Err(ProofError::malformed(
                "public key",
                "it is one of the weak keys that accept any message",
            ));
        }
        Ok(Self {
            key,
            comment: one_line(comment),
        })
    }

    pub(crate) fn key_data(&self) -> KeyData {
        KeyData::Ed25519(Ed25519PublicKey(self.key.to_bytes()))
    }

    /// `ssh-ed25519 AAAA… comment`, without a line break.
    #[must_use]
    pub fn openssh_line(&self) -> String {
        ssh_key::PublicKey::new(self.key_data(), self.comment.as_str())
            .to_openssh()
            .expect("an ed25519 public key always has an OpenSSH line")
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key_data().fingerprint(HashAlg::Sha256).to_string()
    }

    /// The id that securesystemslib and in-toto give the key: SHA-256 of its canonical JSON, hex.
    #[must_use]
    pub fn keyid(&self) -> String {
        let canonical = format!(
            r#"{{"keytype":"ed25519","keyval":{{"public":"{}"}},"scheme":"ed25519"}}"#,
            self.hex()
        );
        sha256_hex(canonical.as_bytes())
    }

    /// The 32 key bytes in hex, as in-toto layouts hold them.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.key.as_bytes())
    }

    /// The key as SubjectPublicKeyInfo in PEM (RFC 8410), the form that `in-toto-verify` and OpenSSL read.
    #[must_use]
    pub fn pem(&self) -> String {
        // SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING } in front of the 32 key bytes.
        let mut der = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        der.extend_from_slice(self.key.as_bytes());
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }

    /// The key's comment, which nothing vouches for.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Strict RFC 8032 verification: one message and key have one signature, no other encoding passes.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// A comment is a line's last field; a control character in it would start another line.
fn one_line(comment: &str) -> String {
    comment
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests;
