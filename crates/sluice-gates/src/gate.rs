//! The ten gates, in order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A gate. The order is the order in which a project passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// Intake.
    G0,
    /// Scope.
    G1,
    /// Planning.
    G2,
    /// Architecture.
    G3,
    /// Design.
    G4,
    /// Development.
    G5,
    /// Testing.
    G6,
    /// Security.
    G7,
    /// Staging.
    G8,
    /// Production.
    G9,
}

impl Gate {
    /// All gates, first to last.
    pub const ALL: [Gate; 10] = {
        use Gate::*;
        [G0, G1, G2, G3, G4, G5, G6, G7, G8, G9]
    };

    /// The id in paths, refs and JSON: `g0` to `g9`.
    pub fn as_str(self) -> &'static str {
        const IDS: [&str; 10] = ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9"];
        IDS[self as usize]
    }

    /// The gate after this one.
    pub fn next(self) -> Option<Gate> {
        Gate::ALL.get(self as usize + 1).copied()
    }

    /// The gate before this one.
    pub fn previous(self) -> Option<Gate> {
        (self as usize).checked_sub(1).map(|i| Gate::ALL[i])
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not `g0` to `g9`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a gate; gates are g0 to g9")]
pub struct NotAGate(pub String);

impl FromStr for Gate {
    type Err = NotAGate;

    fn from_str(text: &str) -> Result<Gate, NotAGate> {
        Gate::ALL
            .into_iter()
            .find(|gate| gate.as_str() == text)
            .ok_or_else(|| NotAGate(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
