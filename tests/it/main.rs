//! End-to-end stories and tidy checks.

mod layers;
mod tidy;
