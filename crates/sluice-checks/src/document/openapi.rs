//! OpenAPI 3.0 and 3.1: it parses for real, its references resolve, every operation has an answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Faults, yaml};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// The most faults that are named of one document.
const MOST: usize = 50;

pub(super) fn inspect(text: &str, path: &str, faults: &mut Faults) {
    let parsed = if path.ends_with(".json") {
        serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
    } else {
        yaml(text)
    };
    let document = match parsed {
        Ok(document) => document,
        Err(why) => return faults.add("openapi", why, 0),
    };
    let version = document
        .get("openapi")
        .and_then(Value::as_str)
        .unwrap_or("");
    let typed = if version.starts_with("3.0.") {
        serde_json::from_value::<openapiv3::OpenAPI>(document.clone())
            .err()
            .map(|error| error.to_string())
    } else if version.starts_with("3.1.") {
        serde_json::from_value::<oas3::Spec>(document.clone())
            .err()
            .map(|error| error.to_string())
    } else {
        Some(format!(
            "`openapi` must be a version 3.0.x or 3.1.x and is {version:?}"
        ))
    };
    if let Some(why) = typed {
        faults.add("openapi", format!("this is no OpenAPI document: {why}"), 0);
    }
    let mut found = BTreeSet::new();
    references(&document, &document, &mut found);
    operations(&document, &mut found);
    for fault in found.into_iter().take(MOST) {
        faults.add("openapi", fault, 0);
    }
}

/// Every `$ref` must lead somewhere in the same document.
fn references(document: &Value, value: &Value, faults: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get("$ref") {
                match target.strip_prefix('#') {
                    Some(pointer) if document.pointer(&unescape(pointer)).is_some() => {}
                    Some(_) => {
                        faults.insert(format!("{target} leads nowhere"));
                    }
                    None => {
                        faults.insert(format!(
                            "{target} leads out of the document, which is not followed"
                        ));
                    }
                }
            }
            fields
                .values()
                .for_each(|value| references(document, value, faults));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|value| references(document, value, faults)),
        _ => {}
    }
}

/// In a reference, `%7B` and its like stand for characters that a URL cannot hold.
fn unescape(pointer: &str) -> String {
    pointer
        .replace("%7B", "{")
        .replace("%7D", "}")
        .replace("%7b", "{")
        .replace("%7d", "}")
}

fn operations(document: &Value, faults: &mut BTreeSet<String>) {
    let empty = Map::new();
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let (mut count, mut ids) = (0, BTreeSet::new());
    for (path, item) in paths {
        if !path.starts_with('/') {
            faults.insert(format!("path {path:?} must start with /"));
        }
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            count += 1;
            let name = format!("{} {path}", method.to_uppercase());
            let answers = operation.get("responses").and_then(Value::as_object);
            if answers.is_none_or(Map::is_empty) {
                faults.insert(format!("{name} has no response"));
            }
            if let Some(id) = operation.get("operationId").and_then(Value::as_str)
                && !ids.insert(id)
            {
                faults.insert(format!("operationId {id:?} stands at two operations"));
            }
            let declared = parameters(document, item)
                .chain(parameters(document, operation))
                .collect::<BTreeSet<_>>();
            for variable in variables(path).filter(|variable| !declared.contains(variable)) {
                faults.insert(format!(
                    "{name} does not declare its path parameter {variable:?}"
                ));
            }
        }
    }
    if count == 0 {
        faults.insert("there is no operation under `paths`".to_owned());
    }
}

/// The names of the path parameters that an operation or a path declares.
fn parameters<'a>(document: &'a Value, place: &'a Value) -> impl Iterator<Item = &'a str> {
    let list = place.get("parameters").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|parameter| {
        let target = parameter
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|target| target.strip_prefix('#'));
        let parameter = target
            .and_then(|pointer| document.pointer(pointer))
            .unwrap_or(parameter);
        let is_path = parameter.get("in").and_then(Value::as_str) == Some("path");
        parameter
            .get("name")
            .and_then(Value::as_str)
            .filter(|_| is_path)
    })
}

fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name)
}
