//! The way to an OpenID Connect issuer: its documents, in bounded time and size, from an address that may be.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, NoProxy, Proxy, Url};
use sluice_egress::{Place, place};
use sluice_server::{Fetch, MAX_DOCUMENT, OidcOptions};

use super::agents::way;
use crate::config::{Config, OidcConfig, oidc};
use crate::exit::Exit;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the whole answer may take.
const WHOLE: Duration = Duration::from_secs(10);

/// The issuer that is configured.
pub(crate) fn issuer(config: &Config) -> Result<Option<OidcOptions>, Exit> {
    let Some(oidc) = &config.oidc else {
        return Ok(None);
    };
    let OidcConfig {
        issuer,
        audience,
        jwks_url,
        role_claim,
        roles,
        projects_claim,
        name_claim,
        leeway,
        allow_private,
    } = oidc.clone();
    let fetch = Arc::new(Http::new(config, &issuer, allow_private)?);
    Ok(Some(OidcOptions {
        issuer,
        audience,
        jwks_url,
        role_claim,
        roles,
        projects_claim,
        name_claim,
        leeway,
        fetch,
    }))
}

/// Asks over HTTP.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    allow_private: bool,
}

impl Http {
    fn new(config: &Config, issuer: &str, allow_private: bool) -> Result<Http, Exit> {
        // Fails only when there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let way = way(config)?;
        let mut builder = Client::builder()
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // The keys are where the configuration says, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy();
        let known = |proxy: &Option<String>| {
            let proxy = Url::parse(proxy.as_deref()?).ok()?;
            proxy.host_str().map(str::to_owned)
        };
        let proxies = [&way.http_proxy, &way.https_proxy];
        builder = builder.dns_resolver(Arc::new(Judged {
            allow_private,
            proxies: proxies.into_iter().filter_map(known).collect(),
        }));
        if issuer.starts_with("http://") {
            // A machine that has no certificates can speak to itself.
            builder = builder.tls_certs_only([]);
        }
        if let Some(pem) = &way.extra_ca {
            let certificates = Certificate::from_pem_bundle(pem).map_err(|error| {
                Exit::usage(format!("network.extra_ca cannot be read: {}", told(&error)))
            })?;
            builder = builder.tls_certs_merge(certificates);
        }
        // Those on this machine are reached without a proxy.
        let direct = format!(
            "localhost,127.0.0.0/8,::1,{}",
            way.no_proxy.as_deref().unwrap_or_default()
        );
        let direct = NoProxy::from_string(&direct);
        let wrong =
            |error: reqwest::Error| Exit::usage(format!("a proxy is not valid: {}", told(&error)));
        if let Some(proxy) = &way.http_proxy {
            let proxy = Proxy::http(proxy).map_err(wrong)?;
            builder = builder.proxy(proxy.no_proxy(direct.clone()));
        }
        if let Some(proxy) = &way.https_proxy {
            let proxy = Proxy::https(proxy).map_err(wrong)?;
            builder = builder.proxy(proxy.no_proxy(direct));
        }
        let client = builder.build().map_err(|error| {
            Exit::failed(format!("no HTTP client can be made: {}", told(&error)))
        })?;
        Ok(Http {
            client,
            allow_private,
        })
    }
}

#[async_trait]
impl Fetch for Http {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        // The discovery document names one of these; it must be as good as the one that was configured.
        oidc::allowed(url, self.allow_private).map_err(|what| format!("the address {what}"))?;
        let parsed = Url::parse(url).map_err(|error| error.to_string())?;
        // A name is judged when it is looked up; an address is not looked up.
        let host = parsed.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse() {
            judged(address, self.allow_private)?;
        }
        let broken = |error: reqwest::Error| format!("{url}: {}", told(&error.without_url()));
        let request = self.client.get(parsed);
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(broken)?;
        if !response.status().is_success() {
            return Err(format!("{url}: it answers {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_DOCUMENT {
                return Err(format!(
                    "{url}: the answer is larger than {MAX_DOCUMENT} bytes"
                ));
            }
        }
        Ok(body)
    }
}

/// Looks names up, and leaves out the addresses that must not be connected to.
struct Judged {
    allow_private: bool,
    /// The proxies of this machine, which are where they are.
    proxies: Vec<String>,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        let is_proxy = self.proxies.iter().any(|proxy| proxy == name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let mut good: Vec<SocketAddr> = Vec::new();
            let mut refused = None;
            for address in found {
                match judged(address.ip(), allow_private) {
                    _ if is_proxy => good.push(address),
                    Ok(()) => good.push(address),
                    Err(why) => refused = Some(why),
                }
            }
            match (good.is_empty(), refused) {
                (true, Some(why)) => Err(why.into()),
                _ => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

fn judged(address: IpAddr, allow_private: bool) -> Result<(), String> {
    match place(address) {
        Place::Public => Ok(()),
        Place::Private if allow_private => Ok(()),
        Place::Private => Err(format!(
            "{address} is of this machine or of a private network; that needs oidc.allow_private = true"
        )),
        Place::Never => Err(format!("{address} is no address of an issuer")),
    }
}

/// The causes, outermost first.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
