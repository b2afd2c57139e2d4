//! Browsers that are signed in with a person's token.

use std::time::Duration;

use sluice_store::{Actor, ActorKind};

use crate::decide::machinery;
use crate::factory::{Factory, now};
use crate::people::Credential;
use crate::refusal::{Asked, Refusal};

/// How long a browser stays signed in: a working day.
pub const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

impl Factory {
    /// Signs a browser in as the bearer of a token, and returns what the browser is to keep; `None` as
    /// [`Factory::authenticate`].
    ///
    /// # Errors
    /// A token of a program, which has no business in a browser. A fault of the store.
    pub async fn session_open(&self, secret: &str) -> Asked<Option<String>> {
        let Credential::Valid(actor) = self.authenticate(secret).await? else {
            return Ok(None);
        };
        let (ActorKind::Person, Some(token)) = (actor.kind, actor.token) else {
            let message = "this token is a program's; sign in with a person's";
            return Err(Refusal::forbidden("role", message));
        };
        let (at, end) = (now(), now() + SESSION);
        let session = self.store.session_create(token, at, end).await;
        session.map(Some).map_err(machinery)
    }

    /// Who is signed in; `None` when nobody is any more: it took too long, or the token ended.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn session_actor(&self, session: &str) -> Asked<Option<Actor>> {
        let found = self.store.session_find(session, now()).await;
        Ok(match found.map_err(machinery)?.into() {
            Credential::Valid(actor) => Some(actor),
            Credential::Expired | Credential::Unknown => None,
        })
    }

    /// Signs a browser out.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn session_close(&self, session: &str) -> Asked<()> {
        self.store.session_end(session).await.map_err(machinery)
    }
}
