//! DSSE envelopes (secure-systems-lab/dsse, v1): a payload, its type, and who signed both.

use crate::error::ProofError;
use crate::key::Signer;
use crate::signers::{SLUICE_NAMESPACE, Signers};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

/// The largest envelope that is read, in bytes of JSON.
pub const MAX_ENVELOPE_BYTES: usize = 16 << 20;
const MAX_SIGNATURES: usize = 16;

/// A signed payload. Parsed, not yet believed: only [`Envelope::verify`] gives the payload away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EnvelopeSignature {
    keyid: String,
    sig: String,
}

/// What a verified envelope said, and whose word it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The payload's type, such as `application/vnd.in-toto+json`.
    pub payload_type: String,
    /// The payload's bytes.
    pub payload: Vec<u8>,
    /// The key's id (`PublicKey::keyid`).
    pub keyid: String,
    /// The name under which the key is trusted.
    pub signer_name: String,
}

/// Signs `payload`. The same input gives the same bytes, so a repeat after a crash changes nothing.
#[must_use]
pub fn envelope(payload_type: &str, payload: &[u8], signer: &Signer) -> Envelope {
    let signature = signer.sign_raw(&pae(payload_type, payload));
    Envelope {
        payload: STANDARD.encode(payload),
        payload_type: payload_type.to_owned(),
        signatures: vec![EnvelopeSignature {
            keyid: signer.public().keyid(),
            sig: STANDARD.encode(signature),
        }],
    }
}

/// DSSE's pre-authentication encoding: what is really signed.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Reads an envelope from bytes that anybody may have written.
    ///
    /// # Errors
    /// Too large, not JSON of this shape, or with no or too many signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(ProofError::TooLarge {
                what: "the envelope",
                size: bytes.len(),
                limit: MAX_ENVELOPE_BYTES,
            });
        }
        let envelope: Self = serde_json::from_slice(bytes)
            .map_err(|error| ProofError::malformed("envelope", error))?;
        match envelope.signatures.len() {
            0 => Err(ProofError::malformed("envelope", "it has no signature")),
            1..=MAX_SIGNATURES => Ok(envelope),
            more => Err(ProofError::malformed(
                "envelope",
                format!("{more} signatures, at most {MAX_SIGNATURES} are read"),
            )),
        }
    }

    /// Reads an envelope and insists on the one form that [`Envelope::to_bytes`] writes.
    ///
    /// A signature does not cover the white space and key order around it; this does.
    ///
    /// # Errors
    /// As [`Envelope::parse`], and when the bytes are not in that form.
    pub fn parse_exact(bytes: &[u8]) -> Result<Self, ProofError> {
        let envelope = Self::parse(bytes)?;
        if envelope.signatures.len() != 1 || envelope.to_bytes() != bytes {
            return Err(ProofError::malformed(
                "envelope",
                "bytes were changed outside the signature",
            ));
        }
        Ok(envelope)
    }

    /// The envelope as one line of JSON that ends in a line feed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("strings always have a JSON form");
        bytes.push(b'\n');
        bytes
    }

    /// Checks that a trusted key signed the payload and its type, and hands both out.
    ///
    /// # Errors
    /// No signature is by a trusted key, or one that claims to be does not match.
    pub fn verify(&self, signers: &Signers) -> Result<Verified, ProofError> {
        let payload = decode(&self.payload)?;
        let message = pae(&self.payload_type, &payload);
        for signature in &self.signatures {
            let Some(signer) = signers.by_keyid(&signature.keyid, SLUICE_NAMESPACE) else {
                continue;
            };
            if !signer.key.verifies(&message, &decode(&signature.sig)?) {
                return Err(ProofError::BadSignature {
                    what: "the envelope",
                });
            }
            return Ok(Verified {
                payload_type: self.payload_type.clone(),
                payload,
                keyid: signature.keyid.clone(),
                signer_name: signer.name.clone(),
            });
        }
        let key = self
            .signatures
            .first()
            .map_or_else(String::new, |signature| signature.keyid.clone());
        Err(ProofError::UnknownSigner {
            what: "the envelope",
            key,
        })
    }
}

/// DSSE allows both alphabets; padding and trailing bits must be exact in either.
fn decode(text: &str) -> Result<Vec<u8>, ProofError> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|error| ProofError::malformed("envelope", format!("base64: {error}")))
}

#[cfg(test)]
mod tests;
