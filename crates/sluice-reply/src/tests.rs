//! Whole replies: the shared samples, our own transcripts, properties and hostile sizes.

pub(crate) mod conformance;
mod hostile;
pub(crate) mod properties;
mod rendered;
mod transcripts;
