//! The proxy that this machine itself has to go through: a key, else the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_egress::{Proxied, Resolve, System, Upstream};

use super::values::Values;
use crate::exit::Exit;

/// The key that says it.
const KEY: &str = "network.upstream_proxy";
/// The value of the key that says that there is none.
const NONE: &str = "none";

/// The machine's own proxy.
#[derive(Debug, Clone, Default)]
pub(crate) struct MachineProxy {
    /// The proxy, if there is one.
    proxy: Option<Arc<Upstream>>,
    /// The key or the variables that name it.
    pub(crate) origin: Option<&'static str>,
    /// What is wrong with the variables, so that nobody is gone through.
    pub(crate) fault: Option<String>,
}

impl MachineProxy {
    /// How registries are found from this machine.
    pub(crate) fn resolver(&self) -> Arc<dyn Resolve> {
        match &self.proxy {
            Some(upstream) => Arc::new(Proxied(Arc::clone(upstream))),
            None => Arc::new(System),
        }
    }
}

/// Reads the key, else the variables. A key that cannot be used is an error; variables are meant for many programs,
/// so those that cannot be used are told of where registries are needed.
pub(super) fn read(
    values: &Values,
    variables: &BTreeMap<String, String>,
) -> Result<MachineProxy, Exit> {
    // Programs disagree on which spelling outranks the other; curl and git look for this one first.
    let variable = |name: &str| {
        let found = variables.get(&name.to_ascii_lowercase());
        found.or_else(|| variables.get(name)).map(String::as_str)
    };
    let none = variable("NO_PROXY").unwrap_or_default();
    if let Some(key) = values.text(KEY) {
        if key.trim() == NONE {
            return Ok(MachineProxy::default());
        }
        let proxy = Upstream::new(Some(&key), Some(&key), none)
            .map_err(|error| values.wrong(KEY, &format!("is wrong: {error}, or \"none\"")))?;
        return Ok(MachineProxy {
            proxy: proxy.map(Arc::new),
            origin: Some(KEY),
            fault: None,
        });
    }
    let (plain, tunnel) = (variable("HTTP_PROXY"), variable("HTTPS_PROXY"));
    Ok(match Upstream::new(plain, tunnel, none) {
        Ok(None) => MachineProxy::default(),
        Ok(Some(proxy)) => MachineProxy {
            proxy: Some(Arc::new(proxy)),
            origin: Some("HTTPS_PROXY, HTTP_PROXY"),
            fault: None,
        },
        Err(error) => MachineProxy {
            fault: Some(format!(
                "HTTPS_PROXY or HTTP_PROXY is left aside, since {error}; or set {KEY}"
            )),
            ..MachineProxy::default()
        },
    })
}
