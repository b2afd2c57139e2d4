//! The prompts of the roles, from `templates/agents/*.md`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use sluice_agents::Limits;
use sluice_gates::Gate;

use crate::prices::nanos;

/// The front matter of a role's file, TOML between two lines of `+++`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
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
    /// Who is asked, in order: `AGENT` or `AGENT/MODEL`, where AGENT is an agent of the configuration. When one
    /// cannot answer, or the same failure comes again and again, the next one is asked. Empty leaves it to the
    /// configuration.
    #[serde(default)]
    pub models: Vec<String>,
    /// What bounds a reply, and a run.
    #[serde(default)]
    pub limits: RoleLimits,
}

/// Bounds of what a role may use; the narrower of these and the agent's own count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleLimits {
    /// How many tokens a model may write in one reply.
    pub max_tokens: Option<u32>,
    /// Seconds that a reply may take.
    pub wall_s: Option<u32>,
    /// Seconds in which nothing may come.
    pub idle_s: Option<u32>,
    /// What one run may spend, in the currency of the price file.
    pub money: Option<f64>,
}

impl RoleLimits {
    /// What bounds one reply.
    pub(crate) fn of_reply(&self) -> Limits {
        let seconds = |seconds: Option<u32>| seconds.map(|it| Duration::from_secs(it.into()));
        Limits {
            max_tokens: self.max_tokens,
            wall: seconds(self.wall_s),
            idle: seconds(self.idle_s),
        }
    }

    /// What bounds one run, in billionths of the currency.
    pub(crate) fn money_nanos(&self) -> Option<i64> {
        self.money.map(nanos)
    }

    fn check(&self) -> anyhow::Result<()> {
        let numbers = [
            ("max_tokens", self.max_tokens),
            ("wall_s", self.wall_s),
            ("idle_s", self.idle_s),
        ];
        if let Some((name, _)) = numbers.iter().find(|(_, number)| *number == Some(0)) {
            bail!(
                "limits.{name} is 0, with which nothing can be written; leave it out for no limit"
            );
        }
        if let Some(money) = self.money.filter(|money| !(0.0..=1e6).contains(money)) {
            bail!("limits.money takes an amount from 0 to 1000000, not {money}");
        }
        Ok(())
    }
}

/// One role.
#[derive(Debug, Clone, PartialEq)]
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
    head.limits.check()?;
    if let Some(wrong) = head
        .models
        .iter()
        .find(|one| one.trim() != **one || one.is_empty())
    {
        bail!(
            "models takes AGENT or AGENT/MODEL, as in \"local\" or \"openrouter/maker/model\", not {wrong:?}"
        );
    }
    Ok(RoleFile {
        head,
        prompt: prompt.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests;
