//! Nothing ships from here; see `it/main.rs`.
