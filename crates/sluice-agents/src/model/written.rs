//! What a model has written so far, in whichever dialect.

use crate::call::{CallEnd, Usage};

/// A reply as far as it has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// The text.
    pub(crate) text: String,
    /// What the model said in place of a reply.
    pub(crate) refusal: String,
    pub(crate) usage: Usage,
    /// The model that the server names.
    pub(crate) served: Option<String>,
    /// How the model ended, once it has.
    pub(crate) end: Option<CallEnd>,
    /// Nothing more will come.
    pub(crate) is_done: bool,
}

/// How much of a model's name is kept, in characters.
const NAME: usize = 200;

impl Written {
    /// Notes the model that a server names.
    pub(crate) fn served(&mut self, name: Option<&str>) {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let name = name.chars().filter(|c| !c.is_control()).take(NAME);
            self.served = Some(name.collect());
        }
    }
}
