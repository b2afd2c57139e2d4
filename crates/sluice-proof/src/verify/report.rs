//! What verification found, for people and for programs.

use crate::audit::AuditReport;
use crate::statement::{DecisionKind, Waiver};
use crate::subject::Subject;
use serde::Serialize;
use std::fmt;

/// Where the trusted signers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustSource {
    /// The caller named them.
    Told,
    /// Taken from the repository itself, which proves nothing about who that is.
    FirstSigner,
}

/// One signer that was trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerReport {
    /// The name it is trusted under.
    pub name: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// The id in DSSE envelopes.
    pub keyid: String,
}

/// One envelope behind a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceReport {
    /// Its predicate type.
    pub predicate_type: String,
    /// Its file in the entry.
    pub path: String,
    /// SHA-256 of that file.
    pub sha256: String,
    /// A test result's result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// What is known of one gate. The facts are its last decision's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GateReport {
    /// The gate.
    pub gate: String,
    /// Its last decision; none when it was not reached.
    pub decision: Option<DecisionKind>,
    /// What it was about.
    pub subject: Option<Subject>,
    /// Who decided.
    pub by: Option<String>,
    /// In which role.
    pub role: Option<String>,
    /// When (RFC 3339).
    pub at: Option<String>,
    /// SHA-256 of its `decision.dsse.json`.
    pub digest: Option<String>,
    /// How many decisions the chain has.
    pub decisions: usize,
    /// What the decision rests on.
    pub evidence: Vec<EvidenceReport>,
    /// What was let pass on a person's word.
    pub waivers: Vec<Waiver>,
    /// A gate before it was decided anew since, so this one is to be passed again.
    pub reopened: bool,
    /// Whether its standing decision passed exactly HEAD's tree.
    pub covers_head: bool,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// HEAD and the gates that it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeadReport {
    /// HEAD's commit.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// The gates that passed this tree.
    pub covered_by: Vec<String>,
    /// The gates that no decision lets pass (yet, or again).
    pub missing: Vec<String>,
}

/// The whole finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether there is a proof and nothing is wrong.
    pub verified: bool,
    /// The project that the proofs name.
    pub project: Option<String>,
    /// Where trust comes from.
    pub trust: TrustSource,
    /// Whose signatures counted.
    pub signers: Vec<SignerReport>,
    /// Every gate, in order.
    pub gates: Vec<GateReport>,
    /// HEAD.
    pub head: Option<HeadReport>,
    /// What is wrong beyond a single gate.
    pub problems: Vec<String>,
    /// The audit log, when it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditReport>,
    /// What was true when it was signed and is not any more: waivers that are past their end.
    pub warnings: Vec<String>,
    /// What a reader should know but nothing is wrong with.
    pub notes: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.trust {
            TrustSource::Told => "as told",
            TrustSource::FirstSigner => {
                "the repository's own first signer: nobody vouches for it, name yours with --signers"
            }
        };
        for signer in &self.signers {
            writeln!(f, "signer  {} {} ({said})", signer.name, signer.fingerprint)?;
        }
        for gate in &self.gates {
            write!(f, "{gate}")?;
        }
        if let Some(head) = &self.head {
            let covered = if head.covered_by.is_empty() {
                "no gate".into()
            } else {
                head.covered_by.join(" ")
            };
            writeln!(
                f,
                "HEAD    {} tree {} passed by {covered}",
                short(&head.commit),
                short(&head.tree)
            )?;
            if !head.missing.is_empty() {
                writeln!(f, "to go   {}", head.missing.join(" "))?;
            }
        }
        if let (Some(audit), Some(first), Some(last)) = (
            &self.audit,
            self.audit.as_ref().and_then(|audit| audit.first),
            self.audit.as_ref().and_then(|audit| audit.last),
        ) {
            let anchors = audit.anchors;
            writeln!(
                f,
                "audit   rows {first} to {last}, {anchors} of them named by decisions"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note    {}", visible(note))?;
        }
        for warning in &self.warnings {
            writeln!(f, "WARNING {}", visible(warning))?;
        }
        for problem in &self.problems {
            writeln!(f, "PROBLEM {}", visible(problem))?;
        }
        let count = self.problems.len()
            + self
                .gates
                .iter()
                .map(|gate| gate.problems.len())
                .sum::<usize>();
        match (self.verified, count) {
            (true, _) => writeln!(f, "verified"),
            (false, 1) => writeln!(f, "NOT verified: 1 problem"),
            (false, _) => writeln!(f, "NOT verified: {count} problems"),
        }
    }
}

impl fmt::Display for GateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.problems.is_empty() { "" } else { "BAD " };
        write!(f, "{:<7} {mark}", self.gate.to_uppercase())?;
        match (&self.decision, &self.subject) {
            (Some(decision), Some(subject)) => {
                write!(f, "{decision} {}", short(&subject.commit))?;
                write!(f, " by {}", visible(self.by.as_deref().unwrap_or("?")))?;
                if let Some(role) = self.role.as_deref().filter(|role| !role.is_empty()) {
                    write!(f, " ({})", visible(role))?;
                }
                write!(f, " at {}", visible(self.at.as_deref().unwrap_or("?")))?;
                write!(f, ", {} pieces of evidence", self.evidence.len())?;
                if !self.waivers.is_empty() {
                    write!(f, ", {} waived", self.waivers.len())?;
                }
                if self.reopened {
                    write!(f, ", reopened since")?;
                }
                if self.covers_head {
                    write!(f, ", covers HEAD")?;
                }
                writeln!(f)?;
            }
            _ if self.problems.is_empty() => writeln!(f, "not reached")?,
            _ => writeln!(f, "unreadable")?,
        }
        for problem in &self.problems {
            writeln!(f, "        PROBLEM {}", visible(problem))?;
        }
        Ok(())
    }
}

fn short(oid: &str) -> &str {
    oid.get(..12).unwrap_or(oid)
}

/// Names in proofs are other people's text: no line of theirs may pass for a line of ours.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || ('\u{202a}'..='\u{2069}').contains(&c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}
