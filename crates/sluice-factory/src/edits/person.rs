//! Says whose the edits of a working tree are: the file system does not.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::PoisonError;
use std::time::Duration;

use sluice_gates::Gate;
use sluice_store::{Actor, ActorKind, Role, RunRecord};
use sluice_workspace::{Identity, Oid};

use crate::edits::release::is_persons;
use crate::factory::{Factory, now};
use crate::git_names::{gate_tag, identity};
use crate::refusal::{Asked, Refusal};

/// The token that the first start makes.
const FIRST: &str = "admin";

/// A person as commits name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// A text that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name, or a name and an address as in Ada Lovelace <ada@example.org>")]
pub struct NotAPerson;

impl FromStr for Person {
    type Err = NotAPerson;

    /// Reads `Name` or `Name <address>`; without an address, as the commits of the token of that name have it.
    fn from_str(text: &str) -> Result<Person, NotAPerson> {
        let is_plain = |part: &str| {
            !part.is_empty() && !part.contains(|c: char| c.is_control() || matches!(c, '<' | '>'))
        };
        let text = text.trim();
        let person = match text.strip_suffix('>').and_then(|rest| rest.split_once('<')) {
            Some((name, email)) => Person {
                name: name.trim().to_owned(),
                email: email.trim().to_owned(),
            },
            None => {
                let Identity { name, email } = identity(text);
                if name != text {
                    return Err(NotAPerson);
                }
                Person { name, email }
            }
        };
        match is_plain(&person.name) && is_plain(&person.email) {
            true => Ok(person),
            false => Err(NotAPerson),
        }
    }
}

/// How edits of working trees are taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editing {
    /// Whose they are; `None`: the only person with a token that may edit, else `login`.
    pub person: Option<Person>,
    /// The name of the user that the daemon runs as.
    pub login: String,
    /// A file that changed less than this ago is still being written.
    pub quiet: Duration,
}

impl Default for Editing {
    fn default() -> Editing {
        Editing {
            person: None,
            login: "somebody".to_owned(),
            quiet: Duration::ZERO,
        }
    }
}

impl Factory {
    /// Takes another way to take edits in, for those from now on.
    pub fn editing_replace(&self, editing: Editing) {
        *self.editing.write().unwrap_or_else(PoisonError::into_inner) = editing;
    }

    pub(crate) fn editing(&self) -> Editing {
        let editing = self.editing.read();
        editing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whose an edit of a working tree is.
    pub(crate) async fn editor(&self) -> anyhow::Result<Identity> {
        let editing = self.editing();
        if let Some(Person { name, email }) = editing.person {
            return Ok(Identity { name, email });
        }
        let at = now();
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.token_list(after.as_deref(), 200).await?;
            let may_edit = page.items.into_iter().filter(|token| {
                token.kind == ActorKind::Person
                    && token.role >= Role::Operator
                    && token.revoked_at.is_none()
                    && token.expires_at.is_none_or(|expires| expires > at)
            });
            names.extend(may_edit.map(|token| token.name));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        names.extend(self.store.person_names().await?);
        names.sort();
        names.dedup();
        if names.len() > 1 {
            names.retain(|name| name != FIRST);
        }
        Ok(match names.as_slice() {
            [only] => identity(only),
            _ => identity(&editing.login),
        })
    }

    /// Whose edits came onto `work` between what a gate before this one passed and `commit`, by name.
    pub(crate) async fn editors(
        &self,
        record: &RunRecord,
        commit: Oid,
    ) -> anyhow::Result<BTreeSet<String>> {
        let gate = record.run.gate();
        self.git(&record.project, move |repo| {
            let mut passed = None;
            // Tags of gates before this one: sealing this gate moves `main`, and is repeated after a kill.
            for before in Gate::ALL.into_iter().take_while(|before| *before != gate) {
                passed = repo.ref_get(&gate_tag(before))?.or(passed);
            }
            let known: Vec<Oid> = passed.into_iter().collect();
            let commits = repo.log_since(&commit, &known, usize::MAX)?;
            // What a gate passes anew may be the very commit that the gate before passed.
            let subject = repo.commit_read(&commit)?;
            let edits = commits.into_iter().chain([subject]).filter(is_persons);
            Ok(edits.map(|commit| commit.author.name).collect())
        })
        .await
    }
}

/// Who may edit files.
pub(crate) fn may_edit(actor: &Actor) -> Asked<()> {
    if actor.role < Role::Operator {
        return Err(Refusal::forbidden(
            "role",
            "the role operator is needed to edit files",
        ));
    }
    Ok(())
}
