//! The keys of the issuer: fetched, bounded, kept for a while, and fetched anew when a token names another.
//!
//! Ages are counted on a clock that nobody sets.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::token::Token;
use super::{Fetch, MAX_DOCUMENT};

/// How often it is looked whether keys are old.
pub(super) const LOOK: Duration = Duration::from_secs(60);
/// Keys older than this are fetched anew.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Keys older than this are not used: the issuer may have given them up.
const KEPT: Duration = Duration::from_secs(6 * 60 * 60);
/// Tokens with unknown keys make us ask at most this often.
const AGAIN: Duration = Duration::from_secs(60);
/// After a failure it is tried again no sooner.
const AGAIN_FAILED: Duration = Duration::from_secs(5);
/// The most keys of an issuer that are looked at.
const MOST_KEYS: usize = 100;
/// Sizes of RSA moduli that are accepted, in bytes: smaller ones can be broken, larger ones cost us.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A public key for one algorithm.
#[derive(Clone)]
pub(crate) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) verifying: DecodingKey,
}

/// The keys that are known.
pub(super) struct Keys {
    fetch: Arc<dyn Fetch>,
    issuer: String,
    jwks_url: Option<String>,
    start: Instant,
    known: RwLock<Known>,
    /// One asks the issuer at a time.
    asking: tokio::sync::Mutex<()>,
}

/// Times are counted from the start.
#[derive(Default)]
struct Known {
    keys: Arc<[Key]>,
    fetched_at: Option<Duration>,
    tried_at: Option<Duration>,
    /// Why the last try failed.
    fault: Option<String>,
}

impl Known {
    fn age(&self, now: Duration) -> Option<Duration> {
        self.fetched_at.map(|at| now.saturating_sub(at))
    }

    fn is_old(&self, now: Duration) -> bool {
        self.age(now).is_none_or(|age| age >= FRESH)
    }

    fn is_usable(&self, now: Duration) -> bool {
        self.age(now).is_some_and(|age| age < KEPT)
    }

    fn may_try(&self, now: Duration) -> bool {
        let pause = match self.fault {
            Some(_) => AGAIN_FAILED,
            None => AGAIN,
        };
        self.tried_at
            .is_none_or(|at| now.saturating_sub(at) >= pause)
    }

    /// The keys that may have signed a token.
    fn fitting(&self, token: &Token<'_>) -> Vec<Key> {
        let of_kind = self
            .keys
            .iter()
            .filter(|key| key.algorithm == token.algorithm);
        match &token.kid {
            Some(kid) => of_kind
                .filter(|key| key.kid.as_ref() == Some(kid))
                .cloned()
                .collect(),
            // A token without the name of a key is of the only one.
            None => {
                let all: Vec<Key> = of_kind.cloned().collect();
                match all.len() {
                    1 => all,
                    _ => Vec::new(),
                }
            }
        }
    }
}

impl Keys {
    pub(super) fn new(fetch: Arc<dyn Fetch>, issuer: &str, jwks_url: Option<&str>) -> Keys {
        Keys {
            fetch,
            issuer: issuer.to_owned(),
            jwks_url: jwks_url.map(str::to_owned),
            start: Instant::now(),
            known: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The keys that may have signed a token: none when the issuer has no such key. `None` when the issuer's keys are
    /// not known.
    pub(super) async fn find(self: &Arc<Self>, token: &Token<'_>) -> Option<Vec<Key>> {
        self.find_at(token, self.start.elapsed()).await
    }

    async fn find_at(self: &Arc<Self>, token: &Token<'_>, now: Duration) -> Option<Vec<Key>> {
        let (is_usable, is_old) = self.with(|known| (known.is_usable(now), known.is_old(now)));
        if !is_usable {
            self.refresh(now).await;
        } else if is_old {
            // Nobody waits for this.
            tokio::spawn(Arc::clone(self).refreshed(now));
        }
        let fitting = |known: &Known| known.is_usable(now).then(|| known.fitting(token));
        let found = self.with(fitting)?;
        if !found.is_empty() {
            return Some(found);
        }
        self.refresh(now).await;
        self.with(fitting)
    }

    pub(super) async fn refresh_if_old(self: &Arc<Self>) {
        let now = self.start.elapsed();
        if self.with(|known| known.is_old(now) || known.fault.is_some()) {
            self.refresh(now).await;
        }
    }

    pub(super) fn told(&self) -> String {
        let now = self.start.elapsed();
        self.with(|known| match (&known.fault, known.age(now)) {
            (None, None) => "the issuer was not asked yet".to_owned(),
            (None, Some(_)) => "the issuer answers".to_owned(),
            (Some(_), Some(age)) if known.is_usable(now) => format!(
                "the issuer does not answer; its keys of {} min ago are used",
                age.as_secs() / 60
            ),
            (Some(_), _) => {
                "the issuer does not answer, and its keys are not known; its tokens are refused"
                    .to_owned()
            }
        })
    }

    pub(super) fn state(&self) -> (bool, Option<u64>) {
        let now = self.start.elapsed();
        self.with(|known| {
            let answers = known.fault.is_none() && known.fetched_at.is_some();
            (answers, known.age(now).map(|age| age.as_secs()))
        })
    }

    /// Asks the issuer, unless that was done a moment ago. It goes on when whoever waits for it goes away.
    async fn refresh(self: &Arc<Self>, now: Duration) {
        if self.with(|known| known.may_try(now)) {
            let _ = tokio::spawn(Arc::clone(self).refreshed(now)).await;
        } else {
            // What is being fetched at this moment may be what is looked for.
            drop(self.asking.lock().await);
        }
    }

    async fn refreshed(self: Arc<Self>, now: Duration) {
        let _asking = self.asking.lock().await;
        if !self.with(|known| known.may_try(now)) {
            return;
        }
        let before = {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.tried_at = Some(now);
            known.fault.clone()
        };
        let fetched = self.fetched().await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(keys) => {
                if before.is_some() {
                    tracing::info!(oidc.issuer = self.issuer, "the issuer answers again");
                }
                known.keys = keys.into();
                known.fetched_at = Some(now);
                known.fault = None;
            }
            Err(fault) => {
                // Once for each fault, not for each try.
                if before.as_ref() != Some(&fault) {
                    tracing::warn!(
                        oidc.issuer = self.issuer,
                        error = fault,
                        "the issuer's keys cannot be fetched"
                    );
                }
                known.fault = Some(fault);
            }
        }
    }

    /// Asks the issuer now, and says how many keys it has.
    pub(super) async fn count(&self) -> Result<usize, String> {
        Ok(self.fetched().await?.len())
    }

    async fn fetched(&self) -> Result<Vec<Key>, String> {
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => {
                let base = self.issuer.trim_end_matches('/');
                let url = format!("{base}/.well-known/openid-configuration");
                discovered(&self.document(&url).await?, &self.issuer)
                    .map_err(|what| format!("{url}: {what}"))?
            }
        };
        read(&self.document(&url).await?).map_err(|what| format!("{url}: {what}"))
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, String> {
        let body = self.fetch.get(url).await?;
        match body.len() <= MAX_DOCUMENT {
            true => Ok(body),
            false => Err(format!("{url}: the answer is too large")),
        }
    }

    fn with<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where the keys are, as a discovery document of this issuer says.
fn discovered(document: &[u8], issuer: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
        jwks_uri: String,
    }
    let document: Discovery = serde_json::from_slice(document)
        .map_err(|error| format!("no discovery document: {error}"))?;
    if document.issuer != issuer {
        return Err(format!(
            "it is of the issuer {:?}, and oidc.issuer is {issuer:?}",
            document.issuer
        ));
    }
    Ok(document.jwks_uri)
}

/// The keys of a key set (RFC 7517) that tokens may be signed with; the others are left out.
fn read(document: &[u8]) -> Result<Vec<Key>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set =
        serde_json::from_slice(document).map_err(|error| format!("no key set: {error}"))?;
    let keys = set.keys.into_iter().take(MOST_KEYS);
    let keys: Vec<Key> = keys
        .filter_map(|key| serde_json::from_value(key).ok())
        .flat_map(|key: Jwk| key.keys())
        .collect();
    match keys.is_empty() {
        true => Err("no key in it is one that tokens may be signed with".to_owned()),
        false => Ok(keys),
    }
}

/// A public key as it is written. Fields of secret keys are not read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

impl Jwk {
    /// The key, once for each algorithm that it may be used with.
    fn keys(&self) -> Vec<Key> {
        let is_for_signatures = self
            .purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        let Some(verifying) = self.verifying().filter(|_| is_for_signatures) else {
            return Vec::new();
        };
        let possible: &[Algorithm] = match self.kty.as_str() {
            "RSA" => &[Algorithm::RS256, Algorithm::PS256],
            "EC" => &[Algorithm::ES256],
            _ => &[Algorithm::EdDSA],
        };
        let named = |algorithm: &Algorithm| match self.alg.as_deref() {
            None => true,
            // RFC 9864 calls it so.
            Some("Ed25519") => *algorithm == Algorithm::EdDSA,
            Some(name) => super::token::algorithm(name) == Some(*algorithm),
        };
        let possible = possible.iter().copied().filter(named);
        possible
            .map(|algorithm| Key {
                kid: self.kid.clone(),
                algorithm,
                verifying: verifying.clone(),
            })
            .collect()
    }

    fn verifying(&self) -> Option<DecodingKey> {
        let crv = self.crv.as_deref();
        match (self.kty.as_str(), crv) {
            ("RSA", _) => {
                let (n, e) = (self.n.as_deref()?, self.e.as_deref()?);
                let modulus = BASE64.decode(n).ok()?;
                let size = modulus.iter().skip_while(|byte| **byte == 0).count();
                MODULUS
                    .contains(&size)
                    .then(|| DecodingKey::from_rsa_components(n, e).ok())?
            }
            ("EC", Some("P-256")) => {
                DecodingKey::from_ec_components(self.x.as_deref()?, self.y.as_deref()?).ok()
            }
            ("OKP", Some("Ed25519")) => DecodingKey::from_ed_components(self.x.as_deref()?).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
