//! Reads values from a file and from the environment, and refuses every key that there is not.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::Value as Toml;

use super::key::{self, Kind};
use super::values::{Value, Values};
use crate::exit::Exit;

/// What variables of ours start with.
const PREFIX: &str = "SLUICE__";
/// The tables whose entries the user names.
const TABLES: [&str; 2] = ["agents", "webhooks"];
/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// Reads `file`.
pub(super) fn file(file: &Path, values: &mut Values) -> Result<(), Exit> {
    let origin = file.display().to_string();
    let mut text = String::new();
    File::open(file)
        .and_then(|opened| opened.take(FILE_LIMIT + 1).read_to_string(&mut text))
        .map_err(|error| Exit::usage(format!("{origin}: cannot be read: {error}")))?;
    if text.len() as u64 > FILE_LIMIT {
        return Err(Exit::usage(format!("{origin}: larger than 1 MiB")));
    }
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The parser's own rendering quotes the line, and the line may hold a secret.
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Exit::usage(format!("{origin}:{line}: not TOML: {}", error.message()))
    })?;
    let folder = file.parent().unwrap_or(Path::new(""));
    walk("", &table, &origin, folder, values)
}

fn walk(
    above: &str,
    table: &toml::Table,
    origin: &str,
    folder: &Path,
    values: &mut Values,
) -> Result<(), Exit> {
    for (name, found) in table {
        // What a project says of its own checks may stand in the same file; `sluice check` reads it from the tree.
        if above.is_empty() && name == "checks" {
            continue;
        }
        let full = if above.is_empty() {
            name.clone()
        } else {
            format!("{above}.{name}")
        };
        match found {
            Toml::Table(below) if key::is_table(&full) => {
                walk(&full, below, origin, folder, values)?;
            }
            _ if key::is_table(&full) => {
                return Err(Exit::usage(format!(
                    "{origin}: {full} is a table, as in `[{full}]`, not {}",
                    called(found)
                )));
            }
            _ => {
                let kind = key::kind(&full).ok_or_else(|| unknown(origin, &full))?;
                let value = from_toml(kind, found, folder)
                    .map_err(|wanted| wrong(origin, &full, wanted, called(found)))?;
                check_word(kind, &value)
                    .map_err(|what| Exit::usage(format!("{origin}: {full} {what}")))?;
                values.set(full, value, origin.to_owned());
            }
        }
    }
    Ok(())
}

/// Reads the variables `SLUICE__A__B`; an empty one takes the key's default.
pub(super) fn environment(
    variables: &[(OsString, OsString)],
    values: &mut Values,
) -> Result<(), Exit> {
    let mut ours: Vec<(&str, &OsString)> = variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    // Which error is reported must not depend on the order of the environment.
    ours.sort();
    let declared = TABLES.map(|table| (table, values.names(table)));
    for (variable, found) in ours {
        let full = as_key(variable, &declared);
        let kind = key::kind(&full).ok_or_else(|| unknown(variable, &full))?;
        let Some(found) = found.to_str() else {
            return Err(Exit::usage(format!("{variable}: not UTF-8")));
        };
        if found.is_empty() {
            values.unset(&full);
            continue;
        }
        let value = from_text(kind, found)
            .map_err(|wanted| wrong(variable, &full, wanted, "what it is set to"))?;
        check_word(kind, &value)
            .map_err(|what| Exit::usage(format!("{variable}: {full} {what}")))?;
        values.set(full, value, variable.to_owned());
    }
    Ok(())
}

/// `SLUICE__GITHUB__API_URL` is `github.api_url`. A variable cannot hold a hyphen, so the name of an agent or a
/// webhook in the file is found with underscores too.
fn as_key(variable: &str, declared: &[(&str, Vec<String>)]) -> String {
    let rest = variable.strip_prefix(PREFIX).unwrap_or(variable);
    let mut parts: Vec<String> = rest
        .split("__")
        .map(|part| part.to_ascii_lowercase())
        .collect();
    if let [first, name, ..] = parts.as_mut_slice()
        && let Some((_, names)) = declared.iter().find(|(table, _)| table == first)
        && let Some(known) = names.iter().find(|known| known.replace('-', "_") == *name)
    {
        name.clone_from(known);
    }
    parts.join(".")
}

fn from_toml(kind: Kind, found: &Toml, folder: &Path) -> Result<Value, &'static str> {
    let text = || found.as_str().map(str::to_owned);
    match kind {
        Kind::Text | Kind::Secret | Kind::Word(_) => text().map(Value::Text).ok_or("text"),
        Kind::Path => text()
            .map(|path| Value::Path(folder.join(path)))
            .ok_or("a path"),
        Kind::Number => found
            .as_integer()
            .map(Value::Number)
            .ok_or("a whole number"),
        Kind::Decimal => {
            let whole = found.as_integer().map(|number| number as f64);
            let number = whole.or_else(|| found.as_float());
            number.map(Value::Decimal).ok_or("a number")
        }
        Kind::Switch => found.as_bool().map(Value::Switch).ok_or("true or false"),
        Kind::List | Kind::Argv => {
            let list = found.as_array().ok_or("a list of texts")?;
            let texts = list.iter().map(|one| one.as_str().map(str::to_owned));
            texts
                .collect::<Option<Vec<_>>>()
                .map(Value::List)
                .ok_or("a list of texts")
        }
    }
}

fn from_text(kind: Kind, found: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Text | Kind::Secret | Kind::Word(_) => Ok(Value::Text(found.to_owned())),
        Kind::Path => Ok(Value::Path(PathBuf::from(found))),
        Kind::Number => found
            .trim()
            .parse()
            .map(Value::Number)
            .map_err(|_| "a whole number"),
        Kind::Decimal => found
            .trim()
            .parse()
            .map(Value::Decimal)
            .map_err(|_| "a number"),
        Kind::Switch => found
            .trim()
            .parse()
            .map(Value::Switch)
            .map_err(|_| "true or false"),
        Kind::List => Ok(Value::List(
            found
                .split(',')
                .map(|one| one.trim().to_owned())
                .filter(|one| !one.is_empty())
                .collect(),
        )),
        Kind::Argv => serde_json::from_str(found)
            .map(Value::List)
            .map_err(|_| r#"a JSON array of texts, as in ["program","argument"]"#),
    }
}

fn check_word(kind: Kind, value: &Value) -> Result<(), String> {
    match (kind, value) {
        (Kind::Word(words), Value::Text(text)) if !words.contains(&text.as_str()) => {
            Err(format!("is one of {}, not {text:?}", words.join(", ")))
        }
        _ => Ok(()),
    }
}

fn unknown(origin: &str, key: &str) -> Exit {
    if key::is_table(key) {
        return Exit::usage(format!("{origin}: `{key}` is a table; set a key in it"));
    }
    let exit = Exit::usage(format!("{origin}: there is no key `{key}`"));
    let named = TABLES.iter().find_map(|table| {
        let rest = key.strip_prefix(table)?.strip_prefix('.')?;
        Some((table, rest.split('.').next()?))
    });
    if let Some((table, name)) = named.filter(|(_, name)| !key::is_name(name)) {
        return exit.mend(format!(
            "names of {table} are lower-case letters, digits, `-` and `_`, not {name:?}"
        ));
    }
    match key::nearest(key) {
        Some(meant) => exit.mend(format!("did you mean `{meant}`?")),
        None => exit.mend("docs/configuration.md lists every key"),
    }
}

/// The value itself is not quoted: it may be a secret.
fn wrong(origin: &str, key: &str, wanted: &str, found: &str) -> Exit {
    Exit::usage(format!("{origin}: {key} takes {wanted}, not {found}"))
}

fn called(value: &Toml) -> &'static str {
    match value {
        Toml::String(_) => "text",
        Toml::Integer(_) => "a whole number",
        Toml::Float(_) => "a number with a fraction",
        Toml::Boolean(_) => "true or false",
        Toml::Datetime(_) => "a date",
        Toml::Array(_) => "a list",
        Toml::Table(_) => "a table",
    }
}
