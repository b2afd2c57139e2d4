//! Says which part of a reply became which file.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sluice_path::RelPath;

use super::body::Body;
use super::find::Place;
use crate::EditKind;

/// Which part of a reply became which file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The path as it was written.
    pub path: String,
    /// `write`, `edit`, `delete`, `rename` or `copy`.
    pub action: String,
    /// The path before, of a file that was renamed or copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where the path came from: `info-string`, `attribute`, …, or `edit` where the edit's own text names it.
    pub source: String,
    /// First and last line in the reply, from 1: of the block, or from the first edit to the last.
    pub lines: (usize, usize),
    /// The byte range in the reply: of the body, or from the first edit to the last.
    pub bytes: (usize, usize),
    /// SHA-256 in hex of the reply that holds it, where that is an earlier one of which the rest did not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Each edit that was applied, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<EditReceipt>,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
    /// Bytes of the content.
    pub size: usize,
    /// What the path guard said: `accepted` or `sensitive`.
    pub guard: String,
    /// The git blob that the content became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

/// An edit that was applied: one hunk of a diff, or one SEARCH/REPLACE block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditReceipt {
    /// `diff` or `search-replace`.
    pub kind: String,
    /// First and last line in the reply, from 1.
    pub lines: (usize, usize),
    /// The byte range in the reply; that of the whole block where the fence stands in a list or a quote, or lines end
    /// with CRLF.
    pub bytes: (usize, usize),
    /// SHA-256 in hex of the reply that holds it, where that is an earlier one of which the rest did not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// The line of the file where it fitted, from 1, before it was applied.
    pub at: usize,
    /// `exact`, or `whitespace` where blanks at line ends or a shifted indent were left out of account.
    pub matched: String,
}

impl Receipt {
    /// Of a whole block. What it comes to is filled in at the end.
    pub(crate) fn of_block(
        path: &RelPath,
        action: &str,
        source: &str,
        lines: (usize, usize),
        bytes: &Range<usize>,
    ) -> Receipt {
        let guard = if path.is_sensitive() {
            "sensitive"
        } else {
            "accepted"
        };
        Receipt {
            path: path.as_str().to_owned(),
            action: action.to_owned(),
            from: None,
            source: source.to_owned(),
            lines,
            bytes: (bytes.start, bytes.end),
            reply: None,
            edits: Vec::new(),
            sha256: String::new(),
            size: 0,
            guard: guard.to_owned(),
            blob: None,
        }
    }

    /// Of lines of an edit block.
    pub(crate) fn of_edit(
        path: &RelPath,
        action: &str,
        body: &Body<'_>,
        lines: &Range<usize>,
    ) -> Receipt {
        let source = body.block.source.map_or("edit", |source| source.as_str());
        Receipt::of_block(
            path,
            action,
            source,
            body.lines_of(lines),
            &body.bytes_of(lines),
        )
    }

    /// Adds edits that came later.
    pub(crate) fn add(&mut self, edits: Vec<EditReceipt>) {
        // A whole block stays where it stands, also when it is edited afterwards.
        let is_edit = self.action == "edit";
        for edit in edits {
            if !is_edit {
                self.edits.push(edit);
                continue;
            }
            if self.reply.take().is_some() {
                (self.lines, self.bytes) = (edit.lines, edit.bytes);
            }
            self.lines = (
                self.lines.0.min(edit.lines.0),
                self.lines.1.max(edit.lines.1),
            );
            self.bytes = (
                self.bytes.0.min(edit.bytes.0),
                self.bytes.1.max(edit.bytes.1),
            );
            self.edits.push(edit);
        }
    }
}

impl EditReceipt {
    pub(crate) fn new(body: &Body<'_>, lines: &Range<usize>, place: &Place) -> EditReceipt {
        let kind = match body.block.kind {
            EditKind::Diff => "diff",
            EditKind::SearchReplace => "search-replace",
        };
        let bytes = body.bytes_of(lines);
        EditReceipt {
            kind: kind.to_owned(),
            lines: body.lines_of(lines),
            bytes: (bytes.start, bytes.end),
            reply: None,
            at: place.at + 1,
            matched: if place.level.is_exact() {
                "exact"
            } else {
                "whitespace"
            }
            .to_owned(),
        }
    }
}
