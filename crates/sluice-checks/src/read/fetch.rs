//! Why pip, uv, cargo or go could not fetch: the registry, or the project.

use super::InstallFault;
use crate::Toolchain;
use crate::finding::{Draft, Paths, shorten, strip_ansi};

/// Words of a registry or a network that did not answer.
const NETWORK: [&str; 22] = [
    "Failed to establish a new connection",
    "connection broken by",
    "Max retries exceeded",
    "Read timed out",
    "Connection refused",
    "connection refused",
    "Connection reset",
    "connection reset by peer",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Could not resolve host",
    "Could not connect",
    "no such host",
    "i/o timeout",
    "TLS handshake timeout",
    "Timeout was reached",
    "timed out",
    "spurious network error",
    "error sending request",
    "failed to download from",
    "HTTP error 50",
    "got 50",
];

/// What a line says, its rule, and what to do.
const KNOWN: [(&str, &str, &str); 17] = [
    (
        "uv.lock does not fit",
        "lockfile-disagrees",
        "run `uv lock` and commit it",
    ),
    (
        "poetry.lock does not name",
        "lockfile-disagrees",
        "run `poetry lock` and commit it",
    ),
    (
        "poetry.lock cannot be read",
        "lockfile-broken",
        "restore it, or run `poetry lock`",
    ),
    (
        "would have to be built",
        "no-wheel",
        "name a package that has a wheel",
    ),
    (
        "Could not find a version that satisfies the requirement",
        "no-matching-distribution",
        "there is no such version, or it has no wheel for this Python: packages are installed from wheels only, so \
         that no code of theirs runs while there is a network",
    ),
    (
        "No matching distribution found",
        "no-matching-distribution",
        "name a version that has a wheel",
    ),
    (
        "DO NOT MATCH THE HASHES",
        "hash-mismatch",
        "write the list with its digests anew, and find out why the package changed",
    ),
    (
        "Hashes are required in --require-hashes mode",
        "hash-missing",
        "give every requirement its digest (pip-compile --generate-hashes, uv export)",
    ),
    (
        "ResolutionImpossible",
        "conflict",
        "the requirements contradict each other",
    ),
    (
        "Invalid requirement",
        "invalid-requirement",
        "write it as name==version",
    ),
    (
        "needs to be updated, but `--locked`",
        "lockfile-disagrees",
        "run `uv lock` and commit uv.lock",
    ),
    (
        "because --locked was passed",
        "lockfile-disagrees",
        "Cargo.lock does not fit Cargo.toml; run `cargo update --workspace` and commit it",
    ),
    (
        "no matching package named",
        "no-matching-package",
        "there is no such crate",
    ),
    (
        "failed to select a version",
        "no-matching-version",
        "there is no such version, or the requirements contradict each other",
    ),
    (
        "failed to parse manifest",
        "manifest-broken",
        "correct Cargo.toml",
    ),
    (
        "missing go.sum entry",
        "lockfile-disagrees",
        "run `go mod tidy` and commit go.sum",
    ),
    ("errors parsing go.mod", "manifest-broken", "correct go.mod"),
];

/// The reason in the output of an installation that failed; `None` when it names none that is known.
pub(crate) fn fetch_errors(
    toolchain: Toolchain,
    output: &str,
    manifest: &str,
    paths: &Paths,
) -> Option<InstallFault> {
    let plain = strip_ansi(output);
    let find = |words: &[&str]| {
        let line = plain
            .lines()
            .find(|line| words.iter().any(|word| line.contains(word)))?;
        Some(shorten(line.trim(), 500))
    };
    if let Some(line) = find(&["GOTOOLCHAIN=local", "requires go >="]) {
        return Some(InstallFault::Unanswered(format!(
            "this machine's Go is too old for the project: {line}"
        )));
    }
    if let Some(line) = find(&NETWORK) {
        return Some(InstallFault::Unanswered(format!(
            "the package registry did not answer: {line}"
        )));
    }
    let (line, rule, mend) = KNOWN
        .iter()
        .find_map(|(words, rule, mend)| Some((find(&[words])?, *rule, *mend)))?;
    let path = paths.resolve(manifest).filter(|path| paths.knows(path));
    let line = line
        .trim_start_matches("ERROR: ")
        .trim_start_matches("error: ");
    let finding = Draft::error(toolchain.installer(), rule, format!("{line}; {mend}"))
        .at(path, 0, 0)
        .done();
    Some(InstallFault::Project(finding))
}
