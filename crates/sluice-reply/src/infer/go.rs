//! Go packages and their tests, which stand in one folder and say the package's name.

use super::Candidate;

/// Whether the code is tests.
pub(super) fn is_test(content: &str) -> bool {
    content.contains("\"testing\"") && content.lines().any(|line| line.starts_with("func Test"))
}

/// Paths of a file and its test, by the package that both name.
pub(super) fn pair(module: Candidate<'_>, test: Candidate<'_>) -> Option<(String, String)> {
    let package = package(module.content)?;
    let tested = self::package(test.content)?;
    if tested.strip_suffix("_test").unwrap_or(tested) != package || !calls(test, module) {
        return None;
    }
    Some((format!("{package}.go"), format!("{package}_test.go")))
}

/// The path of a test of the file at `path`.
pub(super) fn test_of(path: &str, module: &str, test: Candidate<'_>) -> Option<String> {
    let stem = path.strip_suffix(".go")?;
    let package = package(module)?;
    let tested = self::package(test.content)?;
    let same = tested.strip_suffix("_test").unwrap_or(tested) == package;
    let calls = functions(module).any(|name| test.content.contains(&format!("{name}(")));
    (same && calls).then(|| format!("{stem}_test.go"))
}

/// The path of the file that the test at `path` is for.
pub(super) fn imported(path: &str, test: &str, module: Candidate<'_>) -> Option<String> {
    let stem = path.strip_suffix("_test.go")?;
    let tested = package(test)?;
    let same = tested.strip_suffix("_test").unwrap_or(tested) == package(module.content)?;
    let calls = functions(module.content).any(|name| test.contains(&format!("{name}(")));
    (same && calls).then(|| format!("{stem}.go"))
}

fn calls(test: Candidate<'_>, module: Candidate<'_>) -> bool {
    functions(module.content).any(|name| test.content.contains(&format!("{name}(")))
}

fn package(content: &str) -> Option<&str> {
    let name = content
        .lines()
        .find_map(|line| line.strip_prefix("package "))?
        .trim();
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(letter)).then_some(name)
}

/// Names of functions and types, as many as are looked for.
fn functions(content: &str) -> impl Iterator<Item = &str> {
    content
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("func ")?;
            let name = rest.split('(').next()?.trim();
            let name = name.split('[').next()?;
            (name.len() > 1).then_some(name)
        })
        .take(16)
}
