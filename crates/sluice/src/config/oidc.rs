//! The OpenID Connect issuer whose people are let in.

use std::net::IpAddr;
use std::time::Duration;

use sluice_factory::Role;

use super::values::Values;
use crate::exit::Exit;

/// Whom the daemon believes who people are, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OidcConfig {
    /// The issuer, as `iss` has it.
    pub(crate) issuer: String,
    /// Us, as `aud` has it.
    pub(crate) audience: String,
    /// Where its keys are, if discovery is not asked.
    pub(crate) jwks_url: Option<String>,
    /// The claim with the roles.
    pub(crate) role_claim: String,
    /// The words in it that give each role.
    pub(crate) roles: Vec<(Role, Vec<String>)>,
    /// The claim with the projects.
    pub(crate) projects_claim: Option<String>,
    /// The claim with the name.
    pub(crate) name_claim: Option<String>,
    /// How much clocks may differ.
    pub(crate) leeway: Duration,
    /// Whether the issuer may have an address of this machine or of a private network.
    pub(crate) allow_private: bool,
}

/// Reads the table; `None` when there is none.
pub(super) fn read(values: &Values) -> Result<Option<OidcConfig>, Exit> {
    let Some(issuer) = values.text("oidc.issuer") else {
        return match values.first_below("oidc") {
            None => Ok(None),
            Some(key) => Err(values
                .wrong(key, "is set, and oidc.issuer is not")
                .mend("set oidc.issuer, as in \"https://login.example.org\"")),
        };
    };
    let allow_private = values.switch("oidc.allow_private", false);
    let jwks_url = values.text("oidc.jwks_url");
    let urls = [
        ("oidc.issuer", Some(&issuer)),
        ("oidc.jwks_url", jwks_url.as_ref()),
    ];
    for (key, url) in urls {
        if let Some(url) = url {
            allowed(url, allow_private).map_err(|what| values.wrong(key, &what))?;
        }
    }
    let missing = |key: &str, why: &str| {
        Exit::usage(format!(
            "{}: {key} is not set",
            values.origin("oidc.issuer")
        ))
        .mend(why)
    };
    let audience = values.text("oidc.audience").filter(|text| !text.is_empty());
    let audience = audience.ok_or_else(|| {
        missing(
            "oidc.audience",
            "set it to the client id or the audience that the issuer has for this daemon: a token for anybody else \
             must open nothing",
        )
    })?;
    let all = [Role::Viewer, Role::Operator, Role::Approver, Role::Admin];
    let roles = all.map(|role| (role, values.list(&format!("oidc.roles.{role}"))));
    if roles.iter().all(|(_, words)| words.is_empty()) {
        return Err(missing(
            "oidc.roles",
            "name the words of the claim that give a role, as in roles = { approver = [\"sluice-approvers\"] }",
        ));
    }
    Ok(Some(OidcConfig {
        issuer,
        audience,
        jwks_url,
        role_claim: values
            .text("oidc.role_claim")
            .unwrap_or_else(|| "roles".to_owned()),
        roles: roles.to_vec(),
        projects_claim: values.text("oidc.projects_claim"),
        name_claim: values.text("oidc.name_claim"),
        leeway: Duration::from_secs(values.number("oidc.leeway_s", 30, 0..=300)?),
        allow_private,
    }))
}

/// Whether keys may come from there: they are what everything else is believed for.
pub(crate) fn allowed(url: &str, allow_private: bool) -> Result<(), String> {
    let wrong = || format!("is an https URL, as in https://login.example.org, not {url:?}");
    let parsed = reqwest::Url::parse(url).map_err(|_| wrong())?;
    let host = parsed.host_str().ok_or_else(wrong)?;
    let is_plain = parsed.username().is_empty()
        && parsed.password().is_none()
        && parsed.query().is_none()
        && parsed.fragment().is_none();
    if !is_plain {
        return Err(wrong());
    }
    match (parsed.scheme(), is_loopback(host)) {
        ("https", _) => Ok(()),
        ("http", true) if allow_private => Ok(()),
        ("http", true) => {
            Err("is on this machine; that needs oidc.allow_private = true".to_owned())
        }
        _ => Err(wrong()),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
