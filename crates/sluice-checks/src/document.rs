//! What a document must hold so that it counts as a proof: it exists, parses, and has its parts.

mod html;
mod markdown;
mod openapi;
mod rule;

use globset::GlobBuilder;

use crate::finding::Draft;
use crate::{Finding, Tree};

pub use rule::{DocumentKind, DocumentRule, RuleError};

/// The largest document in bytes that is read.
const LARGEST: usize = 4 << 20;

/// What is wrong with the documents that a rule asks for; empty when it is met. Findings are of the tool
/// `document`; nothing is run.
pub fn inspect(tree: &dyn Tree, rule: &DocumentRule) -> Vec<Finding> {
    if rule
        .required_if
        .as_deref()
        .is_some_and(|glob| matches(tree, glob).is_empty())
    {
        return Vec::new();
    }
    let paths = matches(tree, &rule.path);
    let mut faults = Vec::new();
    count(rule, &paths, &mut faults);
    for path in &paths {
        let mut found = Faults {
            path: Some(path.clone()),
            drafts: Vec::new(),
        };
        one(tree, rule, path, &mut found);
        faults.append(&mut found.drafts);
    }
    faults.into_iter().map(Draft::done).collect()
}

/// The faults of one document.
struct Faults {
    path: Option<String>,
    drafts: Vec<Draft>,
}

impl Faults {
    fn add(&mut self, rule: &str, message: impl Into<String>, line: u32) {
        let draft = Draft::error("document", rule, message).at(self.path.clone(), line, 0);
        self.drafts.push(draft);
    }
}

fn count(rule: &DocumentRule, paths: &[String], faults: &mut Vec<Draft>) {
    let (least, most) = match (rule.count, rule.min_count) {
        (Some(exactly), _) => (exactly, exactly),
        (None, least) => (least.unwrap_or(1), usize::MAX),
    };
    if (least..=most).contains(&paths.len()) {
        return;
    }
    let is_one = !rule.path.contains(['*', '?', '[', '{']);
    let message = match (is_one, least == most) {
        (true, _) => format!("{} is not there", rule.path),
        (false, true) => format!(
            "{} must match {least} files and matches {}",
            rule.path,
            paths.len()
        ),
        (false, false) => format!(
            "{} must match at least {least} files and matches {}",
            rule.path,
            paths.len()
        ),
    };
    let path = is_one.then(|| rule.path.clone());
    faults.push(Draft::error("document", "missing", message).at(path, 0, 0));
}

fn one(tree: &dyn Tree, rule: &DocumentRule, path: &str, faults: &mut Faults) {
    let Some(bytes) = tree.read(path).filter(|bytes| bytes.len() <= LARGEST) else {
        return faults.add(
            "unreadable",
            format!("the document cannot be read or is larger than {LARGEST} bytes"),
            0,
        );
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return faults.add("unreadable", "the document is not UTF-8", 0);
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.trim().is_empty() {
        return faults.add("empty", "the document is empty", 0);
    }
    if let Some(least) = rule.min_bytes.filter(|least| text.len() < *least) {
        faults.add(
            "short",
            format!(
                "the document has {} bytes, at least {least} are asked for",
                text.len()
            ),
            0,
        );
    }
    match rule.kind {
        DocumentKind::Markdown => markdown::inspect(text, rule, faults),
        DocumentKind::Openapi => openapi::inspect(text, path, faults),
        DocumentKind::Html => html::inspect(text, faults),
        DocumentKind::Json => {
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
                let line = u32::try_from(error.line()).unwrap_or(0);
                faults.add("json", format!("this is no JSON: {error}"), line);
            }
        }
        DocumentKind::Yaml => {
            if let Err(error) = yaml(text) {
                faults.add("yaml", error, 0);
            }
        }
        DocumentKind::Text => {}
    }
    if let Some(glob) = &rule.names {
        let candidates = matches(tree, glob);
        let named = |path: &String| {
            let name = path.rsplit('/').next().unwrap_or(path);
            text.contains(path.as_str()) || text.contains(name)
        };
        if !candidates.iter().any(named) {
            faults.add(
                "names",
                format!("the document names none of the files that match {glob}"),
                0,
            );
        }
    }
}

/// A YAML document as JSON; aliases and depth are bounded by the parser.
fn yaml(text: &str) -> Result<serde_json::Value, String> {
    serde_saphyr::from_str(text).map_err(|error| format!("this is no YAML: {error}"))
}

/// The files of a tree that match a path or glob, in order.
pub fn paths(tree: &dyn Tree, glob: &str) -> Vec<String> {
    matches(tree, glob)
}

/// The files that match a path or glob.
fn matches(tree: &dyn Tree, glob: &str) -> Vec<String> {
    let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() else {
        return Vec::new();
    };
    let matcher = glob.compile_matcher();
    tree.paths()
        .into_iter()
        .filter(|path| matcher.is_match(path))
        .collect()
}

#[cfg(test)]
mod tests;
