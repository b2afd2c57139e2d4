//! Ruby files and the tests that require them by a relative path.

use super::Candidate;

/// Whether the code is tests.
pub(super) fn is_test(content: &str) -> bool {
    is_spec(content)
        || content.contains("< Minitest::Test")
        || content.contains("< Test::Unit::TestCase")
}

fn is_spec(content: &str) -> bool {
    content
        .lines()
        .any(|line| line.starts_with("RSpec.describe ") || line.starts_with("describe "))
}

/// Paths of a file and its test, by the test's `require_relative`.
pub(super) fn pair(module: Candidate<'_>, test: Candidate<'_>) -> Option<(String, String)> {
    let required = required(test.content)?;
    let (folder, rest) = match required.strip_prefix("../") {
        Some(rest) if is_spec(test.content) => ("spec/", rest),
        Some(rest) => ("test/", rest),
        None => ("", required.strip_prefix("./").unwrap_or(required)),
    };
    if rest.starts_with('.') || !defines(module.content, test.content) {
        return None;
    }
    let rest = rest.strip_suffix(".rb").unwrap_or(rest);
    let name = rest.rsplit('/').next().unwrap_or(rest);
    let kind = if is_spec(test.content) {
        "spec"
    } else {
        "test"
    };
    Some((format!("{rest}.rb"), format!("{folder}{name}_{kind}.rb")))
}

/// The path of `module`, if the test at `path` requires it.
pub(super) fn imported(path: &str, test: &str, module: Candidate<'_>) -> Option<String> {
    if !defines(module.content, test) {
        return None;
    }
    let mut rest = required(test)?;
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop()?;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            folders.pop()?;
            rest = after;
        } else {
            break;
        }
    }
    folders.push(rest.strip_suffix(".rb").unwrap_or(rest));
    Some(format!("{}.rb", folders.join("/")))
}

/// The only relative path that the code requires.
fn required(content: &str) -> Option<&str> {
    let mut all = content.lines().filter_map(|line| {
        let rest = line.strip_prefix("require_relative ")?.trim();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        rest[1..].split(quote).next()
    });
    let only = all.next()?;
    (all.next().is_none() && !only.is_empty()).then_some(only)
}

/// Whether the test uses a class, module or method of the other file.
fn defines(module: &str, test: &str) -> bool {
    module
        .lines()
        .filter_map(|line| {
            let rest = ["class ", "module ", "def self.", "def "]
                .iter()
                .find_map(|word| line.trim_start().strip_prefix(word))?;
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            (end > 1).then(|| &rest[..end])
        })
        .take(16)
        .any(|name| test.contains(name))
}
