//! Names of projects, which become folders and refs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A project's name: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(String);

/// A text that may not name a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a project's name is 1 to 63 lower-case letters, digits and hyphens and starts with a letter or digit, as in `shop-api`"
)]
pub struct ProjectNameError;

impl ProjectName {
    /// Takes `raw` as it is, or says what a name must be.
    ///
    /// # Errors
    /// [`ProjectNameError`] when `raw` does not match `[a-z0-9][a-z0-9-]{0,62}`.
    pub fn parse(raw: &str) -> Result<ProjectName, ProjectNameError> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (1..=63).contains(&raw.len())
            && raw.bytes().all(|b| letter(b) || b == b'-')
            && raw.bytes().next().is_some_and(letter);
        if fits {
            Ok(ProjectName(raw.to_owned()))
        } else {
            Err(ProjectNameError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ProjectName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(raw: &str) -> Result<ProjectName, ProjectNameError> {
        ProjectName::parse(raw)
    }
}

impl TryFrom<String> for ProjectName {
    type Error = ProjectNameError;

    fn try_from(raw: String) -> Result<ProjectName, ProjectNameError> {
        ProjectName::parse(&raw)
    }
}

impl From<ProjectName> for String {
    fn from(name: ProjectName) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests;
