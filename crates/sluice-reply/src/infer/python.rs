//! Python modules and the tests that import them.

/// Imports, and names of one import, that are looked at.
const MAX_IMPORTS: usize = 16;

/// Whether the code is tests.
pub(super) fn is_test(content: &str) -> bool {
    content.lines().any(|line| {
        let code = line.trim_start();
        code.starts_with("def test_")
            || code.starts_with("async def test_")
            || code.contains("(unittest.TestCase)")
            || code.contains("(TestCase)")
    })
}

/// Paths of a module and its test, by what the test imports.
pub(super) fn pair(module: &str, test: &str) -> Option<(String, String)> {
    let name = imported_name(test, module)?;
    let path = path_of(&name);
    let folder = if path.contains('/') { "tests/" } else { "" };
    Some((
        path,
        format!(
            "{folder}test_{}.py",
            name.rsplit('.').next().unwrap_or(&name)
        ),
    ))
}

/// The path of `module`, if the test imports what it defines.
pub(super) fn imported(test: &str, module: &str) -> Option<String> {
    imported_name(test, module).map(|name| path_of(&name))
}

/// The path of a test that imports the module at `path`.
pub(super) fn test_of(path: &str, test: &str) -> Option<String> {
    let stem = path.strip_suffix(".py")?;
    let dotted = stem.replace('/', ".");
    let name = stem.rsplit('/').next()?;
    let imports = imports(test)
        .any(|(module, _)| module == dotted || dotted.ends_with(&format!(".{module}")));
    let folder = if stem.contains('/') { "tests/" } else { "" };
    imports.then(|| format!("{folder}test_{name}.py"))
}

fn path_of(module: &str) -> String {
    format!("{}.py", module.replace('.', "/"))
}

/// The module among the test's imports whose names `module` defines.
fn imported_name(test: &str, module: &str) -> Option<String> {
    imports(test)
        .filter(|(name, _)| !name.is_empty() && name.split('.').all(is_identifier))
        .find(|(name, names)| {
            if names.is_empty() {
                let last = name.rsplit('.').next().unwrap_or(name);
                return test.contains(&format!("{last}.")) && !KNOWN.contains(&name.as_str());
            }
            names.iter().any(|name| defines(module, name))
                || (names.iter().any(|name| name == "*") && !KNOWN.contains(&name.as_str()))
        })
        .map(|(name, _)| name)
}

/// Each import: the module and the names from it.
fn imports(code: &str) -> impl Iterator<Item = (String, Vec<String>)> {
    code.lines().filter_map(import).take(MAX_IMPORTS)
}

fn import(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.split('#').next().unwrap_or(line).trim_end();
    if let Some(rest) = line.strip_prefix("from ") {
        let (module, names) = rest.split_once(" import ")?;
        let names = names
            .split(',')
            .map(|name| name.trim_matches(['(', ')', ' ']));
        let names = names.map(|name| {
            name.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        });
        return Some((
            module.trim().trim_start_matches('.').to_owned(),
            names
                .filter(|name| !name.is_empty())
                .take(MAX_IMPORTS)
                .collect(),
        ));
    }
    let module = line.strip_prefix("import ")?.split([',', ' ']).next()?;
    Some((module.trim().to_owned(), Vec::new()))
}

fn defines(module: &str, name: &str) -> bool {
    module.lines().any(|line| {
        let rest = ["def ", "async def ", "class ", ""]
            .iter()
            .find_map(|start| line.strip_prefix(start)?.strip_prefix(name));
        rest.is_some_and(|rest| rest.trim_start().starts_with(['(', ':', '=']))
    })
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Modules that tests import and that are not theirs.
const KNOWN: &[&str] = &[
    "asyncio",
    "collections",
    "copy",
    "datetime",
    "functools",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "mock",
    "numpy",
    "os",
    "pandas",
    "pathlib",
    "pytest",
    "random",
    "re",
    "sqlite3",
    "string",
    "subprocess",
    "sys",
    "tempfile",
    "time",
    "typing",
    "unittest",
];
