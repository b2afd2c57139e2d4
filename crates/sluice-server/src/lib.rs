//! REST and dashboard over the factory; knows HTTP, nothing else does.
//!
//! One list of routes ([`openapi_json`] and [`router`] are made of it), one type of error, one edge around all
//! of it that checks the host, numbers requests and writes every refusal as a problem of RFC 9457.

mod answer;
mod auth;
mod body;
mod compress;
mod dashboard;
mod docs;
mod edge;
mod host;
mod limit;
mod meters;
mod oidc;
mod once;
mod openapi;
mod options;
mod param;
mod problem;
mod query;
mod route;
pub mod schema;
mod scope;
mod serve;
mod state;
mod stream;
mod trace_parent;

pub use oidc::{Fetch, MAX_DOCUMENT, OidcOptions};
pub use openapi::openapi_json;
pub use options::{Limits, Options};
pub use serve::{router, serve};
pub use trace_parent::{Follow, TraceParent};
