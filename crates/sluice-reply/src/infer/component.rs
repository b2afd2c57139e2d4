//! Components, which are named after what they export.

use super::Candidate;

/// The path of a component in JSX, by the one component that it exports.
pub(super) fn path(candidate: &Candidate<'_>) -> Option<String> {
    let markup = candidate.content.contains("/>") || candidate.content.contains("</");
    let extension = match candidate.language {
        "ts" | "typescript" if markup => "tsx",
        "js" | "javascript" if markup => "jsx",
        "tsx" | "typescriptreact" => "tsx",
        "jsx" | "javascriptreact" => "jsx",
        _ => return None,
    };
    let mut names: Vec<&str> = Vec::new();
    let mut default = None;
    for line in candidate.content.lines() {
        let Some(rest) = line.strip_prefix("export ") else {
            continue;
        };
        let (is_default, rest) = match rest.strip_prefix("default ") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let rest = rest.strip_prefix("async ").unwrap_or(rest);
        let declared = ["function ", "const ", "class "]
            .iter()
            .find_map(|word| rest.strip_prefix(word));
        let Some(name) = declared
            .or(is_default.then_some(rest))
            .and_then(component_name)
        else {
            continue;
        };
        if is_default {
            default = Some(name);
        } else if !names.contains(&name) {
            names.push(name);
        }
    }
    let name = match (default, names.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        _ => return None,
    };
    let folder = if name == "App" {
        "src"
    } else {
        "src/components"
    };
    Some(format!("{folder}/{name}.{extension}"))
}

fn component_name(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    let name = &text[..end];
    (name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}
