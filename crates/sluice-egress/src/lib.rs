//! The one way out of a sandbox: a proxy that reaches the registries that are allowed, and nobody else.

mod address;
mod head;
mod policy;
mod proxy;
mod record;
mod resolve;
mod upstream;

pub use address::{Place, place};
pub use policy::{NotARegistry, Policy};
pub use proxy::{Egress, Listener};
pub use record::{Log, Outcome, Record};
pub use resolve::{Proxied, Resolve, System};
pub use upstream::{NotAProxy, Upstream};
