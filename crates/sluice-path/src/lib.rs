//! Says which text may name a file or a project. Pure.
//!
//! The rules are purely lexical: nothing here looks at a file system, and nothing is ever decoded
//! (percent escapes, entities and the like stay the text that they are).
//! A path that this crate accepts names one place below the workspace on every file system that a clone
//! may land on; that no link leads out of it is for the one who opens it to make sure.

mod characters;
mod disguise;
mod project;
mod refusal;
mod relpath;
mod sensitive;

pub use project::{ProjectName, ProjectNameError};
pub use refusal::{Reason, Refusal};
pub use relpath::{MAX_COMPONENT_BYTES, MAX_COMPONENTS, MAX_PATH_BYTES, RelPath};
