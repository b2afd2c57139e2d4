//! Decides where a block ends when fences of its own length stand inside it.
//!
//! CommonMark closes a block at the first bare fence that is long enough. A README whose inner fences are
//! as long as its own is cut in two by that, and a block that the agent forgot to close swallows the next
//! file. Both are recognised by the info strings inside, which closers never have.

use crate::cursor::Cursor;
use crate::fence::FenceLine;
use crate::info::Info;
use crate::label::{Strength, label};
use crate::language::{Kind, is_markdown, kind};
use crate::lines::Lines;
use crate::{Source, comment};
use sluice_path::RelPath;

/// Where a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As CommonMark says.
    Plain,
    /// As CommonMark says, though fences inside make that doubtful.
    Doubtful,
    /// At this closing line, counting the fences inside.
    Close(usize),
    /// Before this line, which opens another file: the block was never closed.
    Cut(usize),
}

/// Looks ahead from openers, with a budget that keeps the whole parse linear.
pub(crate) struct Lookahead {
    /// Every line that could be a fence, in order.
    fences: Vec<Inner>,
    budget: usize,
}

/// A line below an opener that could end its block or nest in it.
#[derive(Clone, Copy)]
struct Inner {
    line: usize,
    marker: u8,
    length: usize,
    opens: bool,
    /// Where a file starts that this line opens: here, or at its title above. Found out when first asked.
    starts: Option<Option<usize>>,
}

impl Lookahead {
    pub(crate) fn new(lines: &Lines<'_>) -> Lookahead {
        let fences: Vec<Inner> = (0..lines.len())
            .filter_map(|line| inner(lines, line))
            .collect();
        Lookahead {
            budget: 4 * fences.len() + 1024,
            fences,
        }
    }

    /// Decides about the block that `opener` opens on line `index`, after the line `before`.
    pub(crate) fn end(
        &mut self,
        lines: &Lines<'_>,
        index: usize,
        opener: &FenceLine<'_>,
        before: Option<&str>,
    ) -> End {
        let nests = is_nesting(lines, index, opener, before);
        if nests && let Some(close) = self.end_with_bare_openers(lines, index, opener) {
            return End::Close(close);
        }
        let mut depth = 1;
        let mut inner_opener = false;
        let mut first_close = None;
        let mut first_named = None;
        // A named opener met while the block itself is what is open.
        let mut cut = None;
        let mut closed_named = None;
        let mut next = self.fences.partition_point(|inner| inner.line <= index);
        while let Some((line, opens, starts)) = self.next_fence(lines, &mut next, opener) {
            if opens {
                if first_close.is_none() {
                    first_named = first_named.or(starts);
                }
                if depth == 1 {
                    cut = cut.or(starts);
                }
                inner_opener = true;
                depth += 1;
                continue;
            }
            first_close.get_or_insert(line);
            depth -= 1;
            if depth == 1 && first_named.is_some() && closed_named.is_none() {
                closed_named = Some(line);
            }
            if depth == 0 {
                if !inner_opener {
                    return End::Plain;
                }
                let goes_on = || {
                    closed_named.is_some_and(|line| {
                        line + 1 < lines.len() && !lines.text(line + 1).trim().is_empty()
                    })
                };
                return match first_named {
                    _ if nests => End::Close(line),
                    Some(other) if !goes_on() => End::Cut(other),
                    Some(_) => End::Close(line),
                    None => End::Doubtful,
                };
            }
            if !nests && first_named.is_none() && depth >= 1 {
                // Code with an unnamed opener in it: CommonMark's end stands.
                return End::Doubtful;
            }
        }
        // The text is over, or the budget is.
        match (nests, first_named, cut) {
            (true, _, Some(line)) | (false, Some(line), _) => End::Cut(line),
            (true, ..) if inner_opener && first_close.is_some() && self.budget > 0 => {
                End::Cut(lines.len())
            }
            _ if inner_opener => End::Doubtful,
            _ => End::Plain,
        }
    }

    /// Where a Markdown block ends in which inner blocks start without an info string, if it has such.
    ///
    /// A bare fence right before text opens a block: closers have a blank line, a fence or nothing below.
    fn end_with_bare_openers(
        &mut self,
        lines: &Lines<'_>,
        index: usize,
        opener: &FenceLine<'_>,
    ) -> Option<usize> {
        let mut next = self.fences.partition_point(|inner| inner.line <= index);
        let mut inside = false;
        let mut bare_opener = false;
        while let Some((line, opens, starts)) = self.next_fence(lines, &mut next, opener) {
            if starts.is_some() {
                return None;
            }
            if inside {
                inside = opens;
                continue;
            }
            let text_below = line + 1 < lines.len()
                && !lines.text(line + 1).trim().is_empty()
                && fence_at(lines, line + 1).is_none();
            if opens || text_below {
                bare_opener |= !opens;
                inside = true;
            } else {
                return bare_opener.then_some(line);
            }
        }
        None
    }

    /// The next fence line that matters to a block opened by `opener`, from place `next` in `fences`.
    fn next_fence(
        &mut self,
        lines: &Lines<'_>,
        next: &mut usize,
        opener: &FenceLine<'_>,
    ) -> Option<(usize, bool, Option<usize>)> {
        while let Some(inner) = self.fences.get_mut(*next) {
            self.budget = self.budget.checked_sub(1)?;
            *next += 1;
            if inner.marker != opener.marker || inner.length < opener.length {
                continue;
            }
            let starts = || {
                let named = fence_at(lines, inner.line).is_some_and(|fence| is_named(fence.info));
                if named {
                    Some(inner.line)
                } else {
                    title_above(lines, inner.line)
                }
            };
            let starts = if inner.opens {
                *inner.starts.get_or_insert_with(starts)
            } else {
                None
            };
            return Some((inner.line, inner.opens, starts));
        }
        None
    }
}

fn inner(lines: &Lines<'_>, line: usize) -> Option<Inner> {
    let fence = fence_at(lines, line)?;
    Some(Inner {
        line,
        marker: fence.marker,
        length: fence.length,
        opens: !fence.info.is_empty(),
        starts: None,
    })
}

/// The fence on a line, whatever quotes and indents it stands in.
fn fence_at<'t>(lines: &Lines<'t>, line: usize) -> Option<FenceLine<'t>> {
    let bare = lines.text(line).trim_start_matches([' ', '\t', '>']);
    if !bare.starts_with("```") && !bare.starts_with("~~~") {
        return None;
    }
    FenceLine::read(bare, Cursor::new(bare))
}

/// Whether the block holds Markdown, by its path or, without one, by its language.
fn is_nesting(
    lines: &Lines<'_>,
    index: usize,
    opener: &FenceLine<'_>,
    before: Option<&str>,
) -> bool {
    let info = Info::read(opener.info);
    if let Some((_, path)) = info.paths.first() {
        return is_markdown(path);
    }
    if let Some((path, _)) = before.and_then(label) {
        return is_markdown(&path);
    }
    if kind(&info.language) == Kind::Markdown {
        return true;
    }
    index + 1 < lines.len()
        && comment::path_comment(&info.language, lines.text(index + 1).trim())
            .is_some_and(|c| is_markdown(&c.path))
}

/// Whether an info string gives its block a path, beyond doubt.
pub(crate) fn is_named(info: &str) -> bool {
    let info = Info::read(info);
    info.paths.first().is_some_and(|(source, path)| {
        *source != Source::InfoWord
            && path.contains(['.', '/'])
            && (RelPath::parse(path).is_ok() || path.contains(".."))
    })
}

/// The line above an opener, if it is a title with a path.
fn title_above(lines: &Lines<'_>, opener: usize) -> Option<usize> {
    let above = (opener.saturating_sub(2)..opener)
        .rev()
        .find(|line| !lines.text(*line).trim().is_empty())?;
    let text = lines.text(above);
    let titled =
        text.starts_with(['#', '*', '`']) && matches!(label(text), Some((_, Strength::Title)));
    titled.then_some(above)
}
