//! Applies one part of an edit block: what it says of one file, or of one that becomes another.

use std::ops::Range;

use sluice_path::RelPath;

use super::BaseError;
use super::body::Body;
use super::files::{Files, Now, text};
use super::find;
use super::hunks::{Bench, Outcomes, apply_hunks, apply_search};
use super::left_out::{elided, elided_hunk};
use super::nearest;
use super::receipt::{EditReceipt, Receipt};
use super::refused::{EditCode, Why};
use super::text::Text;
use crate::Code;
use crate::edit::{FileEdit, Hunk, NewLine, What, Written};

/// The paths that a part is about.
pub(super) struct Place {
    from: RelPath,
    to: Option<RelPath>,
}

impl Place {
    /// Chooses among the readings of each path the one that the files have.
    pub(super) fn of(
        what: &What<'_>,
        files: &mut Files<'_>,
    ) -> Result<Result<Place, Why>, BaseError> {
        let (from, to) = match what {
            What::Hunks { path, .. }
            | What::Search { path, .. }
            | What::New { path, .. }
            | What::Delete { path, .. } => (path, None),
            What::Rename { from, to, .. } | What::Copy { from, to, .. } => (from, Some(to)),
        };
        let from = match chosen(from, files)? {
            Ok(from) => from,
            Err(why) => return Ok(Err(why)),
        };
        let to = match to.map(|to| chosen(to, files)).transpose()? {
            None => None,
            Some(Ok(to)) => Some(to),
            Some(Err(why)) => return Ok(Err(why)),
        };
        Ok(Ok(Place { from, to }))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &RelPath> {
        std::iter::once(&self.from).chain(&self.to)
    }

    /// The file that the part leaves.
    pub(super) fn target(&self) -> &RelPath {
        self.to.as_ref().unwrap_or(&self.from)
    }
}

/// The first reading that names a file which is there, else the first that may name one.
fn chosen(written: &Written, files: &mut Files<'_>) -> Result<Result<RelPath, Why>, BaseError> {
    let mut first = None;
    let mut refusal = None;
    for reading in written {
        match RelPath::parse(reading) {
            Ok(path) => {
                if files.at(&path)?.is_there() {
                    return Ok(Ok(path));
                }
                first.get_or_insert(path);
            }
            Err(refused) => {
                refusal.get_or_insert((refused, reading));
            }
        }
    }
    Ok(match (first, refusal) {
        (Some(path), _) => Ok(path),
        (None, Some((refused, reading))) => Err(Why {
            reason: Some(refused.reason),
            path: Some(reading.chars().take(200).collect()),
            ..Why::warned(Code::PathRejected, refused.message)
        }),
        (None, None) => Err(Why::edit(
            EditCode::EditNoPath,
            "nothing says which file this edits: name it in the block's info string (`diff:path`), or in the edit",
        )),
    })
}

/// What became of one hunk, or of what a part does besides.
pub(super) struct Step {
    pub(super) path: RelPath,
    pub(super) lines: Range<usize>,
    pub(super) why: Option<Why>,
}

/// Where the work is done: the files, and what all edits share.
pub(super) struct Desk<'b> {
    pub(super) files: Files<'b>,
    pub(super) bench: Bench,
}

impl Desk<'_> {
    /// Does what a part says.
    pub(super) fn apply(
        &mut self,
        body: &Body<'_>,
        part: &FileEdit<'_>,
        place: &Place,
    ) -> Result<Vec<Step>, BaseError> {
        let whole = |why: Option<Why>| {
            vec![Step {
                path: place.target().clone(),
                lines: part.lines.clone(),
                why,
            }]
        };
        let is_new = match &part.what {
            What::Hunks { hunks, .. } => {
                !self.files.at(&place.from)?.is_there()
                    && !hunks.is_empty()
                    && hunks.iter().all(adds_only)
            }
            What::Search { alternatives, .. } => {
                is_blank_search(alternatives) && self.is_blank(place)?
            }
            _ => false,
        };
        match &part.what {
            What::Hunks { hunks, .. } if is_new => {
                let new = hunks.iter().flat_map(new_lines).collect();
                let is_ended = !hunks.iter().any(|hunk| hunk.new_unended);
                Ok(whole(self.create(body, part, place, new, is_ended)?.err()))
            }
            What::Search { alternatives, .. } if is_new => {
                let new = new_lines(&alternatives[0]);
                Ok(whole(self.create(body, part, place, new, true)?.err()))
            }
            What::New {
                lines,
                ends_with_newline,
                ..
            } => {
                let made = self.create(body, part, place, lines.clone(), *ends_with_newline)?;
                Ok(whole(made.err()))
            }
            What::Hunks { hunks, .. } => self.hunks(body, part, place, hunks),
            What::Search { alternatives, .. } => self.search(body, part, place, alternatives),
            What::Delete { hunks, .. } => Ok(whole(self.delete(body, part, place, hunks)?.err())),
            What::Rename { hunks, .. } => {
                let steps = self.take_over(body, part, place, hunks, "rename")?;
                if steps.iter().all(|step| step.why.is_none()) {
                    let source = self.files.at(&place.from)?;
                    source.put(Now::Missing);
                    source.receipt = None;
                }
                Ok(steps)
            }
            What::Copy { hunks, .. } => self.take_over(body, part, place, hunks, "copy"),
        }
    }

    /// Whether the file is not there, or is empty.
    fn is_blank(&mut self, place: &Place) -> Result<bool, BaseError> {
        let file = self.files.at(&place.from)?;
        Ok(match &file.now {
            Now::Missing => true,
            Now::Bytes(bytes) => bytes.is_empty(),
            Now::Text(text) => text.lines.is_empty(),
            Now::Other(_) => false,
        })
    }

    fn create(
        &mut self,
        body: &Body<'_>,
        part: &FileEdit<'_>,
        place: &Place,
        lines: Vec<&str>,
        is_ended: bool,
    ) -> Result<Result<(), Why>, BaseError> {
        if let Some(why) = elided(place.target(), lines.iter().copied(), &[]) {
            return Ok(Err(why));
        }
        let mut content = lines.join("\n");
        if is_ended && !lines.is_empty() {
            content.push('\n');
        }
        let is_blank = self.is_blank(place)?;
        let file = self.files.at(&place.from)?;
        let is_same = matches!(&file.now, Now::Bytes(bytes) if *bytes == content.as_bytes());
        if !is_blank && !is_same {
            let message = "the file that this makes is there already: edit it, or send it whole";
            return Ok(Err(Why::edit(EditCode::EditExists, message)));
        }
        file.executable |= part.executable.unwrap_or_else(|| content.starts_with("#!"));
        file.put(Now::Bytes(content.into_bytes()));
        let receipt = Receipt::of_edit(&place.from, "write", body, &part.lines);
        file.receipt = Some(receipt);
        Ok(Ok(()))
    }

    fn hunks(
        &mut self,
        body: &Body<'_>,
        part: &FileEdit<'_>,
        place: &Place,
        hunks: &[Hunk<'_>],
    ) -> Result<Vec<Step>, BaseError> {
        let step = |lines: &Range<usize>, why: Option<Why>| Step {
            path: place.from.clone(),
            lines: lines.clone(),
            why,
        };
        if let Some(why) = self.not_there(&place.from)? {
            return Ok(vec![step(&part.lines, Some(why))]);
        }
        let bench = &mut self.bench;
        let file = self.files.at(&place.from)?;
        if let Some(why) = wrong_mode(part, file.executable) {
            return Ok(vec![step(&part.lines, Some(why))]);
        }
        let mut steps = Vec::new();
        if hunks.is_empty() {
            // A change of the mode alone.
            let now = std::mem::replace(&mut file.now, Now::Missing);
            file.put(now);
            steps.push(step(&part.lines, None));
        } else {
            let text = match text(file, &mut bench.numbers) {
                Ok(text) => text,
                Err(why) => return Ok(vec![step(&part.lines, Some(why))]),
            };
            let outcomes = apply_hunks(bench, text, hunks, &|hunk| elided_hunk(&place.from, hunk));
            let receipts = receipts(body, hunks, &outcomes);
            if outcomes.iter().any(Result::is_ok) {
                file.touch();
                file.add_edits(body, receipts);
            }
            for (hunk, outcome) in hunks.iter().zip(outcomes) {
                steps.push(step(&hunk.lines, outcome.err()));
            }
        }
        file.executable |= part.executable.unwrap_or(false);
        if file.receipt.is_none() {
            file.receipt = Some(Receipt::of_edit(&place.from, "edit", body, &part.lines));
        }
        Ok(steps)
    }

    fn search(
        &mut self,
        body: &Body<'_>,
        part: &FileEdit<'_>,
        place: &Place,
        alternatives: &[Hunk<'_>],
    ) -> Result<Vec<Step>, BaseError> {
        let step = |why: Option<Why>| {
            vec![Step {
                path: place.from.clone(),
                lines: part.lines.clone(),
                why,
            }]
        };
        if let Some(why) = self.not_there(&place.from)? {
            return Ok(step(Some(why)));
        }
        if is_blank_search(alternatives) {
            let message = "nothing is searched for, which makes a new file, and this one is there and not empty: say \
                           which lines are replaced";
            return Ok(step(Some(Why::edit(EditCode::EditExists, message))));
        }
        let bench = &mut self.bench;
        let file = self.files.at(&place.from)?;
        let text = match text(file, &mut bench.numbers) {
            Ok(text) => text,
            Err(why) => return Ok(step(Some(why))),
        };
        let found = apply_search(bench, text, alternatives, &|hunk| {
            elided_hunk(&place.from, hunk)
        });
        match found {
            Err(why) => Ok(step(Some(why))),
            Ok(found) => {
                file.touch();
                let receipt = EditReceipt::new(body, &part.lines, &found);
                file.add_edits(body, vec![receipt]);
                Ok(step(None))
            }
        }
    }

    fn delete(
        &mut self,
        body: &Body<'_>,
        part: &FileEdit<'_>,
        place: &Place,
        hunks: &[Hunk<'_>],
    ) -> Result<Result<(), Why>, BaseError> {
        if let Some(why) = self.not_there(&place.from)? {
            return Ok(Err(why));
        }
        let bench = &mut self.bench;
        let file = self.files.at(&place.from)?;
        if !hunks.is_empty() {
            let mut copy = match text(file, &mut bench.numbers) {
                Ok(text) => text.clone(),
                Err(why) => return Ok(Err(why)),
            };
            if let Some(Err(why)) = first_miss(apply_hunks(bench, &mut copy, hunks, &|_| None)) {
                return Ok(Err(why));
            }
            if !copy.lines.is_empty() {
                let message = format!(
                    "the diff deletes the file and removes all but {} of its lines: to delete it, send an empty block `delete:{}`",
                    copy.lines.len(),
                    place.from
                );
                return Ok(Err(Why::edit(EditCode::EditNotFound, message)));
            }
        }
        file.put(Now::Missing);
        file.receipt = Some(Receipt::of_edit(&place.from, "delete", body, &part.lines));
        Ok(Ok(()))
    }

    /// A file under another name, with hunks: all of it or nothing.
    fn take_over(
        &mut self,
        body: &Body<'_>,
        part: &FileEdit<'_>,
        place: &Place,
        hunks: &[Hunk<'_>],
        action: &str,
    ) -> Result<Vec<Step>, BaseError> {
        let target = place.target().clone();
        let step = |lines: &Range<usize>, why: Option<Why>| Step {
            path: target.clone(),
            lines: lines.clone(),
            why,
        };
        let refuse = |why: Why| Ok(vec![step(&part.lines, Some(why))]);
        if let Some(why) = self.not_there(&place.from)? {
            return refuse(why);
        }
        if target == place.from || self.files.at(&target)?.is_there() {
            let message =
                "the new name is taken already: delete that file first, or choose another name";
            return refuse(Why::edit(EditCode::EditExists, message));
        }
        let bench = &mut self.bench;
        let source = self.files.at(&place.from)?;
        let executable = source.executable;
        let (now, receipts) = match (&source.now, hunks) {
            (Now::Other(_), _) => {
                let message = "what is at this path is no regular file";
                return refuse(Why::edit(EditCode::EditUnsupported, message));
            }
            (Now::Bytes(bytes), []) => (Now::Bytes(bytes.clone()), Vec::new()),
            _ => {
                let mut copy: Text = match text(source, &mut bench.numbers) {
                    Ok(text) => text.clone(),
                    Err(why) => return refuse(why),
                };
                let outcomes =
                    apply_hunks(bench, &mut copy, hunks, &|hunk| elided_hunk(&target, hunk));
                if outcomes.iter().any(Result::is_err) {
                    let steps = hunks.iter().zip(outcomes);
                    return Ok(steps
                        .map(|(hunk, outcome)| step(&hunk.lines, outcome.err()))
                        .collect());
                }
                let receipts = receipts(body, hunks, &outcomes);
                (Now::Text(copy), receipts)
            }
        };
        let file = self.files.at(&target)?;
        file.put(now);
        file.executable = part.executable.unwrap_or(executable);
        file.receipt = Some(Receipt {
            from: Some(place.from.as_str().to_owned()),
            edits: receipts,
            ..Receipt::of_edit(&target, action, body, &part.lines)
        });
        Ok(vec![step(&part.lines, None)])
    }

    /// Why the file cannot be edited, when it is not there: with the names that resemble it.
    fn not_there(&mut self, path: &RelPath) -> Result<Option<Why>, BaseError> {
        if self.files.at(path)?.is_there() {
            return Ok(None);
        }
        let alike = nearest::paths(path.as_str(), &self.files.base_paths()?);
        let hint = match alike.as_slice() {
            [] => "to make it, send it whole".to_owned(),
            paths => format!("did you mean {}?", paths.join(", ")),
        };
        let message = format!("{path} is not there, so it cannot be edited: {hint}");
        Ok(Some(Why::edit(EditCode::EditNoFile, message)))
    }
}

fn first_miss(outcomes: Outcomes) -> Option<Result<find::Place, Why>> {
    outcomes.into_iter().find(Result::is_err)
}

fn receipts(body: &Body<'_>, hunks: &[Hunk<'_>], outcomes: &Outcomes) -> Vec<EditReceipt> {
    let pairs = hunks.iter().zip(outcomes);
    pairs
        .filter_map(|(hunk, outcome)| {
            Some(EditReceipt::new(body, &hunk.lines, outcome.as_ref().ok()?))
        })
        .collect()
}

fn adds_only(hunk: &Hunk<'_>) -> bool {
    hunk.without_tail(hunk.bare_tail).old.is_empty()
}

fn new_lines<'t>(hunk: &Hunk<'t>) -> Vec<&'t str> {
    let hunk = hunk.without_tail(hunk.bare_tail);
    let lines = hunk.new.iter().map(|line| match *line {
        NewLine::Add(line) => line,
        NewLine::Keep(at) => hunk.old[at],
    });
    lines.collect()
}

/// Whether nothing is searched for.
fn is_blank_search(alternatives: &[Hunk<'_>]) -> bool {
    matches!(alternatives, [one] if one.old.iter().all(|line| line.trim().is_empty()))
}

fn wrong_mode(part: &FileEdit<'_>, executable: bool) -> Option<Why> {
    (part.executable == Some(false) && executable).then(|| {
        let message =
            "a program's executable bit is not taken away by a reply: leave the mode as it is";
        Why::edit(EditCode::EditUnsupported, message)
    })
}

impl Why {
    pub(super) fn problem(problem: &crate::edit::Problem) -> Why {
        let code = match problem.is_unsupported {
            true => EditCode::EditUnsupported,
            false => EditCode::EditMalformed,
        };
        Why {
            path: problem.path.clone(),
            ..Why::edit(code, problem.message.clone())
        }
    }
}
