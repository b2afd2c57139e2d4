//! Says whose the edits of a working tree are: the file system does not.

use std::sync::PoisonError;
use std::time::Duration;

use sluice_store::{ActorKind, Role};
use sluice_workspace::Identity;

use crate::factory::{Factory, now};
use crate::git_names::identity;

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
}
