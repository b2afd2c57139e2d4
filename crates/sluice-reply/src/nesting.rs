//! Decides where a block ends when fences of its own length stand inside it.
//!
//! CommonMark closes a block at the first bare fence that is long enough. A README whose inner fences are
//! as long as its own is cut in two by that, and a block that the agent forgot to close swallows the next
//! file. Both are recognised by the info strings inside, which closers never have.

use memchr::{memchr, memchr_iter, memmem};

use crate::cursor::Cursor;
use crate::fence::FenceLine;
use crate::info::Info;
use crate::label::{Strength, label};
use crate::language::{Kind, is_markdown, kind};
use crate::lines::{self, Line};
use crate::{Source, comment};
use sluice_path::RelPath;

/// Where a block ends. Lines are meant by the byte that they start at.
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
    /// Where so many closers have come, and one more for each opener inside: what can be told when the rest
    /// of the text is not there yet.
    Counted(usize),
}

/// Looks ahead from openers, with a budget that keeps the whole parse linear.
pub(crate) struct Lookahead<'t> {
    text: &'t str,
    /// Every line that could be a fence, in order.
    fences: Vec<Inner>,
    /// Whether there is a carriage return anywhere.
    pub(crate) returns: bool,
    budget: usize,
    /// The place in `fences` that was asked for last: the next one is mostly near.
    near: usize,
}

/// A line below an opener that could end its block or nest in it.
#[derive(Clone, Copy)]
struct Inner {
    line: Line,
    /// 1-based.
    number: usize,
    marker: u8,
    length: usize,
    opens: bool,
    /// Where a file starts that this line opens: here, or at its title above. Found out when first asked.
    starts: Option<Option<usize>>,
}

impl<'t> Lookahead<'t> {
    pub(crate) fn new(text: &'t str) -> Lookahead<'t> {
        let (fences, returns) = fences(text);
        Lookahead {
            text,
            budget: 4 * fences.len() + 1024,
            fences,
            returns,
            near: 0,
        }
    }

    /// The 1-based number of the line that starts at `start`, or of the one that would at the end of the text.
    pub(crate) fn number(&mut self, start: usize) -> usize {
        let below = self.below(start);
        let (from, number) = match below.checked_sub(1).map(|last| &self.fences[last]) {
            Some(inner) => (inner.line.start, inner.number),
            None => (lines::first(self.text), 1),
        };
        number + lines::count(&self.text[from..start])
    }

    /// Where the first line starts, at `from` or after, that can close a block of `opener` outside of all
    /// containers.
    pub(crate) fn closer(&mut self, from: usize, opener: &FenceLine<'_>) -> Option<usize> {
        let next = from.checked_sub(1).map_or(0, |before| self.below(before));
        let closer = self.fences[next..].iter().find(|inner| {
            let line = inner.line.text(self.text);
            !inner.opens
                && inner.marker == opener.marker
                && inner.length >= opener.length
                && FenceLine::read(line, Cursor::new(line)).is_some()
        })?;
        Some(closer.line.start)
    }

    /// Decides about the block that `opener` opens on `line`, after the line `before`.
    pub(crate) fn end(&mut self, line: Line, opener: &FenceLine<'_>, before: Option<&str>) -> End {
        if self.is_plain(line, opener) {
            return End::Plain;
        }
        let nests = is_nesting(self.text, line, opener, before);
        if nests && let Some(close) = self.end_with_bare_openers(line, opener) {
            return End::Close(close);
        }
        let mut depth = 1;
        let mut inner_opener = false;
        let mut first_close = None;
        let mut first_named = None;
        // A named opener met while the block itself is what is open.
        let mut cut = None;
        let mut closed_named = None;
        let body = line.next;
        let mut next = self.below(line.start);
        while let Some((line, opens, starts)) = self.next_fence(&mut next, opener) {
            // A title that stands above this block is its own.
            let starts = starts.filter(|starts| *starts >= body);
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
                let goes_on = || closed_named.is_some_and(|line| self.text_below(line).is_some());
                return match first_named {
                    _ if nests => End::Close(line.start),
                    Some(other) if !goes_on() => End::Cut(other),
                    Some(_) => End::Close(line.start),
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
                End::Cut(self.text.len())
            }
            _ if inner_opener => End::Doubtful,
            _ => End::Plain,
        }
    }

    /// Whether the first fence below is a closer beyond doubt, as nearly always: whatever the block holds.
    fn is_plain(&mut self, line: Line, opener: &FenceLine<'_>) -> bool {
        let next = self.below(line.start);
        self.fences.get(next).is_some_and(|inner| {
            !inner.opens
                && inner.marker == opener.marker
                && inner.length >= opener.length
                && self.text_below(inner.line).is_none()
        })
    }

    /// Where a Markdown block ends in which inner blocks start without an info string, if it has such.
    ///
    /// A bare fence right before text opens a block: closers have a blank line, a fence or nothing below.
    fn end_with_bare_openers(&mut self, line: Line, opener: &FenceLine<'_>) -> Option<usize> {
        let mut next = self.below(line.start);
        let mut inside = false;
        let mut bare_opener = false;
        while let Some((line, opens, starts)) = self.next_fence(&mut next, opener) {
            if starts.is_some() {
                return None;
            }
            if inside {
                inside = opens;
                continue;
            }
            let above_text = self
                .text_below(line)
                .is_some_and(|below| fence_at(below).is_none());
            if opens || above_text {
                bare_opener |= !opens;
                inside = true;
            } else {
                return bare_opener.then_some(line.start);
            }
        }
        None
    }

    /// The text of the next line, unless that is blank.
    fn text_below(&self, line: Line) -> Option<&'t str> {
        let below = Line::at(self.text, line.next)?.text(self.text);
        (!below.trim().is_empty()).then_some(below)
    }

    /// The place in `fences` of the first one whose line starts behind `start`.
    fn below(&mut self, start: usize) -> usize {
        const STEPS: usize = 4;
        let is_above = |inner: &Inner| inner.line.start <= start;
        let (before, rest) = self.fences.split_at(self.near);
        self.near = if before.last().is_none_or(is_above) {
            let near = rest
                .iter()
                .take(STEPS)
                .take_while(|one| is_above(one))
                .count();
            let far = match near {
                STEPS => rest[STEPS..].partition_point(is_above),
                _ => 0,
            };
            self.near + near + far
        } else {
            before.partition_point(is_above)
        };
        self.near
    }

    /// The next fence line that matters to a block opened by `opener`, from place `next` in `fences`.
    fn next_fence(
        &mut self,
        next: &mut usize,
        opener: &FenceLine<'_>,
    ) -> Option<(Line, bool, Option<usize>)> {
        while let Some(inner) = self.fences.get_mut(*next) {
            self.budget = self.budget.checked_sub(1)?;
            *next += 1;
            if inner.marker != opener.marker || inner.length < opener.length {
                continue;
            }
            let text = self.text;
            let starts = || {
                let named =
                    fence_at(inner.line.text(text)).is_some_and(|fence| is_named(fence.info));
                if named {
                    Some(inner.line.start)
                } else {
                    title_above(text, inner.line)
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

/// All lines that are fences, whatever quotes and indents they stand in, and whether there is a carriage return.
///
/// Everything that is asked of each byte is asked here, while it is in the processor's cache.
fn fences(text: &str) -> (Vec<Inner>, bool) {
    const WINDOW: usize = 32 * 1024;
    let bytes = text.as_bytes();
    let first = lines::first(text);
    let mut all: Vec<Inner> = Vec::new();
    let mut returns = false;
    let mut number = 1;
    let mut searches = ["```", "~~~"].map(|marks| (memmem::Finder::new(marks), first));
    for window in (0..bytes.len()).step_by(WINDOW) {
        let end = bytes.len().min(window + WINDOW);
        let known = all.len();
        for (finder, from) in &mut searches {
            *from = window.max(*from);
            // Marks may start in this window and end in the next one.
            let until = bytes.len().min(end + 2);
            while let Some(found) = bytes.get(*from..until).and_then(|part| finder.find(part)) {
                let marked = *from + found;
                let indent = bytes[first..marked]
                    .iter()
                    .rev()
                    .take_while(|b| matches!(b, b' ' | b'\t' | b'>'))
                    .count();
                let start = marked - indent;
                let Some(line) = Line::at(text, start) else {
                    break;
                };
                // What stands before decides about the whole line.
                *from = line.next;
                let starts_line = start == first || bytes[start - 1] == b'\n';
                if starts_line && let Some(fence) = fence_at(line.text(text)) {
                    all.push(Inner {
                        line,
                        number: 0,
                        marker: fence.marker,
                        length: fence.length,
                        opens: !fence.info.is_empty(),
                        starts: None,
                    });
                }
            }
        }
        all[known..].sort_by_key(|inner| inner.line.start);
        let mut counted = window;
        for inner in &mut all[known..] {
            // Its white space may have begun in the window before.
            let start = inner.line.start.max(window);
            number += memchr_iter(b'\n', &bytes[counted..start]).count();
            counted = start;
            inner.number = number;
        }
        number += memchr_iter(b'\n', &bytes[counted..end]).count();
        returns |= memchr(b'\r', &bytes[window..end]).is_some();
    }
    (all, returns)
}

/// The fence on a line, whatever quotes and indents it stands in.
fn fence_at(line: &str) -> Option<FenceLine<'_>> {
    let bare = line.trim_start_matches([' ', '\t', '>']);
    if !bare.starts_with("```") && !bare.starts_with("~~~") {
        return None;
    }
    FenceLine::read(bare, Cursor::new(bare))
}

/// Whether the block holds Markdown, by its path or, without one, by its language.
pub(crate) fn is_nesting(
    text: &str,
    line: Line,
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
    Line::at(text, line.next)
        .and_then(|below| comment::path_comment(&info.language, below.text(text).trim()))
        .is_some_and(|comment| is_markdown(&comment.path))
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

/// Where the line above an opener starts, if it is a title with a path.
fn title_above(text: &str, opener: Line) -> Option<usize> {
    let mut above = Line::above(text, opener.start)?;
    if above.text(text).trim().is_empty() {
        above = Line::above(text, above.start)?;
    }
    let said = above.text(text);
    let titled =
        said.starts_with(['#', '*', '`']) && matches!(label(said), Some((_, Strength::Title)));
    let titled = titled && fence_at(said).is_none();
    titled.then_some(above.start)
}
