//! gate-decision v1: who let the subject pass, or did not, and what lay before them.

use super::form::{GATE_DECISION, Statement};
use crate::audit::AuditAnchor;
use crate::digest::FileDigest;
use crate::subject::{Saw, Subject, subject_digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// The subject passes: its evidence is green.
    Approved,
    /// The subject does not pass.
    Rejected,
    /// The subject passes although something is missing; `waivers` says what.
    Waived,
    /// The run was given up.
    Cancelled,
    /// The gate does not concern this project.
    NotApplicable,
}

impl DecisionKind {
    /// Whether the project may go on to the next gate.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Approved | Self::Waived | Self::NotApplicable)
    }

    /// Whether it stands on the subject's own merits, so that the gate is a step of the layout.
    #[must_use]
    pub fn is_step(self) -> bool {
        matches!(self, Self::Approved | Self::Waived)
    }
}

impl fmt::Display for DecisionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Waived => "waived",
            Self::Cancelled => "cancelled",
            Self::NotApplicable => "not applicable",
        })
    }
}

/// What kind of actor somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhoKind {
    /// A person, told from the credential and never from the request's body.
    Person,
    /// A model or a program.
    Agent,
    /// Sluice itself, following a gate's file.
    Daemon,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The name that the daemon knows them by.
    pub name: String,
    /// Person, agent or daemon.
    pub kind: WhoKind,
    /// The role in which they acted, as `approver`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
}

/// Something that was let pass on a person's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// What is waived: a check, or a document.
    pub what: String,
    /// The fingerprints of what it had found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// The reason.
    pub why: String,
    /// Until when (RFC 3339 date or time); none is without end.
    pub until: Option<String>,
}

impl Waiver {
    /// Whether it is past its end at `now` (RFC 3339, UTC, with `Z`). A day counts to its last moment. An end that is
    /// neither a day nor a time in UTC is not told.
    #[must_use]
    pub fn is_expired(&self, now: &str) -> Option<bool> {
        let Some(until) = &self.until else {
            return Some(false);
        };
        let shape = |text: &str| -> String {
            let digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
            text.chars().map(digit).collect()
        };
        match shape(until).as_str() {
            "0000-00-00" => Some(now.get(..10)? > until.as_str()),
            "0000-00-00T00:00:00Z" => Some(now >= until.as_str()),
            _ => None,
        }
    }
}

/// The work was sent back by a rejection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBack {
    /// The gate that it was sent back to, one before the decision's own.
    pub to: String,
    /// The passing decisions that do not hold any more by this: those of that gate and of the ones after it.
    pub reopens: Vec<Previous>,
}

/// A question that the run put to a person, and the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationAnswer {
    /// What was asked.
    pub question: String,
    /// What was answered: action and guidance.
    pub answer: String,
    /// What was filled in besides, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// By whom.
    pub who: Who,
}

/// One attempt of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// 0 is the first, 1 and up are healing.
    pub n: u32,
    /// Its commit; none when the reply gave nothing to commit.
    pub commit: Option<String>,
    /// Its tree.
    pub tree: Option<String>,
    /// `pass`, `fail`, `unknown`, `held`.
    pub verdict: String,
    /// What made it fail, normalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_signature: Option<String>,
    /// How the reply was asked for, when not in the ordinary way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Pinned paths that it touched, which held it for a person.
    #[serde(default)]
    pub held_paths: Vec<String>,
}

/// A document that the gate's file demands, as it was found in the subject's tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its path in the tree.
    pub path: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Whether it parsed and had its required parts.
    pub complete: bool,
}

/// The decision that a gate's `previous` pointer leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The gate before this one.
    pub gate: String,
    /// SHA-256 of that gate's `decision.dsse.json`, hex.
    pub sha256: String,
}

/// The predicate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The project.
    pub project: String,
    /// The gate, `g0` to `g9`.
    pub gate: String,
    /// The run through the gate.
    pub run: String,
    /// The run's step at which the decision fell.
    pub step: u64,
    /// The attempt that the subject is from.
    pub attempt: u32,
    /// What was decided.
    pub decision: DecisionKind,
    /// By whom.
    pub who: Who,
    /// In their words.
    #[serde(default)]
    pub comment: String,
    /// What was decided on ([`subject_digest`]).
    pub subject_digest: String,
    /// The envelopes behind that digest.
    pub saw: Vec<Saw>,
    /// Who wrote the subject; none of them may approve it.
    #[serde(default)]
    pub authors: Vec<Who>,
    /// Answers to the gate's own questions, such as the chosen design.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    /// What was let pass.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// What was asked on the way.
    #[serde(default)]
    pub escalations: Vec<EscalationAnswer>,
    /// Where the work was sent back to; none unless a rejection names another gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_back: Option<SentBack>,
    /// The attempts of the run.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// The documents that were looked at.
    #[serde(default)]
    pub documents: Vec<Document>,
    /// The passing decision of the gate before; none at the first gate.
    pub previous: Option<Previous>,
    /// The decision's own row of the audit log, and with it the whole log before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditAnchor>,
    /// When it fell (RFC 3339).
    pub at: String,
    /// Sluice's version.
    pub sluice_version: String,
    /// Every other file of the entry. [`crate::entry::entry`] fills it in.
    #[serde(default)]
    pub files: Vec<FileDigest>,
}

impl Decision {
    /// States the decision about `subject`.
    #[must_use]
    pub fn statement(self, subject: &Subject) -> Statement<Self> {
        Statement::new(subject, GATE_DECISION, self)
    }

    /// The digest that this decision's content gives.
    #[must_use]
    pub fn computed_digest(&self, subject: &Subject) -> String {
        subject_digest(&self.project, &self.gate, &self.run, subject, &self.saw)
    }
}
