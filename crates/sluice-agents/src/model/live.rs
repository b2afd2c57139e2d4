//! Over the network.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, NoProxy, Proxy};
use url::Url;

use super::transport::{Came, Heads, Transport, Wanted};
use super::trouble::Trouble;

/// What of the network is set up for this machine.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Certificates (PEM) that are trusted besides the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// The proxy for `http://` addresses.
    pub http_proxy: Option<String>,
    /// The proxy for `https://` addresses.
    pub https_proxy: Option<String>,
    /// Hosts without a proxy, separated by commas. Those on this machine never have one.
    pub no_proxy: Option<String>,
}

/// A client for one server.
#[derive(Debug)]
pub(super) struct Live {
    client: Client,
}

impl Live {
    /// Sets a client up; connects to nothing yet.
    pub(super) fn new(url: &Url, connect: Duration, network: &Network) -> Result<Live, String> {
        // Fails only when there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect)
            // A redirect would carry the key elsewhere.
            .redirect(Policy::none())
            .referer(false)
            // Whether to repeat is decided in one place, and it is not here.
            .retry(reqwest::retry::never())
            .no_proxy();
        if url.scheme() == "http" {
            // Without this a machine that has no certificates could not even speak to itself.
            builder = builder.tls_certs_only([]);
        } else if let Some(pem) = &network.extra_ca {
            let certificates = Certificate::from_pem_bundle(pem)
                .map_err(|error| format!("network.extra_ca cannot be read: {}", chain(&error)))?;
            builder = builder.tls_certs_merge(certificates);
        }
        if !is_loopback(url) {
            let no_proxy = network.no_proxy.as_deref().and_then(NoProxy::from_string);
            let wrong = |error: reqwest::Error| format!("a proxy is not valid: {}", chain(&error));
            if let Some(proxy) = &network.http_proxy {
                let proxy = Proxy::http(proxy).map_err(wrong)?;
                builder = builder.proxy(proxy.no_proxy(no_proxy.clone()));
            }
            if let Some(proxy) = &network.https_proxy {
                let proxy = Proxy::https(proxy).map_err(wrong)?;
                builder = builder.proxy(proxy.no_proxy(no_proxy));
            }
        }
        let client = builder
            .build()
            .map_err(|error| format!("no HTTP client can be made: {}", chain(&error)))?;
        Ok(Live { client })
    }
}

#[async_trait]
impl Transport for Live {
    async fn send(&self, wanted: &Wanted) -> Result<Came, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("text/event-stream, application/json"),
        );
        for (name, value) in &wanted.headers.0 {
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                Trouble::Wrong("its api_key has characters that no key has".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(*name, value);
        }
        let request = self.client.post(wanted.url.clone()).headers(headers);
        let response = request.json(&wanted.body).send().await.map_err(|error| {
            let error = error.without_url();
            let what = match (error.is_connect(), error.is_timeout()) {
                (true, true) => "its server cannot be reached in time".to_owned(),
                (true, false) => format!("its server cannot be reached ({})", cause(&error)),
                _ => format!("the connection broke ({})", cause(&error)),
            };
            Trouble::passing(what)
        })?;
        let text = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let heads = Heads {
            content_type: text(CONTENT_TYPE),
            retry_after: text(RETRY_AFTER),
            location: text(LOCATION),
        };
        let status = response.status().as_u16();
        let pieces = response.bytes_stream().map(|piece| {
            piece.map_err(|error| {
                let error = error.without_url();
                Trouble::passing(format!("the connection broke ({})", cause(&error)))
            })
        });
        Ok(Came {
            status,
            headers: heads,
            pieces: pieces.boxed(),
        })
    }
}

/// The innermost cause, which says what happened; the outer ones say where.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
