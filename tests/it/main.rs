//! End-to-end stories and tidy checks.

mod api;
mod built;
mod demo;
mod dockerfile;
mod docs;
mod github;
mod kill;
mod layers;
mod metrics;
mod serve;
mod templates;
mod tidy;
