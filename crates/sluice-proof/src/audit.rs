//! The audit log: rows that each hold the hash of the one before, so that none can go, change or move unseen.

use crate::digest::sha256_hex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What the first row has for the hash of the one before it.
pub const BEFORE_THE_FIRST: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// What the hashed array begins with.
const FORMAT: &str = "sluice-audit/v1";

/// Who did it, as the credential said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditWho {
    /// The name on the credential.
    pub name: String,
    /// `person`, `agent` or `system`.
    pub kind: String,
    /// The role that they had.
    pub role: String,
    /// The id of the token; none for the daemon itself.
    #[serde(default)]
    pub token: Option<String>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its number: 1, 2, 3 and so on, without a gap.
    pub seq: i64,
    /// When: RFC 3339, UTC, to the microsecond.
    pub at: String,
    /// The project; none for what concerns the daemon.
    pub project: Option<String>,
    /// Who.
    pub who: AuditWho,
    /// What, such as `gate.decided`.
    pub kind: String,
    /// What there is to know, in the form of [`canonical`].
    pub body: Value,
    /// The hash of the row before; [`BEFORE_THE_FIRST`] in the first.
    pub previous: String,
    /// What [`AuditRow::computed_hash`] gives.
    pub hash: String,
}

impl AuditRow {
    /// The hash that the row's content gives: SHA-256, hex, of the compact JSON array of [`FORMAT`], `seq`, `at`,
    /// `project`, `[name, kind, role, token]`, `kind`, `body` and `previous`.
    #[must_use]
    pub fn computed_hash(&self) -> String {
        let who = &self.who;
        let hashed = json!([
            FORMAT,
            self.seq,
            self.at,
            self.project,
            [
                Some(&who.name),
                Some(&who.kind),
                Some(&who.role),
                who.token.as_ref()
            ],
            self.kind,
            canonical(&self.body),
            self.previous,
        ]);
        sha256_hex(hashed.to_string().as_bytes())
    }
}

/// The row that a decision names: the log up to it is what the decision's signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditAnchor {
    /// The row's number.
    pub seq: i64,
    /// The row's hash.
    pub hash: String,
}

/// The one form of a value: keys in the order of their code points, and no number that programs write in more than
/// one way, so whatever is not whole becomes a text.
#[must_use]
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            let sorted: Map<String, Value> = entries
                .into_iter()
                .map(|(key, value)| (key.clone(), canonical(value)))
                .collect();
            Value::Object(sorted)
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Number(number) if !number.is_i64() && !number.is_u64() => {
            Value::String(number.to_string())
        }
        other => other.clone(),
    }
}

/// What was found of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// How many rows there are.
    pub rows: usize,
    /// The number of the first.
    pub first: Option<i64>,
    /// The number of the last.
    pub last: Option<i64>,
    /// How many decisions name a row that is there and is the one they name.
    pub anchors: usize,
    /// What is wrong.
    pub problems: Vec<String>,
    /// What could not be checked.
    pub notes: Vec<String>,
}

/// Checks rows, oldest first, against themselves and against the anchors of the decisions (each with the words that
/// name its decision). A part of a log may begin anywhere; it must not have gaps, and must reach the last anchor.
#[must_use]
pub fn check(rows: &[AuditRow], anchors: &[(String, AuditAnchor)]) -> AuditReport {
    let mut report = AuditReport {
        rows: rows.len(),
        first: rows.first().map(|row| row.seq),
        last: rows.last().map(|row| row.seq),
        ..AuditReport::default()
    };
    let mut before: Option<&AuditRow> = None;
    for row in rows {
        let at = row.seq;
        if row.computed_hash() != row.hash {
            report.problems.push(format!(
                "audit row {at} was changed: its hash is not what it says"
            ));
        }
        let wanted = match before {
            Some(before) if before.seq.checked_add(1) != Some(at) => {
                report.problems.push(format!(
                    "audit row {at} follows row {}: rows are missing, doubled or out of order",
                    before.seq
                ));
                None
            }
            Some(before) => Some(before.hash.as_str()),
            None if at == 1 => Some(BEFORE_THE_FIRST),
            None => None,
        };
        if wanted.is_some_and(|wanted| wanted != row.previous) {
            report.problems.push(format!(
                "audit row {at} does not hold the hash of the row before it"
            ));
        }
        before = Some(row);
    }
    let (first, last) = (report.first.unwrap_or(1), report.last.unwrap_or(0));
    let mut unreached = 0;
    for (decision, anchor) in anchors {
        match rows.iter().find(|row| row.seq == anchor.seq) {
            Some(row) if row.hash == anchor.hash => report.anchors += 1,
            Some(_) => report.problems.push(format!(
                "audit row {} is not the one that {decision} is signed with",
                anchor.seq
            )),
            None if anchor.seq < first => unreached += 1,
            None => report.problems.push(format!(
                "audit row {}, which {decision} is signed with, is not there; the log ends at {last}",
                anchor.seq
            )),
        }
    }
    if unreached > 0 {
        report.notes.push(format!(
            "the audit log begins at row {first}: {unreached} decisions name rows before it"
        ));
    }
    report
}

#[cfg(test)]
mod tests;
