//! Why an endpoint cannot be used as it is set up.

/// Why an endpoint cannot be used as it is set up. Neither its address nor a secret is repeated: the path of an
/// address is a secret at many receivers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The address is none.
    #[error("its url is no http or https address; give one as in https://hooks.example/sluice")]
    Url,
    /// The address has no TLS.
    #[error(
        "its url is http, which anybody on the way can read; use https, or say allow_private = true for a receiver \
         in your own network"
    )]
    Plain,
    /// The certificates that are to be trusted besides are none.
    #[error("network.extra_ca cannot be read as certificates")]
    Certificates {
        /// What the library says.
        #[source]
        source: reqwest::Error,
    },
    /// The client cannot be set up.
    #[error("no HTTP client can be made")]
    Client {
        /// What the library says.
        #[source]
        source: reqwest::Error,
    },
}
