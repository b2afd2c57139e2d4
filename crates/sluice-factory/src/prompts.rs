//! The fixed prose of requests, from `templates/prompts/*.md`: built in, and replaceable file by file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

/// The longest prompt, in bytes.
const MOST_BYTES: u64 = 64 << 10;

/// A prompt, as `GET /templates` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptHead {
    /// Its name; the file is `NAME.md`.
    pub name: &'static str,
    /// When a request has it.
    pub description: &'static str,
    /// What may stand in it as `{{placeholder}}`.
    pub placeholders: &'static [&'static str],
}

/// Every prompt with its built-in text.
const PROMPTS: [(PromptHead, &str); 9] = [
    (
        PromptHead {
            name: "answer",
            description: "How a reply is to be written; at the end of every request",
            placeholders: &[],
        },
        include_str!("../../../templates/prompts/answer.md"),
    ),
    (
        PromptHead {
            name: "heal",
            description: "What is said of an attempt that mends an earlier one",
            placeholders: &["attempt"],
        },
        include_str!("../../../templates/prompts/heal.md"),
    ),
    (
        PromptHead {
            name: "kept",
            description: "What is said of the parts of a refused reply that are kept",
            placeholders: &[],
        },
        include_str!("../../../templates/prompts/kept.md"),
    ),
    (
        PromptHead {
            name: "machine",
            description: "What is said of tools that the machine lacks",
            placeholders: &[],
        },
        include_str!("../../../templates/prompts/machine.md"),
    ),
    (
        PromptHead {
            name: "next-model",
            description: "Asks the next model, after attempts that failed alike",
            placeholders: &[],
        },
        include_str!("../../../templates/prompts/next-model.md"),
    ),
    (
        PromptHead {
            name: "pinned",
            description: "What is said of files that wait for a person when they change",
            placeholders: &[],
        },
        include_str!("../../../templates/prompts/pinned.md"),
    ),
    (
        PromptHead {
            name: "task",
            description: "What is to be done; the start of every request",
            placeholders: &["gate", "kind", "name", "project", "purpose", "role"],
        },
        include_str!("../../../templates/prompts/task.md"),
    ),
    (
        PromptHead {
            name: "whole-files",
            description: "Asks for whole files, after two attempts that failed alike",
            placeholders: &[],
        },
        include_str!("../../../templates/prompts/whole-files.md"),
    ),
    (
        PromptHead {
            name: "wider-context",
            description: "Asks to look further, after attempts that failed alike",
            placeholders: &[],
        },
        include_str!("../../../templates/prompts/wider-context.md"),
    ),
];

/// Text, or the place for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(&'static str),
}

/// All prompts, ready to be filled in.
#[derive(Debug, Clone)]
pub struct Prompts {
    by_name: BTreeMap<&'static str, Arc<[Piece]>>,
}

impl Prompts {
    /// The prompts that are built into the program.
    ///
    /// # Errors
    /// Never for those of a released program; a test holds that.
    pub fn built_in() -> anyhow::Result<Prompts> {
        Prompts::with(&BTreeMap::new())
    }

    /// The same, with the `*.md` files of a folder in place of those of their names.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, a file has another name than a prompt's, or a placeholder that its
    /// prompt does not know.
    pub fn from_folder(folder: &Path) -> anyhow::Result<Prompts> {
        let mut texts = BTreeMap::new();
        let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let Some((head, _)) = PROMPTS.iter().find(|(head, _)| head.name == name) else {
                let known: Vec<String> = PROMPTS
                    .iter()
                    .map(|(head, _)| format!("{}.md", head.name))
                    .collect();
                bail!(
                    "{} is no prompt; there are {}",
                    path.display(),
                    known.join(", ")
                );
            };
            let read = || -> anyhow::Result<String> {
                if fs::metadata(&path)?.len() > MOST_BYTES {
                    bail!("it has more than {} KiB", MOST_BYTES >> 10);
                }
                Ok(fs::read_to_string(&path)?)
            };
            let text = read().with_context(|| format!("read {}", path.display()))?;
            texts.insert(head.name, text);
        }
        Prompts::with(&texts).with_context(|| format!("the prompts in {}", folder.display()))
    }

    fn with(texts: &BTreeMap<&str, String>) -> anyhow::Result<Prompts> {
        let mut by_name = BTreeMap::new();
        for (head, built_in) in &PROMPTS {
            let text = texts.get(head.name).map_or(*built_in, String::as_str);
            let pieces = parse(head, text).with_context(|| format!("{}.md", head.name))?;
            by_name.insert(head.name, Arc::from(pieces));
        }
        Ok(Prompts { by_name })
    }

    /// What prompts there are, by name.
    pub fn heads() -> impl Iterator<Item = PromptHead> {
        PROMPTS.iter().map(|(head, _)| *head)
    }

    /// A prompt with its values. What a value holds is never looked at.
    pub(crate) fn fill(&self, name: &str, values: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for piece in self
            .by_name
            .get(name)
            .into_iter()
            .flat_map(|one| one.iter())
        {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Value(name) => {
                    let value = values.iter().find(|(known, _)| known == name);
                    text.push_str(value.map_or("", |(_, value)| value));
                }
            }
        }
        text
    }
}

/// Takes a text apart at its `{{placeholders}}`.
fn parse(head: &PromptHead, text: &str) -> anyhow::Result<Vec<Piece>> {
    let mut rest = text.trim();
    if rest.is_empty() {
        bail!("it is empty");
    }
    let mut pieces = Vec::new();
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else {
            bail!("a placeholder that starts with {{{{ does not end");
        };
        let known = head
            .placeholders
            .iter()
            .find(|known| **known == name.trim());
        let Some(known) = known else {
            let there_are = match head.placeholders {
                [] => "it takes none".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            let name: String = name.chars().take(60).collect();
            bail!("there is no placeholder {{{{{name}}}}} here; {there_are}");
        };
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Value(known));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

#[cfg(test)]
mod tests;
