//! The one way out of a sandbox: a proxy that reaches the registries that are allowed, and nobody else.

mod address;
mod head;
mod policy;
mod proxy;
mod record;

pub use policy::{NotARegistry, Policy};
pub use proxy::{Egress, Listener, Resolve, System};
pub use record::{Log, Outcome, Record};
