//! Puts the blocks of a reply together: duplicates, conflicts, inference, warnings.

use std::collections::{HashMap, HashSet};

use sluice_path::RelPath;

use crate::block::{self, Block};
use crate::infer::{self, Candidate};
use crate::language::{Kind, is_markdown, kind};
use crate::scan::{Fence, Scan};
use crate::stray::{self, Stray};
use crate::{Code, Deletion, EditBlock, EditKind, FileBlock, Reply, Source, Warning, elision};

/// Something that happens to one path.
enum Change {
    /// With what is to be said of its content.
    File(FileBlock, Vec<Warning>),
    Deletion(Deletion),
}

impl Change {
    fn path(&self) -> &RelPath {
        match self {
            Change::File(file, _) => &file.path,
            Change::Deletion(deletion) => &deletion.path,
        }
    }

    fn line(&self) -> usize {
        match self {
            Change::File(file, _) => file.lines.0,
            Change::Deletion(deletion) => deletion.lines.0,
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Change::File(file, _) => file.complete,
            Change::Deletion(_) => true,
        }
    }
}

/// Makes a reply of the scanned blocks.
pub(crate) fn assemble(scan: Scan<'_>) -> Reply {
    let mut reply = Reply {
        blocks: scan.fences.len(),
        ..Reply::default()
    };
    let mut warnings = Vec::new();
    if let Some(line) = scan.endless_thought {
        warnings.push(Warning::new(
            Code::Truncated,
            line,
            None,
            "the reply ends while the model is thinking: ask for the rest",
        ));
    }
    warnings.extend(scan.swallowed.into_iter().map(swallowed));
    warnings.extend(scan.strays.iter().map(Stray::warning));
    let mut changes = Vec::new();
    let mut unlabelled = Vec::new();
    for fence in scan.fences {
        let (block, language) = block::read(&fence, &mut warnings);
        note_fence(&fence, &block, &mut warnings);
        match block {
            Block::File {
                path,
                source,
                marker,
            } => changes.push(noted(file(fence, language, path, source, marker))),
            Block::Deletion { path } => changes.push(Change::Deletion(Deletion {
                path,
                lines: fence.lines,
                bytes: fence.body,
            })),
            Block::Edit { path, source, kind } => reply.edits.push(edit(fence, path, source, kind)),
            Block::Unlabelled => unlabelled.push((fence, language)),
            Block::Nothing => {}
        }
    }
    infer_paths(unlabelled, &mut changes, &mut warnings);
    changes.sort_by_key(Change::line);
    let changes = last_of_each(changes, &mut warnings);
    for change in without_conflicts(changes, &mut warnings) {
        match change {
            Change::File(file, notes) => {
                warnings.extend(notes);
                reply.files.push(file);
            }
            Change::Deletion(deletion) => {
                warnings.extend(sensitive(&deletion.path, deletion.lines.0));
                reply.deletions.push(deletion);
            }
        }
    }
    warnings.sort_by_key(|warning| warning.line);
    reply.warnings = warnings;
    reply
}

/// A warning about a fence on this line, which is text of an HTML block.
pub(crate) fn swallowed(line: usize) -> Warning {
    let message =
        "an HTML block swallows this block: put a blank line between the tag and the fence";
    Warning::new(Code::NoPath, line, None, message)
}

pub(crate) fn edit(
    fence: Fence<'_>,
    path: Option<RelPath>,
    source: Option<Source>,
    kind: EditKind,
) -> EditBlock {
    EditBlock {
        path,
        source,
        kind,
        text: fence.content.into_owned(),
        complete: fence.closed,
        lines: fence.lines,
        bytes: fence.body,
    }
}

pub(crate) fn file(
    fence: Fence<'_>,
    language: String,
    path: RelPath,
    source: Source,
    marker: Option<std::ops::Range<usize>>,
) -> FileBlock {
    let mut content = fence.content.into_owned();
    if let Some(marker) = marker {
        content.replace_range(marker, "");
    }
    FileBlock {
        path,
        language,
        content,
        complete: fence.closed,
        inferred: source == Source::Inferred,
        source,
        lines: fence.lines,
        bytes: fence.body,
    }
}

/// Warns about where a block ends.
pub(crate) fn note_fence(fence: &Fence<'_>, block: &Block, warnings: &mut Vec<Warning>) {
    let path = match block {
        Block::File { path, .. } => Some(path.as_str()),
        Block::Edit { path, .. } => path.as_ref().map(|path| path.as_str()),
        Block::Deletion { .. } | Block::Unlabelled | Block::Nothing => None,
    };
    if fence.ambiguous {
        let message = "fences inside this block are as long as its own: open and close the outer block with a longer fence";
        warnings.push(Warning::new(
            Code::AmbiguousNesting,
            fence.lines.0,
            path,
            message,
        ));
    }
    if !fence.closed {
        let message = format!(
            "the block was never closed and is not written: continue it from line {}",
            fence.lines.1
        );
        warnings.push(Warning::new(Code::Truncated, fence.lines.0, path, message));
    }
}

/// Looks at a file as soon as it is there: its content is still in the processor's cache.
fn noted(file: FileBlock) -> Change {
    let mut notes = Vec::new();
    note_file(&file, &mut notes);
    Change::File(file, notes)
}

/// Warns about what a file is.
pub(crate) fn note_file(file: &FileBlock, warnings: &mut Vec<Warning>) {
    warnings.extend(sensitive(&file.path, file.lines.0));
    if kind(&file.language) != Kind::Markdown
        && let Some(line) = elision::first_elision(&file.language, &file.content)
    {
        let message = "content was left out here: send the whole file";
        warnings.push(Warning::new(
            Code::PlaceholderElision,
            file.lines.0 + 1 + line,
            Some(file.path.as_str()),
            message,
        ));
    }
    if kind(&file.language) != Kind::Markdown
        && !is_markdown(file.path.as_str())
        && let Some(line) = stray::search_inside(&file.content)
    {
        let message = "a SEARCH/REPLACE block stands inside of a whole file: put it into a fenced block of its own; a file \
                       that is to hold such marks can be sent as a diff";
        warnings.push(Warning::new(
            Code::EditBlockSkipped,
            file.lines.0 + 1 + line,
            Some(file.path.as_str()),
            message,
        ));
    }
}

fn sensitive(path: &RelPath, line: usize) -> Option<Warning> {
    let message = "this file steers tools or holds secrets: a person should look at it";
    path.is_sensitive()
        .then(|| Warning::new(Code::SensitivePath, line, Some(path.as_str()), message))
}

/// Gives paths to blocks without one where their content leaves no doubt.
fn infer_paths(
    unlabelled: Vec<(Fence<'_>, String)>,
    changes: &mut Vec<Change>,
    warnings: &mut Vec<Warning>,
) {
    if unlabelled.is_empty() {
        return;
    }
    let candidates: Vec<Candidate<'_>> = unlabelled
        .iter()
        .map(|(fence, language)| Candidate {
            language,
            content: &fence.content,
            complete: fence.closed,
        })
        .collect();
    let labelled: Vec<(&str, &str)> = changes
        .iter()
        .filter_map(|change| match change {
            Change::File(file, _) => Some((file.path.as_str(), file.content.as_str())),
            Change::Deletion(_) => None,
        })
        .collect();
    let paths = infer::infer(&candidates, &labelled);
    let mut taken: HashSet<String> = changes
        .iter()
        .map(|change| change.path().collision_key())
        .collect();
    for ((fence, language), path) in unlabelled.into_iter().zip(paths) {
        let line = fence.lines.0;
        let path = path
            .and_then(|path| RelPath::parse(&path).ok())
            .filter(|path| !path.is_sensitive());
        match path {
            Some(path) if taken.insert(path.collision_key()) => {
                let message = format!(
                    "nothing names this block; by its content it is `{path}`: name it to be sure"
                );
                warnings.push(Warning::new(
                    Code::PathInferred,
                    line,
                    Some(path.as_str()),
                    message,
                ));
                changes.push(noted(file(fence, language, path, Source::Inferred, None)));
            }
            _ => {
                let message = "nothing names this block, so it is no file: put `language:path` into its info string";
                warnings.push(Warning::new(Code::NoPath, line, None, message));
            }
        }
    }
}

/// Keeps the last change of each path; one that is complete outranks one that is not.
fn last_of_each(changes: Vec<Change>, warnings: &mut Vec<Warning>) -> Vec<Change> {
    let mut winners: HashMap<&str, usize> = HashMap::with_capacity(changes.len());
    let mut kept = vec![true; changes.len()];
    for (at, change) in changes.iter().enumerate() {
        let path = change.path().as_str();
        let Some(before) = winners.insert(path, at) else {
            continue;
        };
        let wins = change.is_complete() || !changes[before].is_complete();
        warnings.push(duplicate(change.path(), change.line(), wins));
        if wins {
            kept[before] = false;
        } else {
            kept[at] = false;
            winners.insert(path, before);
        }
    }
    let mut kept = kept.into_iter();
    let mut changes = changes;
    changes.retain(|_| kept.next().unwrap_or(true));
    changes
}

/// A warning about a path that came before; `wins`: the block on this line counts.
pub(crate) fn duplicate(path: &RelPath, line: usize, wins: bool) -> Warning {
    let message = if wins {
        "this path came before: the last one counts"
    } else {
        "this path came before: that block is complete and this one is not"
    };
    Warning::new(Code::DuplicatePath, line, Some(path.as_str()), message)
}

/// What a name stands for, where case does not count.
enum Named {
    File(String),
    Folder,
}

/// Drops what would need a file and a folder of one name, and warns about names that differ in case only.
fn without_conflicts(changes: Vec<Change>, warnings: &mut Vec<Warning>) -> Vec<Change> {
    let mut names: HashMap<String, Named> = HashMap::with_capacity(changes.len());
    let mut kept = Vec::with_capacity(changes.len());
    for change in changes {
        if let Change::Deletion(_) = change {
            kept.push(change);
            continue;
        }
        let key = change.path().collision_key();
        let path = change.path().as_str();
        // A folder that is known has only folders above it.
        let above = || key.rmatch_indices('/').map(|(at, _)| &key[..at]);
        let unknown =
            above().take_while(|folder| !matches!(names.get(*folder), Some(Named::Folder)));
        let mut unknown: Vec<&str> = unknown.collect();
        unknown.reverse();
        let file_above = unknown.iter().find(|folder| names.contains_key(**folder));
        let message = match (file_above, names.get(&key)) {
            (Some(file), _) => format!(
                "`{file}` is a file in this reply and cannot be a folder: this file is dropped"
            ),
            (None, Some(Named::Folder)) => {
                "this is a folder in this reply and cannot be a file: this file is dropped"
                    .to_owned()
            }
            (None, other) => {
                if let Some(Named::File(other)) = other {
                    let message = format!(
                        "`{other}` and `{path}` are one file where case does not count: rename one"
                    );
                    let code = Code::CaseCollision;
                    warnings.push(Warning::new(code, change.line(), Some(path), message));
                }
                for folder in unknown {
                    names.insert(folder.to_owned(), Named::Folder);
                }
                let path = path.to_owned();
                names.insert(key, Named::File(path));
                kept.push(change);
                continue;
            }
        };
        let code = Code::PathConflict;
        warnings.push(Warning::new(code, change.line(), Some(path), message));
    }
    kept
}
