//! Who may be reached.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::address::{Place, place};

/// The hosts and ports that may be reached, and which of them may have private addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Allowed>", into = "Vec<Allowed>")]
pub struct Policy {
    /// By host in lower case, without the brackets of IPv6 and without a last dot: ports and what is allowed.
    allowed: BTreeMap<(String, u16), Reach>,
    /// Not part of what is written down: it decides how long something takes, not what comes of it.
    patience: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    Private,
}

/// One entry of a policy, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Allowed {
    host: String,
    port: u16,
    private: bool,
}

impl From<Vec<Allowed>> for Policy {
    fn from(entries: Vec<Allowed>) -> Policy {
        let entries = entries.into_iter().map(|one| {
            let reach = if one.private {
                Reach::Private
            } else {
                Reach::Public
            };
            ((plain(&one.host), one.port), reach)
        });
        Policy {
            allowed: entries.collect(),
            patience: None,
        }
    }
}

impl From<Policy> for Vec<Allowed> {
    fn from(policy: Policy) -> Vec<Allowed> {
        let entries = policy
            .allowed
            .into_iter()
            .map(|((host, port), reach)| Allowed {
                host,
                port,
                private: reach == Reach::Private,
            });
        entries.collect()
    }
}

/// A text that is not the address of a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no registry: give a host, a host and a port, or a URL, as in https://registry.example/"
)]
pub struct NotARegistry {
    text: String,
}

/// How long a registry may take to say its first byte, where nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

impl Policy {
    /// Lets registries take this long to say their first byte after they were asked something.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// How long a registry may take to say its first byte: 30 seconds where it was not set.
    pub fn patience(&self) -> Duration {
        self.patience.unwrap_or(PATIENCE)
    }

    /// Lets a registry be reached under the host and port of a URL; a host without a scheme is one of `https`.
    /// `private` says that a person knows that its address is one of this machine or of the networks around it.
    ///
    /// # Errors
    /// [`NotARegistry`] for what is no host and no `http` or `https` URL.
    pub fn allow(&mut self, registry: &str, private: bool) -> Result<(), NotARegistry> {
        let (host, port) = place_of(registry).ok_or_else(|| NotARegistry {
            text: registry.to_owned(),
        })?;
        let reach = if private {
            Reach::Private
        } else {
            Reach::Public
        };
        let entry = self.allowed.entry((host, port)).or_insert(reach);
        if private {
            *entry = Reach::Private;
        }
        Ok(())
    }

    /// The same for a registry that the machine is set to. Where `is_own` and the host is written as an address,
    /// or is `localhost`, it is meant as it stands: nobody else can lead it elsewhere. A name that leads to a
    /// private address is not reached.
    ///
    /// # Errors
    /// As [`Policy::allow`].
    pub fn allow_named(&mut self, registry: &str, is_own: bool) -> Result<(), NotARegistry> {
        let is_literal = place_of(registry)
            .is_some_and(|(host, _)| host == "localhost" || host.parse::<IpAddr>().is_ok());
        self.allow(registry, is_own && is_literal)
    }

    /// Lets everybody be reached whom another policy lets.
    pub fn extend(&mut self, other: &Policy) {
        for (place, reach) in &other.allowed {
            let entry = self.allowed.entry(place.clone()).or_insert(*reach);
            if *reach == Reach::Private {
                *entry = Reach::Private;
            }
        }
    }

    /// Whether a registry, as [`Policy::allow`] takes it, may be asked.
    pub fn allows(&self, registry: &str) -> bool {
        place_of(registry).is_some_and(|place| self.allowed.contains_key(&place))
    }

    /// Whether nobody at all may be reached.
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    /// The hosts with their ports, as `host:port`, in order.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        self.allowed
            .keys()
            .map(|(host, port)| format!("{host}:{port}"))
    }

    /// Whether a name may be asked for at all.
    pub(crate) fn names(&self, host: &str, port: u16) -> bool {
        self.allowed.contains_key(&(plain(host), port))
    }

    /// Whether a name may lead to this address: a public one, or a private one where that was allowed. Link-local
    /// addresses, the metadata services of clouds and what means nothing are never right.
    pub fn leads_to(&self, host: &str, port: u16, address: IpAddr) -> bool {
        match (self.allowed.get(&(plain(host), port)), place(address)) {
            (Some(_), Place::Public) | (Some(Reach::Private), Place::Private) => true,
            (None, _) | (_, Place::Never) | (Some(Reach::Public), Place::Private) => false,
        }
    }
}

/// The host and port of a registry.
fn place_of(registry: &str) -> Option<(String, u16)> {
    let registry = registry.trim();
    let with_scheme = match registry.contains("://") {
        true => registry.to_owned(),
        false => format!("https://{registry}"),
    };
    let url = Url::parse(&with_scheme).ok()?;
    // A host alone has no path, and a path alone is no host.
    let is_one = matches!(url.scheme(), "http" | "https")
        && (registry.contains("://") || !registry.contains(['/', '\\', '@', '?', '#', ' ']));
    let host = url.host_str().filter(|_| is_one)?;
    Some((plain(host), url.port_or_known_default()?))
}

/// One spelling for a host.
fn plain(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_allowed() {
        let mut policy = Policy::default();
        policy
            .allow("https://Registry.Example/npm/", false)
            .unwrap();
        policy.allow("http://10.0.0.7:4873", true).unwrap();
        policy.allow("http://[::1]:80/", true).unwrap();
        let hosts: Vec<String> = policy.hosts().collect();
        assert_eq!(hosts, ["10.0.0.7:4873", "::1:80", "registry.example:443"]);
        assert!(policy.names("registry.EXAMPLE.", 443));
        assert!(policy.names("[::1]", 80));
        for (host, port) in [
            ("registry.example", 80),
            ("evil.registry.example", 443),
            ("registry.example.evil", 443),
            ("example", 443),
            ("10.0.0.7", 80),
            ("registry.example..", 443),
        ] {
            assert!(!policy.names(host, port), "{host}:{port}");
        }
        let leads =
            |host, port, address: &str| policy.leads_to(host, port, address.parse().unwrap());
        assert!(leads("registry.example", 443, "1.1.1.1"));
        assert!(!leads("registry.example", 443, "127.0.0.1"));
        assert!(!leads("registry.example", 443, "169.254.169.254"));
        assert!(leads("10.0.0.7", 4873, "10.0.0.7"));
        assert!(!leads("10.0.0.7", 4873, "169.254.169.254"));
        assert!(!leads("other", 443, "1.1.1.1"));
        let written = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&written).unwrap(), policy);
    }

    #[test]
    fn a_host_alone_is_one_of_https_and_policies_add_up() {
        let mut policy = Policy::default();
        policy.allow("registry.example", false).unwrap();
        policy.allow("other.example:8443", true).unwrap();
        let mut all = Policy::default();
        all.allow("https://other.example:8443", false).unwrap();
        all.extend(&policy);
        let hosts: Vec<String> = all.hosts().collect();
        assert_eq!(hosts, ["other.example:8443", "registry.example:443"]);
        assert!(
            all.allows("https://registry.example/npm/") && !all.allows("http://registry.example")
        );
        let loopback = "127.0.0.1".parse().unwrap();
        assert!(all.leads_to("other.example", 8443, loopback));
        assert!(!all.leads_to("registry.example", 443, loopback));
    }

    #[test]
    fn what_is_no_registry_is_refused() {
        for text in [
            "",
            "two hosts",
            "registry.example:99999",
            "ftp://a/",
            "file:///etc/passwd",
            "https://",
            "/x",
            "git+ssh://a",
        ] {
            assert!(Policy::default().allow(text, false).is_err(), "{text}");
        }
    }
}
