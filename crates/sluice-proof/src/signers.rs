//! The signers one trusts, in OpenSSH's `allowed_signers` format (`ssh-keygen(1)`, ALLOWED SIGNERS).

use crate::error::ProofError;
use crate::key::PublicKey;
use std::fmt::Write;

/// The namespace of signed git commits.
pub const GIT_NAMESPACE: &str = "git";
/// The namespace of our statements.
pub const SLUICE_NAMESPACE: &str = "sluice";

const MAX_SIGNERS_BYTES: usize = 1 << 20;

/// One trusted key and the name it is trusted under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedSigner {
    /// The first principal of its line.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// What its signatures may be about (`namespaces=`); `None` is anything.
    pub namespaces: Option<Vec<String>>,
}

impl TrustedSigner {
    fn may_sign(&self, namespace: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| name == namespace))
    }
}

/// A set of trusted signers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    signers: Vec<TrustedSigner>,
}

impl Signers {
    /// Trusts one key under one name, for commits and statements.
    #[must_use]
    pub fn one(name: &str, key: PublicKey) -> Self {
        let mut signers = Self::default();
        signers.add(name, key);
        signers
    }

    /// Trusts one more key, for commits and statements.
    pub fn add(&mut self, name: &str, key: PublicKey) {
        let namespaces = [GIT_NAMESPACE, SLUICE_NAMESPACE].map(str::to_owned);
        self.signers.push(TrustedSigner {
            name: principal(name),
            key,
            namespaces: Some(namespaces.into()),
        });
    }

    /// Reads an `allowed_signers` file. Empty lines and `#` lines are skipped.
    ///
    /// # Errors
    /// Names the line: not ed25519, an option that is not `namespaces=`, no key. Options that
    /// narrow trust are refused when not understood, since ignoring one would widen it.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        if text.len() > MAX_SIGNERS_BYTES {
            return Err(ProofError::TooLarge {
                what: "the allowed signers file",
                size: text.len(),
                limit: MAX_SIGNERS_BYTES,
            });
        }
        let mut signers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let signer = parse_line(line).map_err(|reason| ProofError::Signers {
                line: index + 1,
                reason,
            })?;
            signers.push(signer);
        }
        Ok(Self { signers })
    }

    /// The set as an `allowed_signers` file, one line each.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.signers.iter().fold(String::new(), |mut text, signer| {
            let namespaces = match &signer.namespaces {
                Some(names) => format!(" namespaces=\"{}\"", names.join(",")),
                None => String::new(),
            };
            writeln!(
                text,
                "{}{namespaces} {}",
                signer.name,
                signer.key.openssh_line()
            )
            .expect("writing to a string cannot fail");
            text
        })
    }

    /// All of them, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[TrustedSigner] {
        &self.signers
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    /// Whether the key is one of them, for whatever use.
    #[must_use]
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.signers.iter().any(|signer| signer.key == *key)
    }

    pub(crate) fn by_key(&self, key: &PublicKey, namespace: &str) -> Option<&TrustedSigner> {
        self.signers
            .iter()
            .find(|signer| signer.key == *key && signer.may_sign(namespace))
    }

    pub(crate) fn by_keyid(&self, keyid: &str, namespace: &str) -> Option<&TrustedSigner> {
        self.signers
            .iter()
            .find(|signer| signer.may_sign(namespace) && signer.key.keyid() == keyid)
    }
}

fn parse_line(line: &str) -> Result<TrustedSigner, String> {
    let (principals, mut rest) = field(line)?;
    let name = principals.split(',').next().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err("the principal (first field) is empty".into());
    }
    let missing = || {
        "there is no key: a line is `name [namespaces=\"git,sluice\"] ssh-ed25519 AAAA…`".to_owned()
    };
    if rest.is_empty() {
        return Err(missing());
    }
    let mut namespaces = None;
    if !rest.starts_with("ssh-") && !rest.starts_with("ecdsa-") && !rest.starts_with("sk-") {
        let (options, key) = field(rest)?;
        rest = key;
        for option in split_outside_quotes(&options) {
            let (option, value) = option.split_once('=').unwrap_or((option.as_str(), ""));
            if !option.eq_ignore_ascii_case("namespaces") {
                return Err(format!(
                    "option {option:?} is not supported: only namespaces=\"…\" is, so give the key a line without it"
                ));
            }
            let value = value.trim_matches('"');
            if value.contains(['*', '?', '!']) {
                return Err(
                    "patterns in namespaces=\"…\" are not supported: name each namespace".into(),
                );
            }
            namespaces = Some(
                value
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect(),
            );
        }
    }
    if rest.is_empty() {
        return Err(missing());
    }
    let key = PublicKey::from_openssh_line(rest).map_err(|error| error.to_string())?;
    Ok(TrustedSigner {
        name,
        key,
        namespaces,
    })
}

/// Cuts off the first blank-separated field; quotes hold blanks together and stay, but for a quoted principal.
fn field(text: &str) -> Result<(String, &str), String> {
    let mut quoted = false;
    let end = text
        .char_indices()
        .find(|&(_, c)| {
            quoted ^= c == '"';
            !quoted && c.is_whitespace()
        })
        .map_or(text.len(), |(index, _)| index);
    if quoted {
        return Err("a quote is not closed".into());
    }
    let (head, tail) = text.split_at(end);
    let head = head
        .strip_prefix('"')
        .and_then(|head| head.strip_suffix('"'))
        .unwrap_or(head);
    Ok((head.to_owned(), tail.trim_start()))
}

fn split_outside_quotes(options: &str) -> Vec<String> {
    let mut quoted = false;
    options
        .split(|c| {
            quoted ^= c == '"';
            !quoted && c == ','
        })
        .map(str::to_owned)
        .collect()
}

/// A principal is one field of a line and part of a comma-separated list of patterns.
fn principal(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| {
            if c.is_whitespace() || c.is_control() || ",\"*?!#".contains(c) {
                '-'
            } else {
                c
            }
        })
        .collect();
    if clean.is_empty() {
        "sluice".into()
    } else {
        clean
    }
}

#[cfg(test)]
mod tests;
