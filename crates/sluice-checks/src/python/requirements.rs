//! Reads pip's files of requirements: what would run code of a package while it is fetched is refused.

use crate::Tree;
use crate::find::join;

/// Options that a file may have; all others decide where packages come from or how they are built.
const OPTIONS: [&str; 10] = [
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "--require-hashes",
    "--only-binary",
    "--prefer-binary",
    "-i",
    "--index-url",
    "--extra-index-url",
];
/// How deep files may name each other.
const DEEPEST: usize = 8;

/// What the files of a project come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// Lines that are refused, as `path:line: why`.
    pub(super) refused: Vec<String>,
    /// How many packages are named.
    pub(super) packages: usize,
    /// How many of them have the digest of what is to be installed.
    pub(super) hashed: usize,
}

impl Requirements {
    /// Reads a file and those that it names.
    pub(super) fn add(&mut self, tree: &dyn Tree, path: &str) {
        self.file(tree, path, 0);
    }

    fn file(&mut self, tree: &dyn Tree, path: &str, depth: usize) {
        let Some(bytes) = tree.read(path) else {
            self.refused.push(format!("{path} is not there"));
            return;
        };
        if depth > DEEPEST {
            self.refused
                .push(format!("{path}: files name each other too deeply"));
            return;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let mut whole = line.trim_end().to_owned();
            while whole.ends_with('\\') {
                whole.pop();
                match lines.next() {
                    Some((_, more)) => whole.push_str(more.trim()),
                    None => break,
                }
            }
            let whole = whole.trim_start_matches('\u{feff}').trim();
            let whole = match whole.split_once(" #") {
                Some((before, _)) => before.trim(),
                None => whole,
            };
            if whole.is_empty() || whole.starts_with('#') {
                continue;
            }
            if let Some(option) = whole.strip_prefix('-').map(|_| whole) {
                self.option(tree, path, at + 1, option, depth);
            } else if let Err(why) = specifier(whole) {
                self.refused.push(format!("{path}:{}: {why}", at + 1));
            } else {
                self.packages += 1;
                self.hashed += usize::from(whole.contains("--hash="));
            }
        }
    }

    fn option(&mut self, tree: &dyn Tree, path: &str, line: usize, text: &str, depth: usize) {
        let end = text
            .find(|c: char| c.is_whitespace() || c == '=')
            .unwrap_or(text.len());
        let (name, value) = (
            &text[..end],
            text[end..].trim_start_matches(['=', ' ']).trim(),
        );
        if !OPTIONS.contains(&name) {
            self.refused.push(format!(
                "{path}:{line}: {name} is not taken here; name packages that have wheels"
            ));
        } else if matches!(name, "-r" | "--requirement" | "-c" | "--constraint") {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            match inside(folder, value) {
                Some(other) => self.file(tree, &other, depth + 1),
                None => self
                    .refused
                    .push(format!("{path}:{line}: {value} is not in the workspace")),
            }
        }
    }
}

/// Why a requirement is not taken: pip would fetch and build sources for it.
pub(super) fn specifier(text: &str) -> Result<(), String> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let head = text.split([';', ' ']).next().unwrap_or(text);
    if text.contains("://") || head.contains(['/', '\\']) || text.contains(" @ ") || !is_name {
        return Err(format!(
            "{text:?} is a folder or an address and would have to be built; name a package that has a wheel"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!(
            "{text:?} holds a character that no requirement has"
        ));
    }
    Ok(())
}

/// The path of the workspace that `value` means in `folder`.
fn inside(folder: &str, value: &str) -> Option<String> {
    if value.starts_with('/') || value.contains("://") {
        return None;
    }
    let joined = join(folder, value);
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
