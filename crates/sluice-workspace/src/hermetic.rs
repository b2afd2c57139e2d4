//! Keeps libgit2 away from the configuration of the user and of the machine.

use std::sync::Once;

static ONCE: Once = Once::new();

/// Empties libgit2's search paths, once in a process and before its first use here.
///
/// What `~/.gitconfig` says (line endings, file modes, templates, includes) must not change which
/// commit a reply becomes.
pub(crate) fn ensure() {
    ONCE.call_once(|| {
        use git2::ConfigLevel::{Global, ProgramData, System, XDG};
        for level in [System, Global, XDG, ProgramData] {
            empty_search_path(level);
        }
        // On by default in libgit2 1.9; said here because we rely on both.
        git2::opts::strict_object_creation(true);
        git2::opts::strict_hash_verification(true);
    });
}

#[expect(
    unsafe_code,
    reason = "git2 marks libgit2's global options unsafe; Once orders this before every other call"
)]
fn empty_search_path(level: git2::ConfigLevel) {
    // SAFETY: the option is global and unsynchronised. git2 is fenced to this crate, and every way
    // into it passes `ensure`, so no other libgit2 call runs before or beside this one.
    let set = unsafe { git2::opts::set_search_path(level, "") };
    set.expect("an empty search path is valid for these four levels");
}
