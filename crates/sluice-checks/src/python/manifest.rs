//! Reads what a Python project says of itself: `pyproject.toml` and the files beside it.

use toml::{Table, Value};

use crate::Tree;
use crate::find::{is_below, is_foreign, join, place};

/// Groups of dependencies and extras that checks need.
const GROUPS: [&str; 8] = [
    "dev", "develop", "test", "tests", "testing", "lint", "typing", "check",
];

/// A Python project's own words.
#[derive(Debug, Clone, Default)]
pub(super) struct Manifest {
    dir: String,
    fields: Table,
    /// Why `pyproject.toml` cannot be read: message, line, column.
    pub(super) fault: Option<(String, u32, u32)>,
    /// Everything that names packages or settings, in lower case, for questions after a name.
    text: String,
    names: Vec<String>,
}

impl Manifest {
    /// What lies in the folder `dir`.
    pub(super) fn read(tree: &dyn Tree, dir: &str) -> Manifest {
        let mut manifest = Manifest {
            dir: dir.to_owned(),
            ..Manifest::default()
        };
        for path in tree.paths() {
            let Some(name) = path.strip_prefix(dir) else {
                continue;
            };
            let name = name.trim_start_matches('/');
            if is_below(&path, dir) && !name.contains('/') {
                manifest.names.push(name.to_owned());
            }
        }
        let read = |name: &str| {
            let bytes = tree.read(&join(dir, name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let text = read("pyproject.toml");
        match text.trim_start_matches('\u{feff}').parse::<Table>() {
            Ok(fields) => manifest.fields = fields,
            Err(error) => {
                let (line, column) = error.span().map_or((0, 0), |span| place(&text, span.start));
                manifest.fault = Some((error.message().to_owned(), line, column));
            }
        }
        let wanted = |name: &&String| {
            name.ends_with(".txt") || matches!(name.as_str(), "setup.py" | "setup.cfg" | "uv.lock")
        };
        manifest.text = text.to_lowercase();
        for name in manifest.names.iter().filter(wanted) {
            manifest.text.push('\n');
            manifest.text.push_str(&read(name).to_lowercase());
        }
        for path in tree.paths() {
            if path.ends_with(".txt") && path.starts_with(&join(dir, "requirements/")) {
                let bytes = tree.read(&path).unwrap_or_default();
                manifest.text.push('\n');
                manifest
                    .text
                    .push_str(&String::from_utf8_lossy(&bytes).to_lowercase());
            }
        }
        manifest
    }

    /// Whether the folder has this file.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let mut value = self.fields.get(*first)?;
        for key in rest {
            value = value.get(key)?;
        }
        Some(value)
    }

    /// Whether a tool has a table in `pyproject.toml`, as in `tool.ruff`.
    pub(super) fn has_table(&self, path: &[&str]) -> bool {
        self.at(path).is_some()
    }

    /// Whether the folder says more of itself than a list of packages.
    pub(super) fn has_metadata(&self) -> bool {
        self.fault.is_some()
            || self.has("setup.py")
            || ["project", "build-system", "dependency-groups"]
                .iter()
                .any(|key| self.fields.contains_key(*key))
            || self.has_table(&["tool", "poetry"])
            || self.has_table(&["tool", "uv"])
    }

    /// Whether there is something to install or to compile.
    pub(super) fn is_project(&self, tree: &dyn Tree) -> bool {
        self.has_metadata()
            || tree
                .paths()
                .iter()
                .any(|path| path.ends_with(".py") && is_below(path, &self.dir) && !is_foreign(path))
    }

    /// The folders among `dirs` that are members of uv's workspace of this one.
    pub(super) fn members(&self, dir: &str, dirs: &[String]) -> Vec<String> {
        let has_workspace = self.has_table(&["tool", "uv", "workspace"]);
        let below = dirs.iter().filter(|one| *one != dir && is_below(one, dir));
        below.filter(|_| has_workspace).cloned().collect()
    }

    /// Whether the project names a package, in whatever file.
    pub(super) fn depends(&self, package: &str) -> bool {
        self.text.match_indices(package).any(|(at, _)| {
            let is_edge = |byte: Option<&u8>| {
                byte.is_none_or(|byte| {
                    !byte.is_ascii_alphanumeric() && *byte != b'-' && *byte != b'_'
                })
            };
            let bytes = self.text.as_bytes();
            // `[tool.ruff]` is a setting and no package.
            let before = at.checked_sub(1).map(|at| bytes[at]);
            before != Some(b'.')
                && is_edge(before.as_ref())
                && is_edge(bytes.get(at + package.len()))
        })
    }

    /// Whether the table of dependencies is there, as pip understands it.
    pub(super) fn has_project(&self) -> bool {
        self.fields.contains_key("project")
    }

    /// Whether the dependencies are for poetry's own installer alone.
    pub(super) fn is_poetry_only(&self) -> bool {
        !self.has_project() && self.has_table(&["tool", "poetry", "dependencies"])
    }

    /// The dependencies of the project.
    pub(super) fn dependencies(&self) -> Vec<String> {
        texts(self.at(&["project", "dependencies"]))
    }

    /// The dependencies of the extras and groups that checks need.
    pub(super) fn for_checks(&self) -> Vec<String> {
        let mut all = Vec::new();
        for group in GROUPS {
            all.extend(texts(self.at(&["project", "optional-dependencies", group])));
            self.group(group, &mut all, 0);
        }
        all
    }

    /// The names of the groups in `[dependency-groups]` and of the extras that checks need.
    pub(super) fn groups(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let known = |table: &[&str]| -> Vec<&'static str> {
            let named =
                |group: &&&str| self.at(table).is_some_and(|all| all.get(**group).is_some());
            GROUPS.iter().filter(named).copied().collect()
        };
        (
            known(&["dependency-groups"]),
            known(&["project", "optional-dependencies"]),
        )
    }

    fn group(&self, name: &str, all: &mut Vec<String>, depth: usize) {
        let Some(Value::Array(items)) = self.at(&["dependency-groups", name]) else {
            return;
        };
        for item in items {
            match item {
                Value::String(text) => all.push(text.clone()),
                Value::Table(table) if depth < 8 => {
                    if let Some(Value::String(other)) = table.get("include-group") {
                        self.group(other, all, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}
