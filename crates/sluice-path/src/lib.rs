//! Says which text may name a file or a project. Pure.
