//! The secrets of an endpoint, and the signature that they give.

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The sizes of keys that Standard Webhooks allows, in bytes.
const SIZES: std::ops::RangeInclusive<usize> = 24..=64;
/// The most secrets of one endpoint: the new one, the old one, and room for a mistake.
const MOST: usize = 4;

/// A text that is no list of secrets. It is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no secret: give whsec_ and the base64 of 24 to 64 random bytes, as `echo \"whsec_$(openssl rand -base64 \
     32)\"` makes it; up to four of them, separated by spaces or line breaks, while one replaces another"
)]
pub struct NotASecret;

/// One secret or, while one replaces another, several: a message is signed with each.
#[derive(Clone)]
pub struct Secrets(Vec<Zeroizing<Vec<u8>>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Takes `whsec_<base64>`, or several of them with white space between.
    ///
    /// # Errors
    /// [`NotASecret`].
    pub fn parse(text: &str) -> Result<Secrets, NotASecret> {
        let keys: Vec<_> = text.split_whitespace().map(key).collect::<Result<_, _>>()?;
        match keys.len() {
            1..=MOST => Ok(Secrets(keys)),
            _ => Err(NotASecret),
        }
    }

    /// The value of `webhook-signature`: one signature for each secret.
    pub fn sign(&self, id: &str, seconds: u64, payload: &[u8]) -> String {
        let one = |key: &Zeroizing<Vec<u8>>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any size");
            mac.update(format!("{id}.{seconds}.").as_bytes());
            mac.update(payload);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        let all: Vec<String> = self.0.iter().map(one).collect();
        all.join(" ")
    }
}

fn key(text: &str) -> Result<Zeroizing<Vec<u8>>, NotASecret> {
    // Some tools leave the padding out.
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let base64 = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let coded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
    let key = Zeroizing::new(base64.decode(coded).map_err(|_| NotASecret)?);
    SIZES.contains(&key.len()).then_some(key).ok_or(NotASecret)
}

#[cfg(test)]
mod tests;
