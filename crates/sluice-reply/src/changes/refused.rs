//! Says what of a reply cannot be taken, and why.

use serde::{Deserialize, Serialize};
use sluice_path::Reason;

use super::nearest::Nearest;
use crate::Code;

/// Something that a reply wants and that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// One word: a warning's code, `delete_missing`, or one of [`EditCode`]'s.
    pub code: &'static str,
    /// Why a path was refused.
    pub reason: Option<Reason>,
    /// The path as the reply has it, where it has one.
    pub path: Option<String>,
    /// The same for a person or an agent, with what to do.
    pub message: String,
    /// The line of the reply, from 1.
    pub line: usize,
    /// Where an edit found no place: the lines that come nearest.
    pub nearest: Option<Nearest>,
}

impl Refused {
    /// The message, and below it the nearest lines with their numbers.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for line in self.nearest_lines() {
            text.push('\n');
            text.push_str(&line);
        }
        text
    }

    /// The nearest lines with their numbers, the first that differs marked with `>`.
    pub fn nearest_lines(&self) -> Vec<String> {
        let Some(nearest) = &self.nearest else {
            return Vec::new();
        };
        let numbered = nearest.lines.iter().zip(nearest.line..);
        numbered
            .map(|(line, number)| {
                let mark = if number == nearest.differs { '>' } else { ' ' };
                format!("{mark}{number:5} | {line}")
            })
            .collect()
    }
}

/// Why an edit was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditCode {
    /// What it looks for is nowhere in the file.
    EditNotFound,
    /// What it looks for stands at several places.
    EditAmbiguous,
    /// The file is not there.
    EditNoFile,
    /// The file that it makes is there already.
    EditExists,
    /// Nothing says which file it edits.
    EditNoPath,
    /// It cannot be understood.
    EditMalformed,
    /// It is understood, and is nothing that a reply may do.
    EditUnsupported,
}

impl EditCode {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            EditCode::EditNotFound => "edit_not_found",
            EditCode::EditAmbiguous => "edit_ambiguous",
            EditCode::EditNoFile => "edit_no_file",
            EditCode::EditExists => "edit_exists",
            EditCode::EditNoPath => "edit_no_path",
            EditCode::EditMalformed => "edit_malformed",
            EditCode::EditUnsupported => "edit_unsupported",
        }
    }
}

/// A refusal on its way: what, without the line.
#[derive(Debug)]
pub(crate) struct Why {
    pub(crate) code: &'static str,
    pub(crate) reason: Option<Reason>,
    pub(crate) path: Option<String>,
    pub(crate) message: String,
    pub(crate) nearest: Option<Box<Nearest>>,
}

impl Why {
    pub(crate) fn edit(code: EditCode, message: impl Into<String>) -> Why {
        Why {
            code: code.as_str(),
            reason: None,
            path: None,
            message: message.into(),
            nearest: None,
        }
    }

    pub(crate) fn warned(code: Code, message: impl Into<String>) -> Why {
        Why {
            code: code.as_str(),
            reason: None,
            path: None,
            message: message.into(),
            nearest: None,
        }
    }
}
