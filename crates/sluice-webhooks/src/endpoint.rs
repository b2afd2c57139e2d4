//! One receiver: where it is, what messages to it are signed with, and what it answers.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy as Redirects;
use reqwest::{Certificate, Client};
use sluice_egress::{Policy, Resolve};
use url::Url;

use crate::door::{Closed, Door};
use crate::error::WebhookError;
use crate::schedule::retry_after;
use crate::secrets::Secrets;

/// How long a receiver may take.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// What an endpoint is made of.
#[derive(Debug)]
pub struct Settings {
    /// Where it is: an `https` address, or an `http` one where `allow_private`.
    pub url: String,
    /// What messages to it are signed with.
    pub secrets: Secrets,
    /// Whether it may have an address of this machine or of the networks around it.
    pub allow_private: bool,
    /// Certificates (PEM) that are trusted besides the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// How names are looked up.
    pub resolver: Arc<dyn Resolve>,
    /// How long it may take, [`TIMEOUT`] by default.
    pub timeout: Duration,
}

/// One receiver.
pub struct Endpoint {
    url: Url,
    secrets: Secrets,
    door: Arc<Door>,
    client: Client,
    timeout: Duration,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.shown()).finish()
    }
}

/// What a receiver made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has it.
    Taken {
        /// The status, 200 to 299.
        status: u16,
    },
    /// It wants nothing any more: 410.
    Gone,
    /// It does not have it, or nobody knows.
    Not {
        /// The status, if there was one.
        status: Option<u16>,
        /// What happened instead, for people; neither the address nor what the receiver wrote.
        what: String,
        /// How long it asks to wait.
        after: Option<Duration>,
    },
}

impl Endpoint {
    /// Sets an endpoint up; connects to nothing yet.
    ///
    /// # Errors
    /// [`WebhookError`], in words for whoever configures it.
    pub fn new(settings: Settings) -> Result<Endpoint, WebhookError> {
        let url = Url::parse(settings.url.trim()).map_err(|_| WebhookError::Url)?;
        let is_plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(WebhookError::Url),
        };
        if is_plain && !settings.allow_private {
            return Err(WebhookError::Plain);
        }
        let mut policy = Policy::default();
        policy
            .allow(url.as_str(), settings.allow_private)
            .map_err(|_| WebhookError::Url)?;
        let port = url.port_or_known_default().ok_or(WebhookError::Url)?;
        let door = Arc::new(Door {
            policy,
            resolver: settings.resolver,
            port,
        });
        // Fails only when there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::clone(&door))
            // A redirect could lead to an address that nobody has judged, and would be given a signed message.
            .redirect(Redirects::none())
            .referer(false)
            .retry(reqwest::retry::never())
            // A proxy would look names up by itself.
            .no_proxy()
            // Messages are few: each finds its receiver where it is then.
            .pool_max_idle_per_host(0);
        if is_plain {
            // Without this a machine that has no certificates could not even speak to itself.
            builder = builder.tls_certs_only([]);
        } else if let Some(pem) = &settings.extra_ca {
            let certificates = Certificate::from_pem_bundle(pem)
                .map_err(|source| WebhookError::Certificates { source })?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder
            .build()
            .map_err(|source| WebhookError::Client { source })?;
        Ok(Endpoint {
            url,
            secrets: settings.secrets,
            door,
            client,
            timeout: settings.timeout,
        })
    }

    /// Where it is, as far as people may see it: at many receivers the path is a secret.
    pub fn shown(&self) -> String {
        let origin = self.url.origin().ascii_serialization();
        match self.url.path() {
            "/" => format!("{origin}/"),
            _ => format!("{origin}/…"),
        }
    }

    /// The whole address, to tell whether it is the same as before.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Sends a message once. `id` stays the same however often it is sent; `at` is now.
    pub async fn send(&self, id: &str, payload: &str, at: SystemTime) -> Answer {
        if let Err(closed) = self.door.judge(&self.url) {
            return not(closed.to_string());
        }
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header(
                "webhook-signature",
                self.secrets.sign(id, seconds, payload.as_bytes()),
            )
            .body(payload.to_owned());
        match tokio::time::timeout(self.timeout, request.send()).await {
            Err(_) => not(format!("no answer came within {:?}", self.timeout)),
            Ok(Err(error)) => not(told(&error)),
            // The head says it all; what a receiver writes besides is not read.
            Ok(Ok(response)) => {
                let asked = response.headers().get(RETRY_AFTER);
                let asked = asked.and_then(|value| value.to_str().ok());
                let after = asked.and_then(|value| retry_after(value, at));
                read(response.status().as_u16(), after)
            }
        }
    }
}

fn read(status: u16, after: Option<Duration>) -> Answer {
    let what = match status {
        200..=299 => return Answer::Taken { status },
        410 => return Answer::Gone,
        300..=399 => format!("it answered {status}, and redirects are not followed"),
        _ => format!("it answered {status}"),
    };
    Answer::Not {
        status: Some(status),
        what,
        after,
    }
}

fn not(what: String) -> Answer {
    Answer::Not {
        status: None,
        what,
        after: None,
    }
}

/// What happened, without the address.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
        if let Some(closed) = cause.downcast_ref::<Closed>() {
            return closed.to_string();
        }
    }
    match error.is_connect() {
        true => format!("it cannot be reached ({cause})"),
        false => format!("the connection broke ({cause})"),
    }
}
