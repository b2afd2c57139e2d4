//! The names of the refs that the contract fixes, and who is named in commits.

use sluice_gates::Gate;
use sluice_workspace::Identity;

/// What a clone gets: every tree on it passed its gate.
pub(crate) const MAIN: &str = "refs/heads/main";
/// What the working tree shows.
pub(crate) const WORK: &str = "refs/heads/work";
/// What the working tree was last brought to.
pub(crate) const WORK_TREE: &str = "refs/sluice/work-tree";
/// Notes that say which part of which reply became which file of a commit.
pub(crate) const RECEIPTS: &str = "refs/notes/receipts";
/// Prefixes of the refs that are the daemon's own and that no clone sees.
pub(crate) const PRIVATE: &[&str] = &["refs/sluice/"];

/// What the working tree is being brought to; what it has of it is not a person's.
pub(crate) const WORK_TREE_NEXT: &str = "refs/sluice/work-tree-next";
/// The edits of people that were held, each under its number.
pub(crate) const HELD: &str = "refs/held/";

/// One edit that was held.
pub(crate) fn held_ref(n: u64) -> String {
    format!("{HELD}{n}")
}

/// The chain of a gate's decisions.
pub(crate) fn gate_ref(gate: Gate) -> String {
    format!("refs/gates/{gate}")
}

/// The tag on the commit that was approved.
pub(crate) fn gate_tag(gate: Gate) -> String {
    format!("refs/tags/gates/{gate}")
}

/// The commit of one attempt.
pub(crate) fn attempt_ref(gate: Gate, run: &str, attempt: u16) -> String {
    format!("refs/attempts/{gate}/{run}/{attempt}")
}

/// The evidence of one green attempt, before and after it is decided on.
pub(crate) fn evidence_ref(gate: Gate, run: &str, attempt: u16) -> String {
    format!("refs/evidence/{gate}/{run}/{attempt}")
}

/// The daemon as committer.
pub(crate) fn daemon() -> Identity {
    identity("Sluice")
}

/// Somebody by name. The address leads nowhere: `.invalid` is reserved for that (RFC 2606).
pub(crate) fn identity(name: &str) -> Identity {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '<' | '>') {
                ' '
            } else {
                c
            }
        })
        .collect();
    let plain = match plain.trim() {
        "" => "unnamed",
        name => name,
    };
    let local: String = plain
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Identity {
        name: plain.to_owned(),
        email: format!("{local}@sluice.invalid"),
    }
}
