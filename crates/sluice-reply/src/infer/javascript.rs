//! JavaScript and TypeScript modules and the tests that import them.

use super::Candidate;

/// Imports, and names of one import, that are looked at.
const MAX_IMPORTS: usize = 16;

/// Whether the code is tests.
pub(super) fn is_test(content: &str) -> bool {
    content.lines().any(|line| {
        let code = line.trim_start();
        [
            "test(",
            "it(",
            "describe(",
            "test.each",
            "it.each",
            "describe.each",
            "Deno.test(",
        ]
        .iter()
        .any(|start| code.starts_with(start))
    })
}

/// Paths of a module and its test, by what the test imports.
pub(super) fn pair(module: Candidate<'_>, test: Candidate<'_>) -> Option<(String, String)> {
    let specifier = specifier(test.content, module.content)?;
    let (up, rest) = climb(specifier);
    let folder = ["", "tests/", "tests/unit/"].get(up)?;
    let path = with_extension(rest, module);
    let name = stem(&path);
    Some((
        path.clone(),
        format!("{folder}{name}.test.{}", extension(test)),
    ))
}

/// The path of `module`, if the test at `path` imports what it defines.
pub(super) fn imported(path: &str, test: &str, module: Candidate<'_>) -> Option<String> {
    let specifier = specifier(test, module.content)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (up, rest) = climb(specifier);
    let mut folders: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for _ in 0..up {
        folders.pop()?;
    }
    folders.push(rest);
    Some(with_extension(&folders.join("/"), module))
}

/// The path of a test that imports the module at `path`.
pub(super) fn test_of(path: &str, test: Candidate<'_>) -> Option<String> {
    let (without, _) = path.rsplit_once('.')?;
    let specifier = specifiers(test.content)
        .take(MAX_IMPORTS)
        .find(|specifier| {
            let (_, rest) = climb(specifier);
            let rest = rest
                .strip_suffix(".js")
                .or_else(|| rest.strip_suffix(".ts"))
                .unwrap_or(rest);
            without == rest || without.ends_with(&format!("/{rest}"))
        })?;
    let (up, rest) = climb(specifier);
    let name = stem(without);
    let beside = without.strip_suffix(rest).filter(|_| up == 0);
    let folder = beside.map_or_else(|| "tests/".to_owned(), str::to_owned);
    Some(format!("{folder}{name}.test.{}", extension(test)))
}

/// The relative import whose names `module` exports, or the only relative one.
fn specifier<'c>(test: &'c str, module: &str) -> Option<&'c str> {
    let all: Vec<&str> = specifiers(test).take(MAX_IMPORTS).collect();
    let exported = all.iter().copied().find(|specifier| {
        let line = test
            .lines()
            .find(|line| line.contains(specifier))
            .unwrap_or_default();
        let names = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
        names
            .take(4 * MAX_IMPORTS)
            .filter(|name| {
                name.len() > 1 && !matches!(*name, "import" | "from" | "const" | "require" | "type")
            })
            .any(|name| {
                module.contains(&format!("function {name}"))
                    || module.contains(&format!("const {name}"))
                    || module.contains(&format!("class {name}"))
            })
    });
    let exports = ["export ", "module.exports", "exports."]
        .iter()
        .any(|word| module.contains(word));
    exported.or(match all.as_slice() {
        [only] if exports => Some(only),
        _ => None,
    })
}

/// Relative import specifiers.
fn specifiers(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let code = line.trim_start();
        let from = code
            .find("from ")
            .map(|at| at + 5)
            .filter(|_| code.starts_with("import") || code.starts_with('}'));
        let at = from.or_else(|| code.find("require(").map(|at| at + 8))?;
        let rest = code[at..].trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let specifier = rest[1..].split(quote).next()?;
        specifier.starts_with('.').then_some(specifier)
    })
}

/// How many folders up a specifier goes, and what follows.
fn climb(specifier: &str) -> (usize, &str) {
    let mut rest = specifier;
    let mut up = 0;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            up += 1;
        } else {
            return (up, rest);
        }
    }
}

fn with_extension(path: &str, module: Candidate<'_>) -> String {
    let extension = extension(module);
    for known in ["ts", "tsx", "js", "jsx", "mjs", "mts", "cjs"] {
        if let Some(stem) = path
            .strip_suffix(known)
            .and_then(|rest| rest.strip_suffix('.'))
        {
            // TypeScript imports `./add.js` and means `./add.ts`.
            return format!(
                "{stem}.{}",
                if known.starts_with('j') {
                    extension
                } else {
                    known
                }
            );
        }
    }
    format!("{path}.{extension}")
}

fn extension(candidate: Candidate<'_>) -> &'static str {
    match candidate.language {
        "ts" | "typescript" => "ts",
        "tsx" => "tsx",
        "jsx" => "jsx",
        "mjs" => "mjs",
        "mts" => "mts",
        _ => "js",
    }
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}
