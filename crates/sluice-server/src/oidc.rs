//! People of an OpenID Connect issuer: a signed token of it is a credential like one of ours.

mod claims;
mod keys;
mod token;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_factory::{Actor, Factory, Role, Vouched};

use crate::problem::ApiError;
use claims::Rights;
use keys::Keys;
pub(crate) use token::{Doubt, is_jwt};

/// The largest document that an issuer may send, in bytes.
pub const MAX_DOCUMENT: usize = 256 * 1024;
/// The names that are remembered without asking the store.
const REMEMBERED: usize = 10_000;

/// Brings documents of an issuer.
#[async_trait]
pub trait Fetch: Debug + Send + Sync {
    /// The body of a successful answer, at most [`MAX_DOCUMENT`] bytes, in bounded time; else why there is none, in
    /// words for a log.
    async fn get(&self, url: &str) -> Result<Vec<u8>, String>;
}

/// Whom the daemon believes who people are, and what they may do.
#[derive(Debug, Clone)]
pub struct OidcOptions {
    /// The issuer, as `iss` has it.
    pub issuer: String,
    /// Us, as `aud` has it.
    pub audience: String,
    /// Where its keys are; without it the issuer's discovery document says so.
    pub jwks_url: Option<String>,
    /// The claim with the roles: the name of a claim, or a path with dots into one.
    pub role_claim: String,
    /// The words in that claim that give each role.
    pub roles: Vec<(Role, Vec<String>)>,
    /// The claim with the projects that the token is for; without it tokens are for all. `*` is all.
    pub projects_claim: Option<String>,
    /// The claim with the name that is shown; without it the usual ones.
    pub name_claim: Option<String>,
    /// How much the issuer's clock may differ from ours.
    pub leeway: Duration,
    /// The way to the issuer.
    pub fetch: Arc<dyn Fetch>,
}

impl OidcOptions {
    /// Asks the issuer once, and says how many keys it has that tokens may be signed with.
    ///
    /// # Errors
    /// It does not answer, or not as an issuer does; in words for a person.
    pub async fn look(&self) -> Result<usize, String> {
        self.keys().count().await
    }

    fn keys(&self) -> Keys {
        Keys::new(
            Arc::clone(&self.fetch),
            &self.issuer,
            self.jwks_url.as_deref(),
        )
    }
}

/// An issuer that is believed.
pub(crate) struct Oidc {
    options: OidcOptions,
    keys: Arc<Keys>,
    /// Names by subject, which never change.
    names: Mutex<HashMap<String, String>>,
}

/// Why a token of an issuer opens nothing.
pub(crate) enum Refused {
    /// The token is not good.
    Doubt(Doubt),
    /// It is good, and gives no role.
    NoRole(String),
    /// The keys cannot be had.
    NoKeys,
    /// The daemon refuses the person, or fails.
    Other(ApiError),
}

impl From<Doubt> for Refused {
    fn from(doubt: Doubt) -> Refused {
        Refused::Doubt(doubt)
    }
}

impl Oidc {
    pub(crate) fn new(options: OidcOptions) -> Oidc {
        Oidc {
            keys: Arc::new(options.keys()),
            options,
            names: Mutex::default(),
        }
    }

    /// The person whom a token is about.
    pub(crate) async fn person(&self, factory: &Factory, token: &str) -> Result<Actor, Refused> {
        let token = token::Token::read(token)?;
        let keys = self.keys.find(&token).await.ok_or(Refused::NoKeys)?;
        let claims = token.verified(&keys)?;
        let now = Timestamp::now().as_second();
        let rights = claims::judge(&claims, &self.options, now)?;
        let Rights {
            subject,
            shown,
            role,
            projects,
        } = rights;
        let Some(role) = role else {
            let detail = format!(
                "the issuer says who you are, and its claim `{}` gives you no role here; ask an admin",
                self.options.role_claim
            );
            return Err(Refused::NoRole(detail));
        };
        if let Some(name) = self.remembered(&subject) {
            return Ok(Actor {
                name,
                kind: sluice_factory::ActorKind::Person,
                role,
                token: None,
                projects,
            });
        }
        let who = Vouched {
            issuer: self.options.issuer.clone(),
            subject: subject.clone(),
            shown,
            role,
            projects,
        };
        let actor = factory.vouched(who).await;
        let actor = actor.map_err(|refusal| Refused::Other(ApiError::from(refusal)))?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= REMEMBERED {
            names.clear();
        }
        names.insert(subject, actor.name.clone());
        Ok(actor)
    }

    fn remembered(&self, subject: &str) -> Option<String> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(subject).cloned()
    }

    /// Fetches the keys when they are old, for as long as it is let.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        loop {
            self.keys.refresh_if_old().await;
            tokio::time::sleep(keys::LOOK).await;
        }
    }

    /// Whether the issuer answers, for people.
    pub(crate) fn told(&self) -> String {
        self.keys.told()
    }

    /// Whether it answered last time, and how many seconds ago its keys are from.
    pub(crate) fn state(&self) -> (bool, Option<u64>) {
        self.keys.state()
    }
}
