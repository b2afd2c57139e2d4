//! End-to-end stories and tidy checks.

mod kill;
mod layers;
mod tidy;
