//! SSHSIG signatures (OpenSSH's PROTOCOL.sshsig), which `ssh-keygen -Y verify` and git check.

use crate::error::ProofError;
use crate::key::{PublicKey, Signer};
use crate::signers::{Signers, TrustedSigner};
use ssh_key::{Algorithm, HashAlg, LineEnding, Signature, SshSig};

const MAX_SIGNATURE_BYTES: usize = 4096;

/// Signs `message` for `namespace`; armoured text that ends in a line feed.
///
/// # Errors
/// The namespace is empty.
pub fn sshsig(namespace: &str, message: &[u8], signer: &Signer) -> Result<String, ProofError> {
    if namespace.is_empty() {
        return Err(ProofError::Field {
            field: "namespace",
            value: String::new(),
            reason: "it must name a use",
        });
    }
    let make = || {
        let signed = SshSig::signed_data(namespace, HashAlg::Sha512, message)?;
        let signature = Signature::new(Algorithm::Ed25519, signer.sign_raw(&signed))?;
        SshSig::new(
            signer.public().key_data(),
            namespace,
            HashAlg::Sha512,
            signature,
        )?
        .to_pem(LineEnding::LF)
    };
    let mut armored =
        make().map_err(|error: ssh_key::Error| ProofError::malformed("signature", error))?;
    if !armored.ends_with('\n') {
        armored.push('\n');
    }
    Ok(armored)
}

/// Checks that a trusted key signed `message` for `namespace`, and says which.
///
/// # Errors
/// Unreadable or re-encoded armour, another namespace, an untrusted key, or other bytes.
pub fn sshsig_verify<'a>(
    namespace: &str,
    message: &[u8],
    armored: &str,
    signers: &'a Signers,
) -> Result<&'a TrustedSigner, ProofError> {
    let (signature, key) = parse(armored)?;
    if signature.namespace() != namespace {
        return Err(ProofError::malformed(
            "signature",
            format!(
                "it is for {:?}, not for {namespace:?}",
                signature.namespace()
            ),
        ));
    }
    let Some(signer) = signers.by_key(&key, namespace) else {
        return Err(ProofError::UnknownSigner {
            what: "the signature",
            key: key.fingerprint(),
        });
    };
    let signed = SshSig::signed_data(namespace, signature.hash_alg(), message)
        .map_err(|error| ProofError::malformed("signature", error))?;
    if !key.verifies(&signed, signature.signature_bytes()) {
        return Err(ProofError::BadSignature {
            what: "the signed bytes",
        });
    }
    Ok(signer)
}

/// The key that a signature claims to be by; says nothing about whether it is.
///
/// # Errors
/// Unreadable armour, or a key that is not ed25519.
pub fn sshsig_key(armored: &str) -> Result<PublicKey, ProofError> {
    parse(armored).map(|(_, key)| key)
}

fn parse(armored: &str) -> Result<(SshSig, PublicKey), ProofError> {
    if armored.len() > MAX_SIGNATURE_BYTES {
        return Err(ProofError::TooLarge {
            what: "the signature",
            size: armored.len(),
            limit: MAX_SIGNATURE_BYTES,
        });
    }
    let signature =
        SshSig::from_pem(armored).map_err(|error| ProofError::malformed("signature", error))?;
    let key = PublicKey::from_key_data(signature.public_key(), "")?;
    // git strips the last line break in some places; every other difference is somebody's edit.
    let again = signature
        .to_pem(LineEnding::LF)
        .map_err(|error| ProofError::malformed("signature", error))?;
    if again.trim_end() != armored.trim_end_matches('\n') || !signature.reserved().is_empty() {
        return Err(ProofError::malformed("signature", "its armour was changed"));
    }
    // The library reads other versions too, and signatures whose algorithm has a name of somebody's own.
    if signature.version() != SshSig::VERSION
        || signature.signature().algorithm() != Algorithm::Ed25519
    {
        let what = "it is not version 1 with ssh-ed25519";
        return Err(ProofError::malformed("signature", what));
    }
    Ok((signature, key))
}

#[cfg(test)]
mod tests;
