//! The files that editors make beside the one that is edited.

/// Vim writes this to see whether it may make files, and the numbers after it when it is there.
const VIM_PROBE: u32 = 4913;

/// Whether a name is one that an editor gives to a file of its own: swap and backup files of Vim, Emacs,
/// Kate and the JetBrains editors, GLib's half-written files, and what a desktop puts into folders.
pub(super) fn is_leftover(name: &str) -> bool {
    let is_probe = || {
        let number = name.parse::<u32>().ok();
        number.is_some_and(|n| {
            (VIM_PROBE..10_000).contains(&n) && (n - VIM_PROBE).is_multiple_of(123)
        })
    };
    let is_swap = || {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        name.starts_with('.') && ending.len() == 3 && ending.starts_with("sw")
    };
    name.ends_with('~')
        || name.starts_with(".#")
        || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'))
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || name.ends_with(".kate-swp")
        || name.starts_with(".goutputstream-")
        || name == ".DS_Store"
        || is_swap()
        || is_probe()
}
