//! What npm says when an installation fails.

use crate::Finding;
use crate::finding::{Draft, Paths, shorten, strip_ansi};

/// Codes that speak of the way to the registry and not of the project.
const NETWORK: [&str; 16] = [
    "EAI_AGAIN",
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ERR_SOCKET_TIMEOUT",
    "FETCH_ERROR",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "CERT_HAS_EXPIRED",
    "E405",
    "E429",
];
const BOILERPLATE: [&str; 5] = [
    "A complete log of this run",
    "Run \"npm help",
    "aliases:",
    "Options:",
    "npm help npmrc",
];

/// What a failed installation comes to.
pub(crate) enum InstallFault {
    /// The registry could not be asked: nothing is known about the project.
    Network(String),
    /// The project's own.
    Project(Finding),
}

/// Reads npm's error, where it printed one.
pub(crate) fn install_errors(output: &str, manifest: &str, paths: &Paths) -> Option<InstallFault> {
    let plain = strip_ansi(output);
    let lines: Vec<&str> = plain
        .lines()
        .filter_map(|line| {
            line.strip_prefix("npm error")
                .or_else(|| line.strip_prefix("npm ERR!"))
        })
        .map(str::trim)
        .collect();
    let code = lines
        .iter()
        .find_map(|line| line.strip_prefix("code "))?
        .trim();
    let said: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| !line.is_empty() && !line.starts_with("code ") && !line.starts_with("--"))
        .map(|line| {
            line.strip_prefix(code)
                .or_else(|| line.strip_prefix(&code[1..]))
                .unwrap_or(line)
                .trim()
        })
        .take_while(|line| {
            !line.starts_with("Clean install a project") && !line.starts_with("Usage:")
        })
        .filter(|line| !BOILERPLATE.iter().any(|start| line.starts_with(start)))
        .take(20)
        .collect();
    let message = shorten(&said.join("\n"), 2000);
    if NETWORK.contains(&code) || code.starts_with("E5") {
        return Some(InstallFault::Network(format!(
            "the package registry could not be asked: {code} {message}"
        )));
    }
    let path = paths.resolve(manifest.rsplit('/').next().unwrap_or(manifest));
    Some(InstallFault::Project(
        Draft::error("npm", code, message).at(path, 0, 0).done(),
    ))
}
