//! Which addresses a receiver's name may lead to, judged after it was resolved.

use std::fmt;
use std::io;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use sluice_egress::Policy;
use url::{Host, Url};

/// Where one receiver may be found.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) policy: Policy,
    pub(crate) resolver: Arc<dyn sluice_egress::Resolve>,
    pub(crate) port: u16,
}

/// Nobody is connected to, and why.
#[derive(Debug)]
pub(crate) enum Closed {
    /// All its addresses are such that may not be reached.
    Inside,
    /// It has no address.
    Unknown(io::Error),
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Closed::Inside => f.write_str(
                "its name leads to an address that is not public; if that is meant, say allow_private = true \
                 (link-local addresses are never reached)",
            ),
            Closed::Unknown(error) => write!(f, "its name leads to no address ({error})"),
        }
    }
}

impl std::error::Error for Closed {}

impl Door {
    /// Judges an address that stands in the URL itself, since nobody resolves that.
    pub(crate) fn judge(&self, url: &Url) -> Result<(), Closed> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        let host = url.host_str().unwrap_or_default();
        match self.policy.leads_to(host, self.port, address) {
            true => Ok(()),
            false => Err(Closed::Inside),
        }
    }
}

impl Resolve for Door {
    /// The client connects to what this gives, so a name cannot lead elsewhere between the look and the connection.
    fn resolve(&self, name: Name) -> Resolving {
        let door = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = door.resolver.resolve(host, door.port).await;
            let mut found = found.map_err(Closed::Unknown)?;
            if found.is_empty() {
                return Err(Closed::Unknown(io::ErrorKind::NotFound.into()).into());
            }
            found.retain(|address| door.policy.leads_to(host, door.port, address.ip()));
            if found.is_empty() {
                return Err(Closed::Inside.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
