//! A Rust library and the integration test that uses it by its crate's name.

use super::Candidate;

/// Whether the code is tests outside of the library.
pub(super) fn is_test(content: &str) -> bool {
    content.contains("#[test]")
        && !content.contains("#[cfg(test)]")
        && content.lines().any(|line| line.starts_with("use "))
}

/// Paths of a library and its test, by the name of the crate that the test uses.
pub(super) fn pair(module: Candidate<'_>, test: Candidate<'_>) -> Option<(String, String)> {
    let mut used = test.content.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("use ")?.split_once("::")?;
        let other = matches!(name, "std" | "core" | "alloc" | "crate" | "super" | "self");
        (!other).then_some((name, rest))
    });
    let (name, rest) = used.next()?;
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if used.next().is_some() || name.is_empty() || !name.chars().all(letter) {
        return None;
    }
    let exports = ["pub fn ", "pub struct ", "pub enum ", "pub trait "];
    let defined = module
        .content
        .lines()
        .filter_map(|line| exports.iter().find_map(|word| line.strip_prefix(word)))
        .filter_map(|rest| rest.split(|c: char| !letter(c)).next())
        .take(16);
    let uses = |item: &str| {
        rest.split(|c: char| !letter(c))
            .any(|word| word == item || word.is_empty() && rest.contains('*'))
    };
    let is_binary = module
        .content
        .lines()
        .any(|line| line.starts_with("fn main("));
    (!is_binary && defined.into_iter().any(uses))
        .then(|| ("src/lib.rs".to_owned(), format!("tests/{name}.rs")))
}
