//! A token of three parts: its head, its keys' signature, and what it says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::Key;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;
/// The kinds of tokens that say who somebody is (RFC 7519, RFC 9068). Others are for other purposes, whoever signed.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It is longer than any that is looked at.
    TooLong,
    /// It is not made as tokens are.
    Malformed,
    /// It is signed in a way that is not accepted, or not at all.
    Algorithm,
    /// It is a token for another purpose, or needs what we do not know.
    Purpose,
    /// The issuer has no such key.
    Key,
    /// The signature is not the key's.
    Signature,
    /// A claim is missing, or is not what it should be.
    Claim(&'static str),
    /// It is another issuer's.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// Its time is over.
    Expired,
    /// Its time is still to come.
    NotYet,
}

impl Doubt {
    /// What the one who sent it is told.
    pub(crate) fn told(self) -> String {
        let text = match self {
            Doubt::TooLong => "the token is longer than 16 KiB",
            Doubt::Malformed => "the token cannot be read",
            Doubt::Algorithm => "the token must be signed with RS256, PS256, ES256 or EdDSA",
            Doubt::Purpose => "the token is not one that says who you are",
            Doubt::Key => "the issuer has no key that fits the token",
            Doubt::Signature => "the token's signature is not the issuer's",
            Doubt::Claim(name) => {
                return format!("the token's claim `{name}` is missing or not valid");
            }
            Doubt::Issuer => "the token is of another issuer",
            Doubt::Audience => "the token is for somebody else",
            Doubt::Expired => "the token has expired; get a new one from the issuer",
            Doubt::NotYet => "the token is not valid yet; look at the clocks of both machines",
        };
        text.to_owned()
    }
}

/// Whether a text has the form of a signed token.
pub(crate) fn is_jwt(text: &str) -> bool {
    let mut parts = text.split('.');
    let (Some(head), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    // `{"` in Base64.
    head.starts_with("ey")
}

/// What stands in the head that we look at.
#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    b64: Option<Value>,
}

/// A token whose signature was not looked at yet.
pub(crate) struct Token<'a> {
    text: &'a str,
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
}

impl<'a> Token<'a> {
    /// Reads the head.
    pub(crate) fn read(text: &'a str) -> Result<Token<'a>, Doubt> {
        if text.len() > LONGEST {
            return Err(Doubt::TooLong);
        }
        let head = text.split('.').next().unwrap_or_default();
        let head = BASE64.decode(head).map_err(|_| Doubt::Malformed)?;
        let head: Head = serde_json::from_slice(&head).map_err(|_| Doubt::Malformed)?;
        let algorithm = algorithm(&head.alg).ok_or(Doubt::Algorithm)?;
        if head.crit.is_some() || head.b64.is_some() {
            return Err(Doubt::Purpose);
        }
        let kind = head.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        let kind = kind.strip_prefix("application/").unwrap_or(&kind);
        if !TYPES.contains(&kind) {
            return Err(Doubt::Purpose);
        }
        Ok(Token {
            text,
            algorithm,
            kid: head.kid,
        })
    }

    /// What it says, when one of the keys signed it. Each key is for this algorithm.
    pub(crate) fn verified(&self, keys: &[Key]) -> Result<Map<String, Value>, Doubt> {
        // What it says is judged elsewhere, strictly, at a time that is given.
        let mut only_signature = Validation::new(self.algorithm);
        only_signature.required_spec_claims.clear();
        only_signature.validate_exp = false;
        only_signature.validate_nbf = false;
        only_signature.validate_aud = false;
        let mut doubt = Doubt::Key;
        for key in keys {
            match jsonwebtoken::decode(self.text, &key.verifying, &only_signature) {
                Ok(token) => return Ok(token.claims),
                Err(error) => {
                    doubt = match error.kind() {
                        jsonwebtoken::errors::ErrorKind::InvalidSignature => Doubt::Signature,
                        _ => Doubt::Malformed,
                    }
                }
            }
        }
        Err(doubt)
    }
}

/// The algorithms that are accepted: each with a public key, so that what verifies cannot sign.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "PS256" => Algorithm::PS256,
        "ES256" => Algorithm::ES256,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
