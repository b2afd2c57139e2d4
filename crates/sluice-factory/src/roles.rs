//! The prompts of the roles, from `templates/agents/*.md`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use sluice_gates::Gate;

/// The front matter of a role's file, TOML between two lines of `+++`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleHead {
    /// The role's name; the gate files' `worker` names it.
    pub role: String,
    /// The gates that it works at.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// One sentence: what it does.
    #[serde(default)]
    pub description: String,
}

/// One role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFile {
    /// The front matter.
    pub head: RoleHead,
    /// The prompt.
    pub prompt: String,
}

/// All roles by name.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    by_name: BTreeMap<String, Arc<RoleFile>>,
}

impl Roles {
    /// Reads the texts of role files; each comes with the name that errors show.
    ///
    /// # Errors
    /// A text without front matter, an unknown key, a role that is there twice.
    pub fn from_texts<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> anyhow::Result<Roles> {
        let mut by_name = BTreeMap::new();
        for (name, text) in texts {
            let role = parse(text).with_context(|| format!("{name} is not a role file"))?;
            let key = role.head.role.clone();
            if by_name.insert(key.clone(), Arc::new(role)).is_some() {
                bail!("{name}: the role {key:?} is there twice");
            }
        }
        Ok(Roles { by_name })
    }

    /// Reads every `*.md` of a folder.
    ///
    /// # Errors
    /// As [`Roles::from_texts`], and when the folder cannot be read.
    pub fn from_folder(folder: &Path) -> anyhow::Result<Roles> {
        let mut texts = Vec::new();
        let entries =
            std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "md") {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("read {}", path.display()))?;
                texts.push((path.display().to_string(), text));
            }
        }
        Roles::from_texts(
            texts
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str())),
        )
    }

    /// A role by its name.
    pub fn role(&self, name: &str) -> Option<Arc<RoleFile>> {
        self.by_name.get(name).cloned()
    }

    /// All roles in the order of their names.
    pub fn all(&self) -> impl Iterator<Item = &RoleFile> {
        self.by_name.values().map(Arc::as_ref)
    }
}

fn parse(text: &str) -> anyhow::Result<RoleFile> {
    let rest = text
        .strip_prefix("+++\n")
        .context("the first line must be `+++`, with TOML up to the next `+++`")?;
    let (head, prompt) = rest
        .split_once("\n+++\n")
        .context("a line `+++` must end the front matter")?;
    let head: RoleHead = toml::from_str(head).context("the front matter is not valid")?;
    Ok(RoleFile {
        head,
        prompt: prompt.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests;
