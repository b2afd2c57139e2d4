//! What the server is told about its surroundings.

use std::net::SocketAddr;
use std::time::Duration;

use crate::oidc::OidcOptions;
use crate::trace_parent::Follow;

/// What the server is told about its surroundings.
#[derive(Debug, Clone)]
pub struct Options {
    /// Host names that clients may use besides loopback names and the listen address, without a port. Any other
    /// `Host` is refused, so that no web page can reach the daemon under a name of its own (DNS rebinding).
    pub allowed_hosts: Vec<String>,
    /// Where the server listens. [`crate::serve`] fills it in from its listener.
    pub listen: Option<SocketAddr>,
    /// How much somebody may ask.
    pub limits: Limits,
    /// An OpenID Connect issuer whose people are let in.
    pub oidc: Option<OidcOptions>,
    /// Makes the span of a request a part of its caller's trace, where traces are sent somewhere.
    pub follow: Option<Follow>,
    /// How long a client may take to read what it is sent before it is let go.
    pub stall: Duration,
    /// How long requests may go on after the shutdown began.
    pub last_answers: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            allowed_hosts: Vec::new(),
            listen: None,
            limits: Limits::default(),
            oidc: None,
            follow: None,
            stall: Duration::from_secs(30),
            last_answers: Duration::from_secs(10),
        }
    }
}

/// How much somebody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second with one token.
    pub per_second: u32,
    /// How many of them may come at once.
    pub burst: u32,
    /// Requests a second from one address without a valid token.
    pub anonymous_per_second: u32,
    /// How many of them may come at once.
    pub anonymous_burst: u32,
    /// Event streams that are open with one token.
    pub streams: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_second: 10_000,
            burst: 20_000,
            anonymous_per_second: 50,
            anonymous_burst: 500,
            streams: 64,
        }
    }
}
