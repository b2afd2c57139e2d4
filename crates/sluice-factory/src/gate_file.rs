//! What the ten files in `gates/` say: who works at a gate, what it demands, who approves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_checks::document::DocumentRule;
use sluice_gates::{Gate, Rule};
use sluice_store::{ProjectKind, Role};

/// One gate's file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateFile {
    /// The name in prose, such as `Development`.
    pub name: String,
    /// One sentence: what the gate is for.
    pub purpose: String,
    /// The role that does the work; a file in `templates/agents/`.
    pub worker: String,
    /// The kinds of project that pass through it; for others it is `not_applicable`.
    #[serde(default = "every_kind")]
    pub applies_to: Vec<ProjectKind>,
    /// The checks that must pass.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Healing attempts before a person is asked. Default 3.
    #[serde(default = "three")]
    pub heal_attempts: u8,
    /// Checks whose `unknown` a person may accept by approving; it stands in the proof.
    #[serde(default)]
    pub accept_unknown: Vec<String>,
    /// The share of lines, above 0 and up to 1, that the tests must cover; without it none is asked for.
    #[serde(default)]
    pub coverage: Option<f64>,
    /// Who must approve.
    #[serde(default)]
    pub approval: Approval,
    /// The documents that must exist, parse and have their parts.
    #[serde(default)]
    pub documents: Vec<DocumentRule>,
    /// What an approver must fill in.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// What an escalation asks.
    #[serde(default)]
    pub escalation: Escalation,
    /// Where the built service answers, for the check `smoke`.
    #[serde(default)]
    pub health: Health,
}

/// What an escalation asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// What is filled in with the answer.
    #[serde(default)]
    pub fields: Vec<EscalationField>,
}

/// Something that is filled in with the answer to an escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationField {
    /// Its key in the answer's `fields`.
    pub name: String,
    /// What the person is asked.
    pub prompt: String,
    /// What can be answered; anything when empty.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Whether the escalation can be answered without it.
    #[serde(default)]
    pub required: bool,
    /// The answers that it belongs to; all when empty.
    #[serde(default)]
    pub actions: Vec<String>,
}

impl EscalationField {
    /// Whether it belongs to an answer.
    pub fn is_for(&self, action: &str) -> bool {
        self.actions.is_empty() || self.actions.iter().any(|one| one == action)
    }
}

/// Who must approve.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The least role.
    #[serde(default = "approver")]
    pub role: Role,
    /// How many different people.
    #[serde(default = "one")]
    pub approvals: u8,
}

impl Default for Approval {
    fn default() -> Approval {
        Approval {
            role: approver(),
            approvals: one(),
        }
    }
}

/// Something that an approver must fill in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its key in the request's `fields`.
    pub name: String,
    /// What the person is asked.
    pub prompt: String,
    /// The answer must be a path of the subject that this pattern matches.
    pub choices_glob: Option<String>,
    /// Whether the gate can be approved without it.
    #[serde(default)]
    pub required: bool,
}

/// Where a built service answers that it is well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The path that must answer with success. Default `/health`.
    #[serde(default = "health")]
    pub path: String,
    /// The kinds of project that have a service to ask; for others the check `smoke` is left out.
    #[serde(default = "services")]
    pub kinds: Vec<ProjectKind>,
}

impl Default for Health {
    fn default() -> Health {
        Health {
            path: "/health".to_owned(),
            kinds: services(),
        }
    }
}

/// A gate file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GateFileError {
    /// It is not there or cannot be read.
    #[error("{path:?} cannot be read")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML of the documented form.
    #[error("gates/{gate}.toml is not valid: {why}")]
    Parse {
        /// Which gate.
        gate: Gate,
        /// The parser's message, with line and key.
        why: String,
    },
    /// A value makes no sense.
    #[error("gates/{gate}.toml: {key} {why}")]
    Value {
        /// Which gate.
        gate: Gate,
        /// Which key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// The checks that a gate may name.
pub(crate) const CHECKS: [&str; 6] = ["install", "build", "test", "lint", "audit", "smoke"];

/// The answers to an escalation.
pub(crate) const ACTIONS: [&str; 4] = ["retry", "waive", "reject", "abort"];

impl GateFile {
    /// Parses and validates the file of `gate`.
    ///
    /// # Errors
    /// An unknown key, a wrong type or a value that makes no sense; the message names the key.
    pub fn parse(gate: Gate, text: &str) -> Result<GateFile, GateFileError> {
        let file: GateFile = toml::from_str(text).map_err(|error| GateFileError::Parse {
            gate,
            why: error.to_string().trim_end().to_owned(),
        })?;
        let value = |key, why: String| Err(GateFileError::Value { gate, key, why });
        if file.approval.approvals == 0 {
            return value("approval.approvals", "must be at least 1".to_owned());
        }
        if file.approval.role < Role::Approver {
            return value("approval.role", "must be approver or admin".to_owned());
        }
        if let Some(share) = file.coverage {
            if !(share > 0.0 && share <= 1.0) {
                let why =
                    format!("is a share of lines, above 0 and up to 1, as in 0.8, not {share}");
                return value("coverage", why);
            }
            if !file.checks.iter().any(|check| check == "test") {
                let why = "needs `test` among the checks, which measures it".to_owned();
                return value("coverage", why);
            }
        }
        if file.heal_attempts > 9 {
            return value("heal_attempts", "must be at most 9".to_owned());
        }
        for (key, names) in [
            ("checks", &file.checks),
            ("accept_unknown", &file.accept_unknown),
        ] {
            if let Some(unknown) = names.iter().find(|name| !CHECKS.contains(&name.as_str())) {
                let why = format!("names {unknown:?}; checks are {}", CHECKS.join(", "));
                return value(key, why);
            }
        }
        if file.applies_to.is_empty() {
            return value("applies_to", "must name at least one kind".to_owned());
        }
        for kind in file.documents.iter().flat_map(|rule| &rule.kinds) {
            if kind.parse::<ProjectKind>().is_err() {
                return value(
                    "documents.kinds",
                    format!("names {kind:?}, which is not a kind of project"),
                );
            }
        }
        let mut names: Vec<&str> = Vec::new();
        for field in &file.escalation.fields {
            let name = field.name.as_str();
            if name.trim().is_empty() || ["until", "what", "action"].contains(&name) {
                let why = format!("has {name:?}, which every escalation has or which says nothing");
                return value("escalation.fields", why);
            }
            if names.contains(&name) {
                return value("escalation.fields", format!("has {name:?} twice"));
            }
            names.push(name);
            if let Some(unknown) = field
                .actions
                .iter()
                .find(|action| !ACTIONS.contains(&action.as_str()))
            {
                let why = format!("names {unknown:?}; actions are {}", ACTIONS.join(", "));
                return value("escalation.fields", why);
            }
        }
        if !file.health.path.starts_with('/') {
            return value("health.path", "must start with /".to_owned());
        }
        Ok(file)
    }

    /// What the file demands of projects of one kind: checks and documents of other kinds are left out.
    pub fn for_kind(mut self, kind: ProjectKind) -> GateFile {
        if !self.health.kinds.contains(&kind) {
            self.checks.retain(|check| check != "smoke");
        }
        self.documents.retain(|rule| {
            rule.kinds.is_empty() || rule.kinds.iter().any(|word| word == kind.as_str())
        });
        self
    }

    /// The part that the machine needs.
    pub fn rule(&self) -> Rule {
        Rule {
            heal_attempts: self.heal_attempts,
            approvals: self.approval.approvals,
        }
    }
}

/// The ten files, each with its text as it was read.
#[derive(Debug, Clone)]
pub struct GateSet {
    files: BTreeMap<Gate, (Arc<GateFile>, Arc<str>)>,
}

impl GateSet {
    /// The files that are built into the program.
    ///
    /// # Errors
    /// Never for the files of a released program; a test holds that.
    pub fn built_in() -> Result<GateSet, GateFileError> {
        const TEXTS: [&str; 10] = [
            include_str!("../../../gates/g0.toml"),
            include_str!("../../../gates/g1.toml"),
            include_str!("../../../gates/g2.toml"),
            include_str!("../../../gates/g3.toml"),
            include_str!("../../../gates/g4.toml"),
            include_str!("../../../gates/g5.toml"),
            include_str!("../../../gates/g6.toml"),
            include_str!("../../../gates/g7.toml"),
            include_str!("../../../gates/g8.toml"),
            include_str!("../../../gates/g9.toml"),
        ];
        GateSet::from_texts(Gate::ALL.into_iter().zip(TEXTS.map(str::to_owned)))
    }

    /// The files of a folder, `g0.toml` to `g9.toml`.
    ///
    /// # Errors
    /// A file that is missing or not valid.
    pub fn from_folder(folder: &Path) -> Result<GateSet, GateFileError> {
        let mut texts = Vec::new();
        for gate in Gate::ALL {
            let path = folder.join(format!("{gate}.toml"));
            let text = std::fs::read_to_string(&path)
                .map_err(|source| GateFileError::Read { path, source })?;
            texts.push((gate, text));
        }
        GateSet::from_texts(texts)
    }

    fn from_texts(
        texts: impl IntoIterator<Item = (Gate, String)>,
    ) -> Result<GateSet, GateFileError> {
        let mut files = BTreeMap::new();
        for (gate, text) in texts {
            let file = GateFile::parse(gate, &text)?;
            files.insert(gate, (Arc::new(file), Arc::from(text)));
        }
        Ok(GateSet { files })
    }

    /// The file of a gate.
    pub fn file(&self, gate: Gate) -> Arc<GateFile> {
        Arc::clone(&self.files[&gate].0)
    }

    /// The text of a gate's file.
    pub fn text(&self, gate: Gate) -> Arc<str> {
        Arc::clone(&self.files[&gate].1)
    }
}

fn every_kind() -> Vec<ProjectKind> {
    ProjectKind::ALL.to_vec()
}

fn health() -> String {
    "/health".to_owned()
}

fn services() -> Vec<ProjectKind> {
    vec![ProjectKind::Web, ProjectKind::Service, ProjectKind::Ai]
}

fn three() -> u8 {
    3
}

fn one() -> u8 {
    1
}

fn approver() -> Role {
    Role::Approver
}

#[cfg(test)]
mod tests;
