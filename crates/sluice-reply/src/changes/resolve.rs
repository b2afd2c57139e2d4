//! Goes through a reply block by block and does what each says to the files of the base.

use std::collections::{HashMap, HashSet};

use sluice_path::RelPath;

use super::body::Body;
use super::files::{Files, Now};
use super::hunks::Bench;
use super::kept::{Kept, Key, hunk_key, is_only_edits, part_key};
use super::part::{Desk, Place, Step};
use super::receipt::Receipt;
use super::refused::Why;
use super::{Base, BaseError, EditOutcome, EditState, Refused, Resolved, Taker};
use crate::edit::{self, FileEdit, Part, What};
use crate::{Code, Deletion, EditBlock, FileBlock, Reply, Warning};

/// One thing that a reply says. An edit has the index of its block, its line, and what it says.
enum Item<'r> {
    File(&'r FileBlock),
    Deletion(&'r Deletion),
    Edit(usize, usize, Part<'r>),
}

impl Item<'_> {
    /// The line of the reply where it starts, from 1.
    fn line(&self) -> usize {
        match self {
            Item::File(file) => file.lines.0,
            Item::Deletion(deletion) => deletion.lines.0,
            Item::Edit(_, line, _) => *line,
        }
    }
}

/// Decides what a reply changes on a base.
///
/// # Errors
/// The base's own.
pub fn resolve(reply: &Reply, base: &dyn Base, taker: Taker) -> Result<Resolved, BaseError> {
    resolve_once(&Kept::default(), reply, base, taker)
}

/// The same for a reply that mends what did not fit of replies before: what is kept of them is done already, and an edit
/// that says the same is not done twice. A reply that fits on the base alone, and not on what is kept, says all anew.
///
/// # Errors
/// The base's own.
pub fn resolve_after(
    kept: &Kept,
    reply: &Reply,
    base: &dyn Base,
    taker: Taker,
) -> Result<Resolved, BaseError> {
    let resolved = resolve_once(kept, reply, base, taker)?;
    if kept.is_empty() || resolved.refused.is_empty() {
        return Ok(resolved);
    }
    let anew = resolve(reply, base, taker)?;
    Ok(match anew.refused.is_empty() {
        true => anew,
        false => resolved,
    })
}

fn resolve_once(
    kept: &Kept,
    reply: &Reply,
    base: &dyn Base,
    taker: Taker,
) -> Result<Resolved, BaseError> {
    let mut work = Work {
        desk: Desk {
            files: Files::new(base, kept)?,
            bench: Bench::new(),
        },
        taker,
        said: kept.said.clone(),
        is_kept: &kept.said,
        last_whole: last_whole(reply),
        out: Resolved::default(),
    };
    work.warnings(reply)?;
    let mut items: Vec<Item<'_>> = Vec::new();
    items.extend(
        reply
            .files
            .iter()
            .filter(|file| file.complete)
            .map(Item::File),
    );
    items.extend(reply.deletions.iter().map(Item::Deletion));
    let whole = reply.edits.iter().filter(|block| block.complete);
    let bodies: Vec<Body<'_>> = whole.map(Body::new).collect();
    for (index, body) in bodies.iter().enumerate() {
        let block = body.block;
        let named = block.path.as_ref().map(RelPath::as_str);
        let parts = edit::read(block.kind, &block.text, named);
        if parts.is_empty() {
            work.refuse_block(block);
        }
        items.extend(parts.into_iter().map(|part| {
            let start = match &part {
                Ok(part) => part.lines.start,
                Err(problem) => problem.lines.start,
            };
            Item::Edit(index, body.line(start), part)
        }));
    }
    items.sort_by_key(Item::line);
    // What only talks does not bring in what is kept.
    let says_nothing = items.is_empty();
    for item in items {
        match item {
            Item::File(file) => work.file(file)?,
            Item::Deletion(deletion) => work.deletion(deletion)?,
            Item::Edit(index, _, part) => work.edit(&bodies[index], part)?,
        }
    }
    let mut out = work.out;
    out.refused.sort_by_key(|one| one.line);
    if says_nothing {
        return Ok(out);
    }
    let finished = work.desk.files.finish();
    (out.changes, out.receipts) = (finished.changes, finished.receipts);
    if is_only_edits(&out.refused) && !finished.all.is_empty() {
        out.kept = Some(Kept {
            files: finished.all,
            said: work.said,
        });
    }
    Ok(out)
}

/// Where each path is last set or deleted as a whole.
fn last_whole(reply: &Reply) -> HashMap<String, usize> {
    let files = reply.files.iter().filter(|file| file.complete);
    let files = files.map(|file| (file.path.as_str(), file.lines.0));
    let deletions = reply
        .deletions
        .iter()
        .map(|one| (one.path.as_str(), one.lines.0));
    let mut last = HashMap::new();
    for (path, line) in files.chain(deletions) {
        let known = last.entry(path.to_owned()).or_insert(line);
        *known = line.max(*known);
    }
    last
}

struct Work<'b> {
    desk: Desk<'b>,
    taker: Taker,
    last_whole: HashMap<String, usize>,
    /// The edits of replies before.
    is_kept: &'b HashSet<Key>,
    /// The same, and those of this reply that fit.
    said: HashSet<Key>,
    out: Resolved,
}

impl Work<'_> {
    /// What the parser has said already and what stands in the way.
    fn warnings(&mut self, reply: &Reply) -> Result<(), BaseError> {
        let is_whole = |path: &str| {
            let mut files = reply.files.iter();
            files.any(|file| file.complete && file.path.as_str() == path)
        };
        let is_edit = |line: usize| reply.edits.iter().any(|edit| edit.lines.0 == line);
        // An edit that no block holds does no harm where the file comes whole in another place.
        let is_superseded = |warning: &Warning| {
            let mut files = reply.files.iter().filter(|file| file.complete);
            files.any(|file| {
                warning.path.as_deref() == Some(file.path.as_str())
                    && !(file.lines.0..=file.lines.1).contains(&warning.line)
            })
        };
        for warning in &reply.warnings {
            let path = warning.path.as_deref();
            let refuses = match warning.code {
                Code::PathRejected | Code::PathConflict => true,
                // One that stands where nothing reads it.
                Code::DiffSkipped | Code::EditBlockSkipped => {
                    !is_edit(warning.line) && !is_superseded(warning)
                }
                // A whole block for the same path outranks the one that was cut off, if it is one of the file.
                Code::Truncated => is_edit(warning.line) || !path.is_some_and(is_whole),
                Code::PlaceholderElision => match self.taker {
                    Taker::Gate => true,
                    Taker::Folder => match path.map(RelPath::parse) {
                        Some(Ok(path)) => self.desk.files.at(&path)?.is_there(),
                        _ => true,
                    },
                },
                _ => false,
            };
            if refuses {
                self.refuse_warned(warning)?;
            }
        }
        Ok(())
    }

    fn refuse_warned(&mut self, warning: &Warning) -> Result<(), BaseError> {
        let mend = match (warning.code, self.taker) {
            (Code::PlaceholderElision, Taker::Gate) => "; write out every line of the file",
            (Code::PlaceholderElision, Taker::Folder) => {
                "; the file is there already and would lose that part: write out every line"
            }
            (Code::Truncated, Taker::Gate) => "; send the file again, whole",
            _ => "",
        };
        // What is refused is not written, also where the rest is.
        if matches!(
            warning.code,
            Code::PlaceholderElision | Code::EditBlockSkipped
        ) && let Some(Ok(path)) = warning.path.as_deref().map(RelPath::parse)
        {
            self.desk.files.at(&path)?.is_tainted = true;
        }
        self.out.refused.push(Refused {
            code: warning.code.as_str(),
            reason: warning.reason,
            path: warning.path.clone(),
            message: format!("{}{mend}", warning.message),
            line: warning.line,
            nearest: None,
        });
        Ok(())
    }

    fn refuse(&mut self, path: Option<&RelPath>, line: usize, why: Why) -> Result<(), BaseError> {
        if let Some(path) = path {
            self.desk.files.at(path)?.is_tainted = true;
        }
        self.out.refused.push(Refused {
            code: why.code,
            reason: why.reason,
            path: path.map(|path| path.as_str().to_owned()).or(why.path),
            message: why.message,
            line,
            nearest: why.nearest.map(|nearest| *nearest),
        });
        Ok(())
    }

    fn refuse_block(&mut self, block: &EditBlock) {
        self.out.refused.push(Refused {
            code: super::EditCode::EditMalformed.as_str(),
            reason: None,
            path: block.path.as_ref().map(|path| path.as_str().to_owned()),
            message: "the block looks like an edit and says none: send the whole file".to_owned(),
            line: block.lines.0,
            nearest: None,
        });
    }

    fn file(&mut self, block: &FileBlock) -> Result<(), BaseError> {
        let file = self.desk.files.at(&block.path)?;
        if block.inferred && (file.is_there() || block.path.is_sensitive()) {
            let why = Why::warned(
                Code::PathInferred,
                "its path is only a guess, and a guess neither overwrites a file nor takes a protected path; name the \
                 path in the block's info string (`language:path`)",
            );
            let path = block.path.clone();
            return self.refuse(Some(&path), block.lines.0, why);
        }
        file.put(Now::Bytes(block.content.clone().into_bytes()));
        file.executable |= block.content.starts_with("#!");
        file.receipt = Some(Receipt::of_block(
            &block.path,
            "write",
            block.source.as_str(),
            block.lines,
            &block.bytes,
        ));
        Ok(())
    }

    fn deletion(&mut self, deletion: &Deletion) -> Result<(), BaseError> {
        let taker = self.taker;
        let file = self.desk.files.at(&deletion.path)?;
        if taker == Taker::Gate && !file.is_there() && !file.was_there {
            let why = Why {
                code: "delete_missing",
                ..Why::edit(
                    super::EditCode::EditNoFile,
                    format!("{} cannot be deleted: it does not exist", deletion.path),
                )
            };
            return self.refuse(Some(&deletion.path), deletion.lines.0, why);
        }
        file.put(Now::Missing);
        file.receipt = Some(Receipt::of_block(
            &deletion.path,
            "delete",
            "info-string",
            deletion.lines,
            &deletion.bytes,
        ));
        Ok(())
    }

    fn edit(&mut self, body: &Body<'_>, part: Part<'_>) -> Result<(), BaseError> {
        let part = match part {
            Ok(part) => part,
            Err(problem) => {
                let line = body.line(problem.lines.start);
                let path = problem.path.as_deref().or(body
                    .block
                    .path
                    .as_ref()
                    .map(RelPath::as_str));
                let path = path.and_then(|path| RelPath::parse(path).ok());
                self.outcome(body, path.as_ref(), &problem.lines, EditState::Refused);
                return self.refuse(path.as_ref(), line, Why::problem(&problem));
            }
        };
        let line = body.line(part.lines.start);
        let place = match Place::of(&part.what, &mut self.desk.files)? {
            Ok(place) => place,
            Err(why) => {
                self.outcome(body, None, &part.lines, EditState::Refused);
                return self.refuse(None, line, why);
            }
        };
        let is_superseded = |path: &RelPath| {
            let last = self.last_whole.get(path.as_str());
            last.is_some_and(|last| *last > line)
        };
        if place.paths().all(is_superseded) {
            self.outcome(
                body,
                Some(place.target()),
                &part.lines,
                EditState::Superseded,
            );
            return Ok(());
        }
        let Some(part) = self.without_kept(body, part, &place) else {
            return Ok(());
        };
        let steps = self.desk.apply(body, &part, &place)?;
        self.note_said(&part, &place, &steps);
        for Step { path, lines, why } in steps {
            match why {
                None => self.outcome(body, Some(&path), &lines, EditState::Matched),
                Some(why) => {
                    self.outcome(body, Some(&path), &lines, EditState::Refused);
                    let line = body.line(lines.start);
                    // A file that was to be renamed stays what it is.
                    for other in place.paths() {
                        self.desk.files.at(other)?.is_tainted = true;
                    }
                    self.refuse(Some(&path), line, why)?;
                }
            }
        }
        Ok(())
    }

    /// What of a part was not said before; the rest is done. A file that this reply sets as a whole starts anew.
    fn without_kept<'r>(
        &mut self,
        body: &Body<'_>,
        mut part: FileEdit<'r>,
        place: &Place,
    ) -> Option<FileEdit<'r>> {
        let target = place.target();
        if self.is_kept.is_empty() || self.last_whole.contains_key(target.as_str()) {
            return Some(part);
        }
        let mut done = Vec::new();
        let mut is_left = true;
        if self.is_kept.contains(&part_key(&part, place.paths())) {
            done.push(part.lines.clone());
            is_left = false;
        } else if let What::Hunks { hunks, .. } = &mut part.what {
            hunks.retain(|hunk| {
                let is_done = self.is_kept.contains(&hunk_key(target, hunk));
                done.extend(is_done.then(|| hunk.lines.clone()));
                !is_done
            });
            is_left = done.is_empty() || !hunks.is_empty();
        }
        for lines in &done {
            self.outcome(body, Some(target), lines, EditState::Kept);
        }
        is_left.then_some(part)
    }

    /// Remembers what fitted of a part.
    fn note_said(&mut self, part: &FileEdit<'_>, place: &Place, steps: &[Step]) {
        match &part.what {
            What::Hunks { hunks, .. } if steps.len() == hunks.len() => {
                let fitting = hunks
                    .iter()
                    .zip(steps)
                    .filter(|(_, step)| step.why.is_none());
                let keys = fitting.map(|(hunk, _)| hunk_key(place.target(), hunk));
                self.said.extend(keys);
            }
            _ if steps.iter().all(|step| step.why.is_none()) => {
                self.said.insert(part_key(part, place.paths()));
            }
            _ => {}
        }
    }

    fn outcome(
        &mut self,
        body: &Body<'_>,
        path: Option<&RelPath>,
        lines: &std::ops::Range<usize>,
        state: EditState,
    ) {
        self.out.edits.push(EditOutcome {
            path: path.map(|path| path.as_str().to_owned()),
            kind: body.block.kind,
            lines: body.lines_of(lines),
            state,
        });
    }
}
