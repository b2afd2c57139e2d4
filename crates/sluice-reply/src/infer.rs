//! Infers paths from content, where nothing names a block: the grammar's last source.
//!
//! Guessing is how agents' parsers overwrite the wrong file, so only shapes without doubt count.

mod component;
mod go;
mod javascript;
mod manifest;
mod python;
mod ruby;
mod rust;

/// A block without a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) language: &'a str,
    pub(crate) content: &'a str,
    pub(crate) complete: bool,
}

/// Blocks longer than this are not looked into, nor are more labelled files than [`MAX_LABELLED`]: what
/// is inferred must not cost more than the rest of the parse.
const MAX_BYTES: usize = 64 * 1024;
const MAX_LABELLED: usize = 8;

/// Gives each candidate a path or none. `labelled`: paths and contents of the files that have one.
pub(crate) fn infer(
    candidates: &[Candidate<'_>],
    labelled: &[(&str, &str)],
) -> Vec<Option<String>> {
    let mut paths = vec![None; candidates.len()];
    for family in Family::ALL {
        let members: Vec<usize> = (0..candidates.len())
            .filter(|&i| {
                Family::of(candidates[i].language) == Some(family) && candidates[i].complete
            })
            .collect();
        match *members.as_slice() {
            [one, other] => {
                let (module, test) = match (
                    family.is_test(candidates[one].content),
                    family.is_test(candidates[other].content),
                ) {
                    (false, true) => (one, other),
                    (true, false) => (other, one),
                    _ => continue,
                };
                if let Some((module_path, test_path)) =
                    family.pair(candidates[module], candidates[test])
                {
                    paths[module] = Some(module_path);
                    paths[test] = Some(test_path);
                }
            }
            [only] if !family.is_test(candidates[only].content) => {
                let named = short(labelled)
                    .filter(|(_, content)| family.is_test(content))
                    .take(MAX_LABELLED);
                paths[only] = named
                    .filter_map(|(path, content)| family.imported(path, content, candidates[only]))
                    .next();
            }
            [only] => {
                let modules = short(labelled)
                    .filter(|(_, content)| !family.is_test(content))
                    .take(MAX_LABELLED);
                paths[only] = modules
                    .filter_map(|(path, content)| family.test_of(path, content, candidates[only]))
                    .next();
            }
            _ => {}
        }
    }
    let mut manifests = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        if paths[index].is_some() || !is_readable(candidate) {
            continue;
        }
        if manifest::is_package_json(candidate) {
            manifests.push(index);
        } else {
            paths[index] = component::path(candidate);
        }
    }
    if let [only] = manifests.as_slice() {
        paths[*only] = Some("package.json".to_owned());
    }
    paths
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Python,
    JavaScript,
    Go,
    Ruby,
    Rust,
}

impl Family {
    const ALL: [Family; 5] = [
        Family::Python,
        Family::JavaScript,
        Family::Go,
        Family::Ruby,
        Family::Rust,
    ];

    fn of(language: &str) -> Option<Family> {
        match language {
            "python" | "py" | "python3" => Some(Family::Python),
            "js" | "javascript" | "ts" | "typescript" | "jsx" | "tsx" | "mjs" | "mts" => {
                Some(Family::JavaScript)
            }
            "go" | "golang" => Some(Family::Go),
            "ruby" | "rb" => Some(Family::Ruby),
            "rust" | "rs" => Some(Family::Rust),
            _ => None,
        }
    }

    fn is_test(self, content: &str) -> bool {
        match self {
            Family::Python => python::is_test(content),
            Family::JavaScript => javascript::is_test(content),
            Family::Go => go::is_test(content),
            Family::Ruby => ruby::is_test(content),
            Family::Rust => rust::is_test(content),
        }
    }

    /// Paths of a module and of its test, which both have none.
    fn pair(self, module: Candidate<'_>, test: Candidate<'_>) -> Option<(String, String)> {
        match self {
            Family::Python => python::pair(module.content, test.content),
            Family::JavaScript => javascript::pair(module, test),
            Family::Go => go::pair(module, test),
            Family::Ruby => ruby::pair(module, test),
            Family::Rust => rust::pair(module, test),
        }
    }

    /// The path of a module that the test at `path` imports.
    fn imported(self, path: &str, test: &str, module: Candidate<'_>) -> Option<String> {
        match self {
            Family::Python => path
                .ends_with(".py")
                .then(|| python::imported(test, module.content))
                .flatten(),
            Family::JavaScript => javascript::imported(path, test, module),
            Family::Go => go::imported(path, test, module),
            Family::Ruby => ruby::imported(path, test, module),
            Family::Rust => None,
        }
    }

    /// The path of a test that imports the module at `path`.
    fn test_of(self, path: &str, module: &str, test: Candidate<'_>) -> Option<String> {
        match self {
            Family::Python => python::test_of(path, test.content),
            Family::JavaScript => javascript::test_of(path, test),
            Family::Go => go::test_of(path, module, test),
            Family::Ruby | Family::Rust => None,
        }
    }
}

fn is_readable(candidate: &Candidate<'_>) -> bool {
    candidate.complete && candidate.content.len() <= MAX_BYTES
}

fn short<'a>(labelled: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = &'a (&'a str, &'a str)> {
    labelled
        .iter()
        .filter(|(_, content)| content.len() <= MAX_BYTES)
}
