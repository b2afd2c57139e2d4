//! Recognises a folder that the git program would take for a repository of its own.
//!
//! A folder with `HEAD`, `objects` and `refs` is a bare repository to git, wherever it lies: a
//! `git status` in it runs the commands of its `config` (CVE-2022-24765 and what followed,
//! `safe.bareRepository`). With `commondir`, the last two may lie elsewhere.

/// The names that make a folder a repository, as far as they were seen.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    head: bool,
    objects: bool,
    refs: bool,
    common: bool,
}

impl Marks {
    /// Takes one name of the folder into account. Case does not count: it does not on every file
    /// system that a clone may land on. `HEAD` and `commondir` must be files; of the others git
    /// asks no more than that they may be executed.
    pub(crate) fn see(&mut self, name: &[u8], is_folder: bool) {
        let mark = match name.len() {
            4 if name.eq_ignore_ascii_case(b"HEAD") && !is_folder => &mut self.head,
            4 if name.eq_ignore_ascii_case(b"refs") => &mut self.refs,
            7 if name.eq_ignore_ascii_case(b"objects") => &mut self.objects,
            9 if name.eq_ignore_ascii_case(b"commondir") && !is_folder => &mut self.common,
            _ => return,
        };
        *mark = true;
    }

    /// Whether git would take the folder for a repository.
    pub(crate) fn is_repository(&self) -> bool {
        self.head && (self.common || (self.objects && self.refs))
    }
}

/// Whether a name is one of those that [`Marks`] looks for.
pub(crate) fn is_mark(name: &str) -> bool {
    ["HEAD", "refs", "objects", "commondir"]
        .iter()
        .any(|mark| name.eq_ignore_ascii_case(mark))
}
