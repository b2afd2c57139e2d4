//! Whom a credential stands for: the bearer of a token, or somebody whom an issuer vouches for.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use sluice_store::{Actor, ActorKind, NewEvent, NewPerson, Role, TokenFindOutcome};

use crate::decide::machinery;
use crate::factory::{Factory, now};
use crate::refusal::{Asked, Refusal};

/// The longest name that is shown, in characters.
const LONGEST_NAME: usize = 80;

/// What a secret is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Its bearer is this one.
    Valid(Actor),
    /// It is past its time.
    Expired,
    /// It was revoked, or never was one.
    Unknown,
}

impl From<TokenFindOutcome> for Credential {
    fn from(found: TokenFindOutcome) -> Credential {
        match found {
            TokenFindOutcome::Valid(token) => Credential::Valid(Actor {
                name: token.name,
                kind: token.kind,
                role: token.role,
                token: Some(token.id),
                projects: token.projects,
            }),
            TokenFindOutcome::Expired(_) => Credential::Expired,
            TokenFindOutcome::Revoked(_) | TokenFindOutcome::Unknown => Credential::Unknown,
        }
    }
}

/// Somebody whom an issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The issuer.
    pub issuer: String,
    /// Who it is there, for ever.
    pub subject: String,
    /// What they are called there now.
    pub shown: String,
    /// What they may do.
    pub role: Role,
    /// The projects that it is for; `None` for all.
    pub projects: Option<Vec<String>>,
}

impl Factory {
    /// Whose token this is.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn authenticate(&self, secret: &str) -> Asked<Credential> {
        let found = self.store.token_find(secret, now()).await;
        Ok(found.map_err(machinery)?.into())
    }

    /// The person whom an issuer vouches for.
    ///
    /// Decisions, commits and proofs name people, and whoever has the name of an author is the author. So a name is
    /// given at the first time, to one subject of one issuer, and stays: what the issuer calls somebody later changes
    /// nothing, and nobody takes a name that another person, a token or an agent has.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn vouched(&self, who: Vouched) -> Asked<Actor> {
        let Vouched {
            issuer,
            subject,
            shown,
            role,
            projects,
        } = who;
        let at = now();
        let actor = |name: &str| Actor {
            name: name.to_owned(),
            kind: ActorKind::Person,
            role,
            token: None,
            projects: projects.clone(),
        };
        let new = NewPerson {
            names: self.names_for(&issuer, &subject, &shown),
            issuer,
            subject,
            at,
        };
        let (issuer, subject) = (new.issuer.clone(), new.subject.clone());
        let known = self.store.person_put(new, |name| {
            let body = json!({ "name": name, "issuer": issuer, "subject": subject });
            let event = NewEvent {
                project: None,
                kind: "person.known".to_owned(),
                body,
                audit: None,
                at,
            };
            vec![event.by(&actor(name))]
        });
        let known = known.await.map_err(machinery)?.ok_or_else(|| {
            let message = "every name that you could act under is somebody else's; ask an admin to revoke the token \
                           that has it, or to give you a token";
            Refusal::forbidden("no_name", message)
        })?;
        Ok(actor(&known.name))
    }

    /// The names that somebody may have, the best one first.
    fn names_for(&self, issuer: &str, subject: &str, shown: &str) -> Vec<String> {
        let shown = presentable(shown);
        let digest = Sha256::new_with_prefix(issuer)
            .chain_update([0])
            .chain_update(subject)
            .finalize();
        let digest = hex::encode(digest);
        let mut names = Vec::new();
        if !shown.is_empty() && !self.is_ours(&shown) {
            names.push(shown.clone());
        }
        let base = match shown.is_empty() {
            true => "person",
            false => &shown,
        };
        names.push(format!("{base} ({})", &digest[..8]));
        names.push(format!("{base} ({digest})"));
        names
    }

    /// Whether a name is the daemon's or an agent's.
    fn is_ours(&self, name: &str) -> bool {
        let ours = ["Sluice", "admin", "unnamed"].into_iter();
        let named = self.agents.by_name.keys().map(String::as_str);
        let at_gates = self.agents.by_gate.values().map(|agent| agent.name());
        let mut all = ours
            .chain(named)
            .chain(at_gates)
            .chain([self.agents.outside.name()]);
        all.any(|one| one.eq_ignore_ascii_case(name))
    }
}

/// A name as it may stand in commits, proofs and on a screen: on one line, and without what turns text around or hides
/// in it.
fn presentable(name: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let plain: String = name
        .chars()
        .map(|c| match is_hidden(c) || matches!(c, '<' | '>') {
            true => ' ',
            false => c,
        })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(LONGEST_NAME).collect();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests;
