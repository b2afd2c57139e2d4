//! What the server is told about its surroundings.

use std::net::SocketAddr;

/// What the server is told about its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Host names that clients may use besides loopback names and the listen address, without a port. Any other
    /// `Host` is refused, so that no web page can reach the daemon under a name of its own (DNS rebinding).
    pub allowed_hosts: Vec<String>,
    /// Where the server listens. [`crate::serve`] fills it in from its listener.
    pub listen: Option<SocketAddr>,
}
