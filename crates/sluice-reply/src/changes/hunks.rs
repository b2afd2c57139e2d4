//! Applies hunks and searches to one text, each at the one place that it means.

use super::find::{Budget, Found, Place, find};
use super::nearest::nearest;
use super::refused::{EditCode, Why};
use super::splice::{overlap, splices, unended};
use super::text::{Numbers, Text};
use crate::edit::Hunk;

/// How many misses are told with the nearest lines.
const MISSES_SHOWN: usize = 12;

/// What is shared by all edits of one reply.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) numbers: Numbers,
    budget: Budget,
    misses: usize,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench {
            numbers: Numbers::default(),
            budget: Budget::REPLY,
            misses: 0,
        }
    }
}

/// What became of each hunk, in their order.
pub(crate) type Outcomes = Vec<Result<Place, Why>>;

/// Applies the hunks of one diff, but those that there is an objection to. They all relate
/// to the text as it is before. Those that have no place are left out.
pub(crate) fn apply_hunks(
    bench: &mut Bench,
    text: &mut Text,
    hunks: &[Hunk<'_>],
    objection: &dyn Fn(&Hunk<'_>) -> Option<Why>,
) -> Outcomes {
    let mut outcomes: Outcomes = Vec::with_capacity(hunks.len());
    let mut all = Vec::new();
    let mut ends = None;
    for (index, hunk) in hunks.iter().enumerate() {
        let outcome = place(bench, text, hunk);
        let outcome = outcome.and_then(|place| {
            if let Some(why) = objection(hunk) {
                return Err(why);
            }
            let splices = splices(text, hunk, &place).ok_or_else(too_shallow)?;
            ends = unended(text, hunk, &place).or(ends);
            all.push((index, splices));
            Ok(place)
        });
        outcomes.push(outcome);
    }
    while let Some((first, second)) = overlap(&all) {
        let other = hunks[first].lines.start.abs_diff(hunks[second].lines.start);
        let message = format!(
            "it changes lines that the hunk {other} lines before changes as well: make one hunk of both"
        );
        outcomes[second] = Err(Why::edit(EditCode::EditAmbiguous, message));
        all.retain(|(index, _)| *index != second);
    }
    let all = all.into_iter().flat_map(|(_, splices)| splices).collect();
    text.splice(all, ends, &mut bench.numbers);
    outcomes
}

/// Applies a search and its replacement. Of several ways to read it, the one with the longest search that has one place
/// counts.
pub(crate) fn apply_search(
    bench: &mut Bench,
    text: &mut Text,
    alternatives: &[Hunk<'_>],
    objection: &dyn Fn(&Hunk<'_>) -> Option<Why>,
) -> Result<Place, Why> {
    let mut why = None;
    for hunk in alternatives.iter().rev() {
        match place(bench, text, hunk) {
            Ok(place) => {
                if let Some(why) = objection(hunk) {
                    return Err(why);
                }
                let splices = splices(text, hunk, &place).ok_or_else(too_shallow)?;
                text.splice(splices, None, &mut bench.numbers);
                return Ok(place);
            }
            // The shortest is the likeliest of those that fit nowhere.
            Err(reason) => why = Some(reason),
        }
    }
    Err(why.unwrap_or_else(|| Why::edit(EditCode::EditMalformed, "it looks for nothing")))
}

fn too_shallow() -> Why {
    Why::edit(
        EditCode::EditNotFound,
        "its lines are indented deeper than the file's, and a new line less than that: give the lines the file's indent",
    )
}

fn place(bench: &mut Bench, text: &Text, hunk: &Hunk<'_>) -> Result<Place, Why> {
    if hunk.without_tail(hunk.bare_tail).old.is_empty()
        && hunk.old.iter().all(|line| line.is_empty())
    {
        return match text.lines.is_empty() || hunk.at_end {
            true => Ok(Place {
                at: text.lines.len(),
                level: super::text::Level::Bytes,
                shift: super::find::Shift::None,
                cut: hunk.bare_tail,
            }),
            false => Err(Why::edit(
                EditCode::EditAmbiguous,
                "it says no line of the file, so where it belongs is not to be told: add lines around it",
            )),
        };
    }
    match find(text, hunk, &bench.numbers, &mut bench.budget) {
        Found::Place(place) => Ok(place),
        Found::Several { at, count } => {
            let mut lines: Vec<String> = at.iter().map(|at| (at + 1).to_string()).collect();
            if count > at.len() {
                lines.push(format!("and {} more", count - at.len()));
            }
            let message = format!(
                "what it looks for stands {count} times in the file, at lines {}: add lines around it until it stands once",
                lines.join(", ")
            );
            Err(Why::edit(EditCode::EditAmbiguous, message))
        }
        Found::GaveUp => Err(Why::edit(
            EditCode::EditAmbiguous,
            "looking for it took too long, since this reply has many edits of large files: send whole files",
        )),
        Found::Nowhere => Err(miss(bench, text, hunk)),
    }
}

fn miss(bench: &mut Bench, text: &Text, hunk: &Hunk<'_>) -> Why {
    bench.misses += 1;
    let nearest = (bench.misses <= MISSES_SHOWN)
        .then(|| nearest(text, &hunk.old, &bench.numbers))
        .flatten();
    let message = match &nearest {
        None => "what it looks for is not in the file, and nothing like it is".to_owned(),
        Some(nearest) => {
            let last = nearest.line + nearest.lines.len() - 1;
            format!(
                "what it looks for is not in the file; the nearest are lines {}-{last}, and line {} is the first that \
                 differs, where the edit has `{}`: copy the lines as the file has them",
                nearest.line, nearest.differs, nearest.wanted
            )
        }
    };
    Why {
        nearest: nearest.map(Box::new),
        ..Why::edit(EditCode::EditNotFound, message)
    }
}
