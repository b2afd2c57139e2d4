//! Manifests, which are known by their keys.

use serde_json::{Map, Value};

use super::Candidate;

/// Longer than any manifest that a person would want to be guessed.
const MAX_BYTES: usize = 256 * 1024;

/// Whether the block is a `package.json`.
pub(super) fn is_package_json(candidate: &Candidate<'_>) -> bool {
    if !matches!(candidate.language, "json" | "jsonc" | "") || candidate.content.len() > MAX_BYTES {
        return false;
    }
    if !candidate.content.trim_start().starts_with('{') {
        return false;
    }
    let Ok(keys) = serde_json::from_str::<Map<String, Value>>(candidate.content) else {
        return false;
    };
    let has = |key: &str| keys.contains_key(key);
    // A lockfile, PHP's composer.json.
    if ["lockfileVersion", "packages", "require", "autoload"]
        .into_iter()
        .any(has)
    {
        return false;
    }
    let named = ["name", "version", "private"].into_iter().any(has);
    let used = [
        "scripts",
        "dependencies",
        "devDependencies",
        "peerDependencies",
    ]
    .into_iter()
    .filter(|key| keys.get(*key).is_some_and(Value::is_object))
    .count();
    (named && used >= 1) || used >= 2
}
