//! Edits of people: made at once, or held while a run is open and merged when it has ended.

pub(crate) mod merge;
mod person;
mod put;
pub(crate) mod record;
pub(crate) mod release;
mod settle_edit;
mod show;
pub(crate) mod told;

pub use person::{Editing, NotAPerson, Person};
pub use put::{MAX_FILE_BYTES, Precondition};
pub use record::EditState;
pub use settle_edit::{Resolution, Take};
