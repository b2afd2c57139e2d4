//! The rule for documents as it stands in a gate's file.

use serde::{Deserialize, Serialize};

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// Headings with text below them.
    Markdown,
    /// An OpenAPI 3.0 or 3.1 document, in YAML or JSON.
    Openapi,
    /// Any JSON.
    Json,
    /// Any YAML.
    Yaml,
    /// A complete page.
    Html,
    /// Anything that is not empty.
    Text,
}

/// A document that must be there, as in `{ path = "docs/PRD.md", kind = "markdown", sections = ["Goals"] }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct DocumentRule {
    /// A path, or a glob (`*` stays in its folder, `**` does not, `{a,b}` is a choice).
    pub path: String,
    /// What kind of document it is.
    pub kind: DocumentKind,
    /// Markdown: the headings that must be there with text below them; `A|B` for either of two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<String>,
    /// Markdown: the fewest words below each of these headings; 5 when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_words: Option<usize>,
    /// The smallest size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_bytes: Option<usize>,
    /// How many files must match, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// How many files must match at least; 1 when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<usize>,
    /// A path or glob: the document must name at least one of the files that match it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// A path or glob: the rule holds only when some file matches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_if: Option<String>,
    /// The kinds of project that the rule is for; empty for all. Whoever uses the rule weighs it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
}

impl DocumentRule {
    /// What is demanded, in words for whoever writes the document.
    pub fn describe(&self) -> String {
        let kind = match self.kind {
            DocumentKind::Markdown => "Markdown",
            DocumentKind::Openapi => "OpenAPI 3",
            DocumentKind::Json => "JSON",
            DocumentKind::Yaml => "YAML",
            DocumentKind::Html => "a complete HTML page",
            DocumentKind::Text => "text",
        };
        let mut words = format!("`{}` ({kind})", self.path);
        if let Some(count) = self.count {
            words.push_str(&format!(", exactly {count} of them"));
        }
        if let Some(count) = self.min_count {
            words.push_str(&format!(", at least {count} of them"));
        }
        if !self.sections.is_empty() {
            words.push_str(&format!(" with the sections {}", self.sections.join(", ")));
        }
        if let Some(least) = self.min_words {
            words.push_str(&format!(", each of at least {least} words"));
        }
        words
    }
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A path or glob cannot be read.
    #[error("{key} = {value:?} is no path or glob: {why}")]
    Glob {
        /// The key in the file.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A key that only has a meaning for another kind of document.
    #[error("{key} has a meaning for markdown only")]
    MarkdownOnly {
        /// The key in the file.
        key: &'static str,
    },
    /// Both counts are given.
    #[error("count and min_count cannot be given both")]
    TwoCounts,
    /// A count of nothing.
    #[error("{key} must be at least 1")]
    Zero {
        /// The key in the file.
        key: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    path: String,
    kind: DocumentKind,
    #[serde(default)]
    sections: Vec<String>,
    min_words: Option<usize>,
    min_bytes: Option<usize>,
    count: Option<usize>,
    min_count: Option<usize>,
    names: Option<String>,
    required_if: Option<String>,
    #[serde(default)]
    kinds: Vec<String>,
}

impl TryFrom<Raw> for DocumentRule {
    type Error = RuleError;

    fn try_from(raw: Raw) -> Result<DocumentRule, RuleError> {
        let globs = [
            ("path", Some(&raw.path)),
            ("names", raw.names.as_ref()),
            ("required_if", raw.required_if.as_ref()),
        ];
        for (key, value) in globs {
            let Some(value) = value else { continue };
            let why = match globset::Glob::new(value) {
                _ if value.is_empty() => "it is empty".to_owned(),
                _ if value.starts_with('/') || value.split('/').any(|part| part == "..") => {
                    "it must be relative to the workspace and stay in it".to_owned()
                }
                Err(error) => error.kind().to_string(),
                Ok(_) => continue,
            };
            return Err(RuleError::Glob {
                key,
                value: value.clone(),
                why,
            });
        }
        if raw.kind != DocumentKind::Markdown {
            if !raw.sections.is_empty() {
                return Err(RuleError::MarkdownOnly { key: "sections" });
            }
            if raw.min_words.is_some() {
                return Err(RuleError::MarkdownOnly { key: "min_words" });
            }
        }
        if raw.count.is_some() && raw.min_count.is_some() {
            return Err(RuleError::TwoCounts);
        }
        for (key, value) in [
            ("count", raw.count),
            ("min_count", raw.min_count),
            ("min_words", raw.min_words),
        ] {
            if value == Some(0) {
                return Err(RuleError::Zero { key });
            }
        }
        let Raw {
            path,
            kind,
            sections,
            min_words,
            min_bytes,
            count,
            min_count,
            names,
            required_if,
            kinds,
        } = raw;
        Ok(DocumentRule {
            path,
            kind,
            sections,
            min_words,
            min_bytes,
            count,
            min_count,
            names,
            required_if,
            kinds,
        })
    }
}
