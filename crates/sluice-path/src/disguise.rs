//! Sees through the ways in which a name can turn into another one on some file system.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use crate::characters::is_invisible;

/// What the most forgiving file system makes of `component`: compatibility forms, case, characters that
/// HFS+ ignores, NTFS streams, and the dots and spaces at the end that Windows drops.
pub(crate) fn plainest(component: &str) -> Cow<'_, str> {
    let plain = |b: u8| matches!(b, b'!'..=b'~') && !b.is_ascii_uppercase() && b != b':';
    if component.bytes().all(plain) && !component.ends_with('.') {
        return Cow::Borrowed(component);
    }
    let folded: String = component
        .nfkc()
        .filter(|&c| !is_invisible(c) && !c.is_control())
        .default_case_fold()
        .nfkc()
        // A dotted capital I folds to `i` and a combining dot, a dotless one does not fold at all.
        .filter(|&c| c != '\u{307}')
        .map(|c| if c == 'ı' { 'i' } else { c })
        .collect();
    let name = folded.split(':').next().unwrap_or_default();
    Cow::Owned(name.trim_end_matches([' ', '.']).trim_start().to_owned())
}

/// Whether a component (already [`plainest`]) is `.git`, `.gitmodules`, or a short name that NTFS makes for them.
///
/// Short names are the first six letters, or two letters and a hash, then `~` and a number
/// (CVE-2014-9390, CVE-2019-1352, and git's `is_ntfs_dot_str`).
pub(crate) fn is_dot_git(plain: &str) -> bool {
    matches!(plain, ".git" | ".gitmodules") || is_short_name(plain)
}

fn is_short_name(plain: &str) -> bool {
    if plain.len() > 8 {
        return false;
    }
    let Some((stem, number)) = plain.split_once('~') else {
        return false;
    };
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let hashed = |rest: &str| rest.len() <= 4 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    numbered
        && ((stem.len() >= 3 && "gitmodules".starts_with(stem))
            || stem.strip_prefix("gi").is_some_and(hashed))
}

/// Whether the path (components already [`plainest`]) would help to make the workspace's root look like a
/// bare repository, which an outer git trusts (`safe.bareRepository`).
///
/// Only shapes that git itself writes are meant: `objects/player.ts` is an ordinary file, as is `src/HEAD`.
pub(crate) fn is_bare_repository(plain: &[Cow<'_, str>]) -> bool {
    let mut start = [""; 4];
    for (place, component) in start.iter_mut().zip(plain) {
        *place = component;
    }
    match &start[..plain.len().min(4)] {
        [
            "head" | "config" | "config.worktree" | "packed-refs" | "commondir" | "gitdir"
            | "fetch_head" | "orig_head",
        ] => true,
        ["objects" | "refs"] => true,
        ["objects", "info" | "pack", ..] => true,
        ["objects", fan, _, ..] => fan.len() == 2 && fan.bytes().all(|b| b.is_ascii_hexdigit()),
        ["refs", "heads" | "tags" | "remotes" | "notes" | "stash", ..] => true,
        [
            "info",
            "alternates" | "attributes" | "exclude" | "grafts" | "sparse-checkout",
        ] => true,
        ["hooks", name] => HOOKS.contains(name),
        _ => false,
    }
}

/// The hooks of `githooks(5)`, which git runs by these exact names.
const HOOKS: &[&str] = &[
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
];

/// Whether Windows opens a device for this component (already [`plainest`]), whatever its extension.
///
/// Compatibility folding has turned the superscripts of `COM¹` into digits, which Windows also does.
pub(crate) fn is_windows_device(plain: &str) -> bool {
    if !plain.starts_with(['c', 'p', 'a', 'n', 'l']) {
        return false;
    }
    let stem = plain.split('.').next().unwrap_or_default().trim_end();
    if matches!(
        stem,
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" | "clock$"
    ) {
        return true;
    }
    let numbered = stem
        .strip_prefix("com")
        .or_else(|| stem.strip_prefix("lpt"));
    numbered.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The folder of a tool that `plain` (already [`plainest`]) names, if it does.
pub(crate) fn tool_folder(plain: &str) -> Option<&'static str> {
    ["node_modules", ".venv", "__pycache__"]
        .into_iter()
        .find(|&folder| folder == plain)
}
