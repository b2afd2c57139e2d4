//! A path that may be written: relative, normalised, and the same file on every system.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;

use caseless::Caseless;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::characters::{as_separator, first_unseen};
use crate::refusal::quoted;
use crate::{Reason, Refusal, disguise, sensitive};

/// The longest component, in bytes of UTF-8.
pub const MAX_COMPONENT_BYTES: usize = 255;
/// The deepest path, in components.
pub const MAX_COMPONENTS: usize = 64;
/// The longest path, in bytes of UTF-8.
pub const MAX_PATH_BYTES: usize = 1024;

/// Beyond this a text is refused unread; normalising never saves that much of an honest path.
const MAX_RAW_BYTES: usize = 16 * 1024;

/// A file's path below the workspace: `/`-separated, NFC, safe to open beneath the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelPath(String);

impl RelPath {
    /// Normalises `raw` (leading `./`, single dots, doubled slashes, NFC) and accepts or refuses it.
    ///
    /// Parsing what `as_str` gives back yields the same path again.
    ///
    /// # Errors
    /// A [`Refusal`] with the contract's reason when `raw` could be read as anything else than one
    /// file below the workspace.
    pub fn parse(raw: &str) -> Result<RelPath, Refusal> {
        if raw.len() > MAX_RAW_BYTES {
            return Err(too_long("the path is longer than 1,024 bytes"));
        }
        if raw.trim().is_empty() {
            return Err(Refusal::new(
                Reason::Empty,
                "the path is empty: name a file, as in `src/app.ts`",
            ));
        }
        // First of all: composing turns U+037E into `;`, U+1FEF into a backtick.
        let normal: Cow<'_, str> = if raw.is_ascii() {
            Cow::Borrowed(raw)
        } else {
            Cow::Owned(raw.nfc().collect())
        };
        check_start(&normal)?;
        check_characters(&normal)?;
        let mut components: Vec<&str> = normal.split('/').collect();
        if components.contains(&"..") {
            return Err(parent(&normal));
        }
        let last = components.last().copied().unwrap_or_default();
        components.retain(|c| !c.is_empty() && *c != ".");
        if components.is_empty() {
            return Err(Refusal::new(
                Reason::Empty,
                "the path names the workspace itself: name a file in it",
            ));
        }
        if last.is_empty() || last == "." {
            return Err(Refusal::new(
                Reason::Empty,
                format!(
                    "{} names a folder: add the file's name after the last slash",
                    quoted(raw)
                ),
            ));
        }
        check_lengths(&components)?;
        let plain: Vec<Cow<'_, str>> = components.iter().map(|c| disguise::plainest(c)).collect();
        for (component, plain) in components.iter().zip(&plain) {
            check_component(component, plain)?;
        }
        if disguise::is_bare_repository(&plain) {
            return Err(Refusal::new(
                Reason::Git,
                format!(
                    "{} at the root could make git take the workspace for a repository: put it into a folder",
                    quoted(raw)
                ),
            ));
        }
        let path = components.join("/");
        // `./` at the front hides a `~` or `-` from the first look only.
        check_start(&path)?;
        Ok(RelPath(path))
    }

    /// The normalised path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders and, last, the file's name. Never empty.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder that holds the file, or nothing for a file at the root.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// Whether a person should look before this file is taken: lockfiles, secrets, CI, package-manager and
    /// test configuration, and files that a tool executes on its own.
    pub fn is_sensitive(&self) -> bool {
        sensitive::is_sensitive(self)
    }

    /// casefold(NFC): two paths with one key are one file where case does not count.
    pub fn collision_key(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        self.0.chars().default_case_fold().nfc().collect()
    }
}

/// What must not stand at the start of a path.
fn check_start(raw: &str) -> Result<(), Refusal> {
    let absolute = |what: &str| {
        let advice = "use a path relative to the workspace, as in `src/app.ts`";
        Err(Refusal::new(
            Reason::Absolute,
            format!("{} {what}: {advice}", quoted(raw)),
        ))
    };
    let text = raw.trim_start();
    if text.starts_with('/') {
        return absolute("is absolute");
    }
    if text.starts_with('\\') {
        return absolute("is absolute on Windows");
    }
    if text.starts_with('~') {
        return absolute("starts in a home folder");
    }
    if let Some((scheme, _)) = text.split_once(':') {
        let letters = |s: &str| {
            s.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'))
        };
        if scheme.len() == 1 && letters(scheme) {
            return absolute("starts with a drive letter");
        }
        let opaque = [
            "about",
            "blob",
            "data",
            "file",
            "javascript",
            "mailto",
            "urn",
            "vbscript",
        ];
        let hierarchical = text
            .split_once("://")
            .is_some_and(|(s, _)| !s.is_empty() && letters(s));
        if hierarchical || opaque.iter().any(|o| o.eq_ignore_ascii_case(scheme)) {
            return absolute("is a URL");
        }
    }
    if text.starts_with('-') {
        return Err(Refusal::new(
            Reason::Shell,
            format!(
                "{} starts with a hyphen, so programs would read it as an option: rename it",
                quoted(raw)
            ),
        ));
    }
    Ok(())
}

/// What must not stand anywhere in a path.
fn check_characters(raw: &str) -> Result<(), Refusal> {
    if let Some(c) = first_unseen(raw) {
        let what = format!(
            "{} holds U+{:04X}, a character that cannot be seen: remove it",
            quoted(raw),
            u32::from(c)
        );
        return Err(Refusal::new(Reason::Control, what));
    }
    if raw.contains('\\') {
        return Err(Refusal::new(
            Reason::Backslash,
            format!(
                "{} holds a backslash: separate folders with `/`",
                quoted(raw)
            ),
        ));
    }
    let marked = raw.bytes().any(|b| matches!(b, b'$' | b'`' | b';' | b'&'));
    for sequence in ["$(", "${", "`", ";", "&&"] {
        if marked && raw.contains(sequence) {
            let what = format!(
                "{} holds `{sequence}`, which a shell would execute or split: rename it",
                quoted(raw)
            );
            return Err(Refusal::new(Reason::Shell, what));
        }
    }
    if raw.is_ascii() {
        return Ok(());
    }
    if let Some(c) = raw.chars().find(|&c| as_separator(c).is_some()) {
        // Seen by whoever normalises it, this text has other components than the ones checked here.
        let seen: String = raw
            .chars()
            .map(|c| as_separator(c).unwrap_or(c))
            .nfkc()
            .collect();
        let reason = if seen.split(['/', '\\']).any(is_dots) {
            Reason::Parent
        } else {
            Reason::Reserved
        };
        let what = format!(
            "{} holds U+{:04X}, which passes for a separator: use `/`",
            quoted(raw),
            u32::from(c)
        );
        return Err(Refusal::new(reason, what));
    }
    Ok(())
}

fn check_lengths(components: &[&str]) -> Result<(), Refusal> {
    let bytes = components.iter().map(|c| c.len() + 1).sum::<usize>() - 1;
    if bytes > MAX_PATH_BYTES {
        return Err(too_long(format!(
            "the path has {bytes} bytes, more than 1,024"
        )));
    }
    if components.len() > MAX_COMPONENTS {
        return Err(too_long(format!(
            "the path is {} folders deep, more than 64",
            components.len()
        )));
    }
    match components.iter().find(|c| c.len() > MAX_COMPONENT_BYTES) {
        Some(long) => Err(too_long(format!(
            "{} has {} bytes, more than 255",
            quoted(long),
            long.len()
        ))),
        None => Ok(()),
    }
}

/// What one component must not be, as written and as the most forgiving file system sees it.
fn check_component(component: &str, plain: &str) -> Result<(), Refusal> {
    let dots = if component.is_ascii() {
        component.starts_with(['.', ' ']) && is_dots(component)
    } else {
        is_dots(&component.nfkc().collect::<String>())
    };
    if dots {
        return Err(parent(component));
    }
    let name = fmt::from_fn(|f| f.write_str(&quoted(component)));
    if disguise::is_dot_git(plain) {
        return Err(Refusal::new(
            Reason::Git,
            format!("{name} is git's own data on some file system: agents may not write it"),
        ));
    }
    if plain.is_empty() {
        return Err(Refusal::new(
            Reason::Reserved,
            format!("{name} is only dots or spaces: give it a name"),
        ));
    }
    if component.ends_with([' ', '.']) || component.ends_with(char::is_whitespace) {
        return Err(Refusal::new(
            Reason::Reserved,
            format!("{name} ends in a dot or space, which Windows drops: remove it"),
        ));
    }
    let forbidden = |c: &char| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    if let Some(c) = component.chars().find(forbidden) {
        return Err(Refusal::new(
            Reason::Reserved,
            format!("{name} holds `{c}`, which Windows does not allow: rename it"),
        ));
    }
    if disguise::is_windows_device(plain) {
        return Err(Refusal::new(
            Reason::Reserved,
            format!("{name} is a device on Windows: rename it"),
        ));
    }
    if let Some(folder) = disguise::tool_folder(plain) {
        return Err(Refusal::new(
            Reason::ToolOwned,
            format!(
                "`{folder}` is written by tools and never committed: declare the dependency instead"
            ),
        ));
    }
    Ok(())
}

/// Whether `component` is `..`, also with the spaces that Windows drops.
fn is_dots(component: &str) -> bool {
    component.chars().filter(|&c| c != ' ').eq("..".chars())
}

fn parent(path: &str) -> Refusal {
    Refusal::new(
        Reason::Parent,
        format!(
            "{} leaves its folder through `..`: write the path out from the root",
            quoted(path)
        ),
    )
}

fn too_long(what: impl fmt::Display) -> Refusal {
    Refusal::new(Reason::TooLong, format!("{what}: shorten it"))
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for RelPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for RelPath {
    type Err = Refusal;

    fn from_str(raw: &str) -> Result<RelPath, Refusal> {
        RelPath::parse(raw)
    }
}

impl TryFrom<String> for RelPath {
    type Error = Refusal;

    fn try_from(raw: String) -> Result<RelPath, Refusal> {
        RelPath::parse(&raw)
    }
}

impl From<RelPath> for String {
    fn from(path: RelPath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests;
