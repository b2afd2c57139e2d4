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
    Unanswered(String),
    /// The project's own.
    Project(Finding),
}

/// The line without what npm puts in front of it: the code, the code without its `E`, or a word of its own.
fn without_code<'t>(line: &'t str, code: &str) -> &'t str {
    [code, code.get(1..).unwrap_or(""), "notarget", "notsup"]
        .into_iter()
        .filter(|start| !start.is_empty())
        .find_map(|start| line.strip_prefix(start))
        .filter(|rest| rest.is_empty() || rest.starts_with(' '))
        .map_or(line, str::trim)
}

/// Node's own view of an error: stack frames and fields, which say nothing new.
fn is_dump(line: &str) -> bool {
    let field = line.split_once(": ").is_some_and(|(name, value)| {
        name.bytes().all(|b| b.is_ascii_alphanumeric()) && value.ends_with(',')
    });
    matches!(line, "{" | "}" | "[" | "]")
        || line.starts_with("at ")
        || line.starts_with("errno ")
        || line.starts_with("syscall ")
        || line.starts_with("requiredBy: ")
        || field
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
        .map(|line| without_code(line, code))
        .take_while(|line| {
            !line.starts_with("Clean install a project") && !line.starts_with("Usage:")
        })
        .filter(|line| !is_dump(line))
        .filter(|line| !BOILERPLATE.iter().any(|start| line.starts_with(start)))
        .take(20)
        .collect();
    let message = shorten(&said.join("\n"), 2000);
    if NETWORK.contains(&code) || code.starts_with("E5") {
        return Some(InstallFault::Unanswered(format!(
            "the package registry could not be asked: {code} {message}"
        )));
    }
    let path = paths.resolve(manifest.rsplit('/').next().unwrap_or(manifest));
    Some(InstallFault::Project(
        Draft::error("npm", code, message).at(path, 0, 0).done(),
    ))
}
