//! Prints: results on standard output, words for people on standard error. A reader that went away is no error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use crate::exit::Exit;

/// Where results go, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Results as one JSON document, or as text.
    pub(crate) fn new(json: bool) -> Output {
        Output { json }
    }

    /// Whether one JSON document is wanted.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a JSON document: indented for a person at a terminal, else on one line.
    pub(crate) fn document(self, document: &impl Serialize) -> Result<(), Exit> {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(document)
        } else {
            serde_json::to_string(document)
        };
        let text = text.map_err(|error| Exit::failed(format!("the result is no JSON: {error}")))?;
        self.text(&text)
    }

    /// Prints a result as it is, with a line break at its end.
    pub(crate) fn text(self, text: &str) -> Result<(), Exit> {
        let mut out = io::stdout().lock();
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let written = out
            .write_all(text.as_bytes())
            .and_then(|()| out.write_all(end.as_bytes()))
            .and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Exit::missing(format!(
                "the result could not be written to standard output: {error}"
            ))),
            _ => Ok(()),
        }
    }

    /// Tells the person something.
    pub(crate) fn note(self, text: &str) {
        // Nobody can be told that standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Tells the person why the program ends, and with `--json` also the program that reads it.
    pub(crate) fn end(self, exit: &Exit) {
        if exit.message.is_empty() {
            return;
        }
        self.note(&format!("sluice: {}", visible(&exit.message)));
        if let Some(mend) = &exit.mend {
            self.note(&format!("  {}", visible(mend)));
        }
        if self.json {
            self.document_of(exit);
        }
    }

    /// Why the program ends, as a JSON document.
    pub(crate) fn document_of(self, exit: &Exit) {
        let error = json!({"exit": exit.code, "message": exit.message, "mend": exit.mend});
        // The exit code says the same when this cannot be written.
        let _ = self.document(&json!({ "error": error }));
    }
}

/// Text of others, made safe for a terminal: what would move the cursor, or reorder a line, is escaped.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match c {
            '\n' | '\t' => shown.push(c),
            _ if c.is_control() || hidden => shown.extend(c.escape_unicode()),
            _ => shown.push(c),
        }
    }
    shown
}

/// As [`visible`], on one line.
pub(crate) fn one_line(text: &str) -> String {
    visible(text)
        .replace(['\n', '\t'], " ")
        .trim_end()
        .to_owned()
}

/// Columns, each as wide as its widest entry; the last one is not padded.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width.saturating_sub(cell.chars().count()) + 2;
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', pad));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
