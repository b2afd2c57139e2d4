//! Reads `package.json`; whatever is not as it should be counts as absent, and is told apart from it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Tree;

/// The tables of a manifest that name dependencies to be installed.
const TABLES: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

/// A `package.json`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manifest {
    fields: Map<String, Value>,
    fault: Option<Fault>,
}

/// Why a `package.json` that is there cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// 1-based; 0 when it is not about one place.
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Manifest {
    /// The manifest in the folder `dir`; empty when it is not there or is no JSON object.
    pub(crate) fn read(tree: &dyn Tree, dir: &str) -> Manifest {
        let Some(bytes) = tree.read(&join(dir, "package.json")) else {
            return Manifest::default();
        };
        match serde_json::from_slice(without_mark(&bytes)) {
            Ok(Value::Object(fields)) => Manifest {
                fields,
                fault: None,
            },
            Ok(_) => Manifest::broken(
                "it is no JSON object; write one, such as {\"name\": \"app\"}",
                0,
                0,
            ),
            Err(error) => Manifest::broken(
                &format!("it is no JSON: {error}"),
                error.line(),
                error.column(),
            ),
        }
    }

    fn broken(message: &str, line: usize, column: usize) -> Manifest {
        Manifest {
            fields: Map::new(),
            fault: Some(Fault {
                message: message.to_owned(),
                line: u32::try_from(line).unwrap_or(0),
                column: u32::try_from(column).unwrap_or(0),
            }),
        }
    }

    /// Why it cannot be read, if it is there and cannot.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// What is wrong with how the script `name` is written, if it is there in some way.
    pub(crate) fn script_fault(&self, name: &str) -> Option<String> {
        let scripts = self.fields.get("scripts")?;
        let Some(scripts) = scripts.as_object() else {
            return Some(
                "`scripts` in package.json must be an object of commands, such as {\"test\": \"node --test\"}"
                    .to_owned(),
            );
        };
        let script = scripts.get(name)?;
        (!script.is_string())
            .then(|| format!("the script `{name}` in package.json must be one string"))
    }

    /// The command of a script.
    pub(crate) fn script(&self, name: &str) -> Option<&str> {
        self.fields
            .get("scripts")?
            .get(name)?
            .as_str()
            .filter(|text| !text.trim().is_empty())
    }

    /// Whether a package is among the dependencies.
    pub(crate) fn depends(&self, package: &str) -> bool {
        TABLES.iter().any(|table| {
            self.fields
                .get(*table)
                .and_then(Value::as_object)
                .is_some_and(|t| t.contains_key(package))
        })
    }

    /// A field by its name.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The patterns of `workspaces`.
    pub(crate) fn workspaces(&self) -> Vec<String> {
        let list = match self.fields.get("workspaces") {
            Some(Value::Array(list)) => list,
            Some(Value::Object(fields)) => match fields.get("packages") {
                Some(Value::Array(list)) => list,
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// Whether there is anything to run or install; a bare `{"type": "module"}` is only a marker.
    pub(crate) fn is_project(&self) -> bool {
        self.fields.is_empty()
            || ["scripts", "workspaces", "name"]
                .iter()
                .any(|key| self.fields.contains_key(*key))
            || TABLES.iter().any(|key| self.fields.contains_key(*key))
    }

    /// Every dependency with its range.
    pub(crate) fn dependencies(&self) -> BTreeMap<String, String> {
        dependencies(&self.fields)
    }
}

/// Every dependency with its range, of a manifest or of an entry in a lockfile.
pub(crate) fn dependencies(fields: &Map<String, Value>) -> BTreeMap<String, String> {
    let tables = TABLES
        .iter()
        .filter_map(|table| fields.get(*table)?.as_object());
    let pairs = tables.flatten();
    pairs
        .map(|(name, range)| (name.clone(), range.as_str().unwrap_or("").to_owned()))
        .collect()
}

/// The patterns of `packages` in `pnpm-workspace.yaml` of the folder `dir`.
pub(crate) fn pnpm_workspaces(tree: &dyn Tree, dir: &str) -> Vec<String> {
    #[derive(serde::Deserialize, Default)]
    struct Workspace {
        #[serde(default)]
        packages: Vec<String>,
    }
    let bytes = tree
        .read(&join(dir, "pnpm-workspace.yaml"))
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let workspace: Workspace = serde_saphyr::from_str(&text).unwrap_or_default();
    workspace.packages
}

/// A JSON object of the tree; `None` when it is not there or is something else.
pub(crate) fn json(tree: &dyn Tree, path: &str) -> Option<Map<String, Value>> {
    let bytes = tree.read(path)?;
    serde_json::from_slice(without_mark(&bytes)).ok()
}

/// The bytes without a byte order mark, which npm also reads past.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// `name` in the folder `dir`.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() {
        name.to_owned()
    } else {
        format!("{dir}/{name}")
    }
}
