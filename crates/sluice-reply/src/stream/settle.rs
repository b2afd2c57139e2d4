//! The end: what was shown on the way is brought to what the whole text says.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use super::Event;
use super::live::{Live, closing};
use crate::{Code, FileBlock, Reply, Warning};

impl Live {
    /// Takes back what is not in `reply`, and shows what is missing.
    pub(super) fn settle(&mut self, reply: &Reply, events: &mut Vec<Event>) {
        let shown: HashMap<usize, usize> = self
            .files
            .iter()
            .enumerate()
            .filter_map(|(file, shown)| Some((shown.as_ref()?.line, file)))
            .collect();
        let kept: Vec<Option<usize>> = reply
            .files
            .iter()
            .map(|block| {
                let file = *shown.get(&block.lines.0)?;
                self.begins(file, block).then_some(file)
            })
            .collect();
        let mut stays = vec![false; self.files.len()];
        for file in kept.iter().flatten() {
            stays[*file] = true;
        }
        for (file, stays) in stays.into_iter().enumerate() {
            if !stays {
                self.withdraw(file, events);
            }
        }
        for (block, kept) in reply.files.iter().zip(kept) {
            match kept {
                Some(file) => self.go_on(file, block, events),
                None => {
                    let file = self.open_whole(block, events);
                    self.close(file, block, events);
                }
            }
        }
        self.settle_edits(reply, events);
        self.settle_deletions(reply, events);
        self.settle_warnings(reply, events);
    }

    /// Whether `block` is the file that was shown, with at least the text that was shown.
    fn begins(&mut self, file: usize, block: &FileBlock) -> bool {
        let Some(shown) = self.files[file].as_ref() else {
            return false;
        };
        let Some(start) = block.content.as_bytes().get(..shown.length) else {
            return false;
        };
        self.work += start.len();
        shown.names(block) && Sha256::digest(start) == shown.digest.clone().finalize()
    }

    /// Shows the rest of a file and its end.
    fn go_on(&mut self, file: usize, block: &FileBlock, events: &mut Vec<Event>) {
        let Some(shown) = &self.files[file] else {
            return;
        };
        let from = shown.length;
        match shown.closed {
            Some(closed) if closed == closing(block) && from == block.content.len() => return,
            Some(_) => events.push(Event::FileReopened { file }),
            None => {}
        }
        self.show(file, &block.content[from..], events);
        self.close(file, block, events);
    }

    fn settle_edits(&mut self, reply: &Reply, events: &mut Vec<Event>) {
        // Both are in the order of their lines, and no two begin on one line.
        let shown: HashMap<usize, _> = self.edits.drain(..).map(|e| (e.lines.0, e)).collect();
        let meant: HashMap<usize, _> = reply.edits.iter().map(|e| (e.lines.0, e)).collect();
        let mut wrong: Vec<usize> = shown
            .iter()
            .filter(|(line, edit)| meant.get(*line) != Some(edit))
            .map(|(line, _)| *line)
            .collect();
        wrong.sort_unstable();
        events.extend(wrong.into_iter().map(|line| Event::EditWithdrawn { line }));
        for edit in &reply.edits {
            if shown.get(&edit.lines.0) != Some(edit) {
                events.push(Event::Edit { edit: edit.clone() });
            }
        }
    }

    fn settle_deletions(&mut self, reply: &Reply, events: &mut Vec<Event>) {
        let shown: HashMap<usize, _> = self.deletions.drain(..).map(|d| (d.lines.0, d)).collect();
        let meant: HashMap<usize, _> = reply.deletions.iter().map(|d| (d.lines.0, d)).collect();
        let mut wrong: Vec<usize> = shown
            .iter()
            .filter(|(line, deletion)| meant.get(*line) != Some(deletion))
            .map(|(line, _)| *line)
            .collect();
        wrong.sort_unstable();
        events.extend(
            wrong
                .into_iter()
                .map(|line| Event::DeletionWithdrawn { line }),
        );
        for deletion in &reply.deletions {
            if shown.get(&deletion.lines.0) != Some(deletion) {
                events.push(Event::Deletion {
                    path: deletion.path.clone(),
                    lines: deletion.lines,
                    bytes: (deletion.bytes.start, deletion.bytes.end),
                });
            }
        }
    }

    fn settle_warnings(&mut self, reply: &Reply, events: &mut Vec<Event>) {
        let mut shown: BTreeMap<Key, Vec<Warning>> = BTreeMap::new();
        for warning in self.warnings.drain(..) {
            shown.entry(key(&warning)).or_default().push(warning);
        }
        let mut missing = Vec::new();
        for warning in &reply.warnings {
            if shown.get_mut(&key(warning)).and_then(Vec::pop).is_none() {
                missing.push(Event::Warning {
                    warning: warning.clone(),
                });
            }
        }
        let wrong = shown.into_values().flatten();
        events.extend(wrong.map(|warning| Event::WarningWithdrawn { warning }));
        events.extend(missing);
    }
}

/// What tells warnings apart.
type Key = (usize, Code, Option<String>, String);

fn key(warning: &Warning) -> Key {
    let (line, code) = (warning.line, warning.code);
    (line, code, warning.path.clone(), warning.message.clone())
}
