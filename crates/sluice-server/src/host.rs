//! Which `Host` a client may use, against DNS rebinding.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use crate::options::Options;
use crate::problem::{ApiError, Kind};

/// The hosts that the daemon answers for.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    names: Vec<String>,
    listen: Option<IpAddr>,
}

impl Hosts {
    pub(crate) fn new(options: &Options) -> Hosts {
        let names = options.allowed_hosts.iter();
        Hosts {
            names: names.map(|name| plain(name)).collect(),
            listen: options.listen.map(|address| address.ip()),
        }
    }

    /// Refuses a request for a host that is not ours.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let mut given = headers.get_all(header::HOST).iter();
        let named = match (uri.authority(), given.next(), given.next()) {
            (_, Some(_), Some(_)) => {
                return Err(ApiError::new(
                    Kind::BadRequest,
                    "there are two Host headers",
                ));
            }
            (Some(authority), _, _) => Some(authority.as_str()),
            (None, Some(host), None) => host.to_str().ok(),
            (None, None, _) => None,
        };
        let Some(host) = named.and_then(without_port) else {
            let detail = "the request needs a Host header with a name or address";
            return Err(ApiError::new(Kind::BadRequest, detail));
        };
        if self.allows(host) {
            return Ok(());
        }
        let detail = format!("the daemon does not answer for the host {host:?}");
        Err(ApiError::new(Kind::Misdirected, detail))
    }

    fn allows(&self, host: &str) -> bool {
        let host = plain(host);
        let address = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = address.parse::<IpAddr>() {
            // A page cannot make a name of its own out of an address, so a daemon that listens everywhere
            // answers under each of its addresses.
            let listens = self
                .listen
                .is_some_and(|listen| listen == address || listen.is_unspecified());
            return address.is_loopback() || listens;
        }
        host == "localhost" || host.ends_with(".localhost") || self.names.contains(&host)
    }
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// `name:port` or `[address]:port` without the port.
fn without_port(host: &str) -> Option<&str> {
    let name = match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or_default(),
    };
    (!name.is_empty() && !name.contains('@')).then_some(name)
}

#[cfg(test)]
mod tests;
