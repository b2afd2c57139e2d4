//! What the server asks besides: numbers, replies parsed without a project, why a path is refused, the roles.

use std::sync::PoisonError;

use serde_json::Value;
use sluice_path::RelPath;
use sluice_store::Tally;

use crate::decide::machinery;
use crate::factory::{Factory, now};
use crate::prompts::{PromptHead, Prompts};
use crate::refusal::Asked;
use crate::roles::RoleFile;

/// A reply as the JSON of contract section 2; any text parses. `contents` adds each file's content.
pub fn parse_json(text: &str, contents: bool) -> Value {
    let reply = sluice_reply::parse(text);
    serde_json::to_value(reply.to_json(contents))
        .expect("names, numbers and texts can be written as JSON")
}

/// The contract's word for why a text may not name a file; `None` when it may.
pub fn path_reason(path: &str) -> Option<&'static str> {
    RelPath::parse(path)
        .err()
        .map(|refusal| refusal.reason.as_str())
}

impl Factory {
    /// How things stand as a whole, in numbers.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn tally(&self) -> Asked<Tally> {
        self.store.tally(now()).await.map_err(machinery)
    }

    /// The parts of requests that can be replaced, by name.
    pub fn prompt_list(&self) -> Vec<PromptHead> {
        Prompts::heads().collect()
    }

    /// The roles' files in the order of their names.
    pub fn role_list(&self) -> Vec<RoleFile> {
        self.roles
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .all()
            .cloned()
            .collect()
    }
}
