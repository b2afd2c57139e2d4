//! What a daemon answered, as its own JSON or as text.

use serde_json::Value;

use super::Columns;
use crate::exit::Exit;
use crate::output::{Output, one_line, table, visible};

/// A list.
pub(super) fn list(pages: &Value, columns: Columns<'_>, output: Output) -> Result<(), Exit> {
    if output.is_json() {
        return output.document(pages);
    }
    let items = pages["items"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        output.note("none");
        return Ok(());
    }
    let mut rows = vec![columns.iter().map(|(head, _)| (*head).to_owned()).collect()];
    rows.extend(items.iter().map(|item| {
        let cell = |member: &str| one_line(&short(&item[member]));
        columns.iter().map(|(_, member)| cell(member)).collect()
    }));
    output.text(&table(&rows))
}

/// One thing: a line for each of its members, long texts below their names.
pub(super) fn one(answer: &Value, output: Output) -> Result<(), Exit> {
    if output.is_json() {
        return output.document(answer);
    }
    let mut text = String::new();
    members(answer, 0, &mut text);
    output.text(&text)
}

/// Deeper members are shown as JSON.
const DEEPEST: usize = 4;

fn members(value: &Value, depth: usize, text: &mut String) {
    let Value::Object(object) = value else {
        text.push_str(&format!("{}\n", one_line(&short(value))));
        return;
    };
    let indent = "  ".repeat(depth);
    for (name, value) in object {
        let name = one_line(name);
        match value {
            Value::Null => {}
            Value::Object(below) if !below.is_empty() && depth < DEEPEST => {
                text.push_str(&format!("{indent}{name}:\n"));
                members(value, depth + 1, text);
            }
            Value::Array(items) if items.iter().any(Value::is_object) && depth < DEEPEST => {
                text.push_str(&format!("{indent}{name}:\n"));
                for item in items {
                    let mut below = String::new();
                    members(item, depth + 2, &mut below);
                    text.push_str(&format!("{indent}  - {}", below.trim_start()));
                }
            }
            Value::String(long) if long.trim_end().contains('\n') => {
                text.push_str(&format!("{indent}{name}:\n"));
                for line in long.lines() {
                    text.push_str(format!("{indent}  {}", visible(line)).trim_end());
                    text.push('\n');
                }
            }
            _ => {
                let line = format!("{indent}{name}: {}", one_line(&short(value)));
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
