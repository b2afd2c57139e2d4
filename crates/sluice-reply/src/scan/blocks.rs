//! CommonMark's block structure, line by line, as far as fences need it.
//!
//! Nothing is borrowed from the text, so that it can grow between two lines.

use std::ops::Range;

use crate::containers::{Container, Containers, is_heading, is_thematic_break, is_underline};
use crate::cursor::Cursor;
use crate::fence::FenceLine;
use crate::html::HtmlBlock;
use crate::label::label;
use crate::lines::Line;
use crate::nesting::End;
use crate::stray::{Stray, Strays};

/// What one line came to. It can end a block and open another one.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) ended: Option<Ended>,
    pub(crate) opened: bool,
    pub(crate) body: Option<Body>,
}

/// A block that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) open: Open,
    /// 1-based: the opener's line, and the closer's or else the last one.
    pub(crate) lines: (usize, usize),
    pub(crate) body: Range<usize>,
    pub(crate) closed: bool,
}

/// A line of a block, without list indent and quote marks.
#[derive(Debug)]
pub(crate) struct Body {
    /// Spaces that stand for the rest of a tab.
    spaces: usize,
    text: Range<usize>,
    is_ended: bool,
}

impl Body {
    /// Reads a line outside of containers, without up to `indent` columns.
    pub(crate) fn read(text: &str, line: Line, indent: usize) -> Body {
        Body::at(line, Cursor::new(line.text(text)), indent)
    }

    fn at(line: Line, mut cursor: Cursor<'_>, indent: usize) -> Body {
        cursor.skip_columns(indent);
        let (spaces, at) = cursor.split_tab();
        Body {
            spaces,
            text: line.start + at..line.end,
            is_ended: line.is_ended(),
        }
    }

    pub(crate) fn push_to(&self, text: &str, content: &mut String) {
        content.extend(std::iter::repeat_n(' ', self.spaces));
        content.push_str(&text[self.text.clone()]);
        if self.is_ended {
            content.push('\n');
        }
    }
}

/// A block that is open.
#[derive(Debug)]
pub(crate) struct Open {
    marker: u8,
    length: usize,
    /// Columns before the fence.
    pub(crate) indent: usize,
    info: Range<usize>,
    before: Option<Range<usize>>,
    /// 1-based.
    pub(crate) line: usize,
    /// Where its body starts.
    pub(crate) first: usize,
    end: End,
    /// How many containers it stands in.
    depth: usize,
    pub(crate) ambiguous: bool,
}

impl Open {
    pub(crate) fn opener<'t>(&self, text: &'t str) -> FenceLine<'t> {
        FenceLine {
            marker: self.marker,
            length: self.length,
            indent: self.indent,
            info: &text[self.info.clone()],
            info_at: 0,
        }
    }

    /// The line directly before, when it is text.
    pub(crate) fn before<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.before.clone().map(|before| &text[before])
    }

    pub(crate) fn end(&self) -> End {
        self.end
    }

    pub(crate) fn set_end(&mut self, end: End) {
        self.ambiguous = matches!(end, End::Doubtful | End::Close(_));
        self.end = end;
    }

    /// Whether it stands in no container.
    pub(crate) fn is_free(&self) -> bool {
        self.depth == 0
    }

    fn is_closed_by(&self, line: &FenceLine<'_>) -> bool {
        self.marker == line.marker && line.length >= self.length && line.info.is_empty()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    None,
    Paragraph,
    Html(HtmlBlock),
}

/// What is known of the list item whose first line is the last text that was seen.
#[derive(Default)]
struct Item {
    /// 1-based; 0 when the last text started no item.
    line: usize,
    /// How deep in containers its text stands.
    depth: usize,
    /// The first line of the item right above.
    above: Option<Range<usize>>,
}

/// The state between two lines.
pub(crate) struct Scanner {
    recover: bool,
    containers: Containers,
    leaf: Leaf,
    open: Option<Open>,
    before: Option<Range<usize>>,
    item: Item,
    swallowed: Vec<usize>,
    strays: Strays,
}

impl Scanner {
    pub(crate) fn new(recover: bool) -> Scanner {
        Scanner {
            recover,
            containers: Containers::default(),
            leaf: Leaf::None,
            open: None,
            before: None,
            item: Item::default(),
            swallowed: Vec::new(),
            strays: Strays::default(),
        }
    }

    pub(crate) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut Open> {
        self.open.as_mut()
    }

    /// 1-based lines of fences that are text of an HTML block, so far.
    pub(crate) fn swallowed(&self) -> &[usize] {
        &self.swallowed
    }

    /// Edits that stand in no block, so far.
    pub(crate) fn strays(&self) -> &[Stray] {
        self.strays.found()
    }

    /// 1-based lines of fences that are text of an HTML block, and edits that stand in no block.
    pub(crate) fn into_notes(self) -> (Vec<usize>, Vec<Stray>) {
        (self.swallowed, self.strays.into_found())
    }

    /// Forgets what was noted of text that counts for nothing.
    pub(crate) fn forget_notes(&mut self) {
        self.swallowed.clear();
        self.strays = Strays::default();
    }

    /// Starts anew after text that counts for nothing.
    pub(crate) fn reset(&mut self) {
        self.containers.truncate(0);
        self.leaf = Leaf::None;
        self.before = None;
    }

    /// Takes the next line; `number` is 1-based.
    pub(crate) fn line(&mut self, text: &str, line: Line, number: usize) -> Step {
        let said = line.text(text);
        let mut step = Step::default();
        let mut cursor = Cursor::new(said);
        let depth = self.containers.matched(&mut cursor);
        let matched = depth == self.containers.depth();
        if self.open.is_some() && self.body_line(said, line, number, cursor, matched, &mut step) {
            return step;
        }
        let before = self.before.clone().map(|before| &text[before]);
        self.strays.line(text, line, number, before);
        if let Leaf::Html(html) = self.leaf {
            if matched && !(html.ends_at_blank() && cursor.is_blank()) {
                if html.ends_at_blank()
                    && FenceLine::read(said, cursor).is_some_and(|fence| !fence.info.is_empty())
                {
                    self.swallowed.push(number);
                }
                if html.ends_with(cursor.rest()) {
                    self.leaf = Leaf::None;
                }
                self.see(line, number, cursor);
                return step;
            }
            self.leaf = Leaf::None;
        }
        step.opened = self.block_line(text, line, number, cursor, depth);
        step
    }

    /// Ends the text, whose last line is the one before line `number`.
    pub(crate) fn finish(&mut self, text: &str, number: usize) -> Option<Ended> {
        self.close(text.len(), number, false)
    }

    /// Takes a line into the open block or closes the block with it; false when the line is not the block's.
    fn body_line(
        &mut self,
        said: &str,
        line: Line,
        number: usize,
        cursor: Cursor<'_>,
        matched: bool,
        step: &mut Step,
    ) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        if open.end == End::Cut(line.start) {
            open.ambiguous = true;
            step.ended = self.close(line.start, number, false);
            return false;
        }
        let fence = FenceLine::read(said, cursor);
        let could_close = fence.is_some_and(|fence| open.is_closed_by(&fence));
        if !matched {
            // Lists are often ended one line too early: the closer stands below the marker, not below the text.
            let dedented = self.recover && could_close;
            if dedented {
                open.ambiguous = true;
            }
            step.ended = self.close(line.start, number, dedented);
            return dedented;
        }
        let closes = match &mut open.end {
            End::Close(at) => *at == line.start,
            End::Counted(depth) => {
                let inner = fence
                    .filter(|fence| open.marker == fence.marker && fence.length >= open.length);
                match inner {
                    Some(fence) if fence.info.is_empty() => *depth -= 1,
                    Some(_) => {
                        *depth += 1;
                        open.ambiguous = true;
                    }
                    None => {}
                }
                *depth == 0
            }
            End::Cut(_) => false,
            End::Plain | End::Doubtful => could_close,
        };
        if closes {
            step.ended = self.close(line.start, number, true);
        } else {
            step.body = Some(Body::at(line, cursor, open.indent));
        }
        true
    }

    /// Closes the open block; the line that starts at `start` is the closer, or the first one after an
    /// unclosed block.
    fn close(&mut self, start: usize, number: usize, closed: bool) -> Option<Ended> {
        let open = self.open.take()?;
        self.leaf = Leaf::None;
        self.before = None;
        self.item = Item::default();
        let last = if closed { number } else { number - 1 };
        Some(Ended {
            lines: (open.line, last.max(open.line)),
            body: open.first..start.max(open.first),
            open,
            closed,
        })
    }

    /// A line outside of code: opens containers and blocks. Whether it opened a fenced one.
    fn block_line(
        &mut self,
        text: &str,
        line: Line,
        number: usize,
        mut cursor: Cursor<'_>,
        depth: usize,
    ) -> bool {
        let said = line.text(text);
        let lazy = depth < self.containers.depth();
        let paragraph = self.leaf == Leaf::Paragraph;
        let mut opened = false;
        loop {
            if cursor.is_blank() {
                if !opened {
                    self.containers.truncate(depth);
                }
                self.leaf = Leaf::None;
                return false;
            }
            let indent = cursor.indent();
            if indent > 3 {
                if paragraph && !opened {
                    self.see(line, number, cursor);
                    return false;
                }
                break;
            }
            let mut start = cursor;
            start.skip_columns(indent);
            let rest = start.rest();
            let interrupts = paragraph && !lazy && !opened;
            if let Some(fence) = FenceLine::read(said, cursor) {
                self.enter(depth, opened);
                self.open_fence(text, line, number, &fence);
                return true;
            }
            let html = HtmlBlock::start(rest)
                .filter(|html| *html != HtmlBlock::Tag || !paragraph || opened);
            if let Some(html) = html {
                self.enter(depth, opened);
                self.leaf = if html.ends_with(rest) {
                    Leaf::None
                } else {
                    Leaf::Html(html)
                };
                self.see(line, number, cursor);
                return false;
            }
            if is_heading(rest) {
                self.enter(depth, opened);
                self.see(line, number, cursor);
                return false;
            }
            if interrupts && is_underline(rest) {
                self.leaf = Leaf::None;
                return false;
            }
            if is_thematic_break(rest) {
                self.enter(depth, opened);
                self.before = None;
                return false;
            }
            let Some((container, after)) =
                self.containers
                    .next(cursor, interrupts, if opened { None } else { Some(depth) })
            else {
                break;
            };
            self.enter(depth, opened);
            self.containers.push(container);
            if let Container::Item { .. } = container {
                self.item = self.item_at(number);
            }
            cursor = after;
            opened = true;
        }
        if lazy && paragraph && !opened {
            self.see(line, number, cursor);
            return false;
        }
        self.enter(depth, opened);
        if cursor.indent() <= 3 {
            self.leaf = Leaf::Paragraph;
        }
        self.see(line, number, cursor);
        false
    }

    /// The item that starts on line `number`.
    fn item_at(&mut self, number: usize) -> Item {
        let last = std::mem::take(&mut self.item);
        let above = match last.line {
            line if line == number => last.above,
            0 => None,
            _ => self.before.clone(),
        };
        Item {
            line: number,
            depth: self.containers.depth(),
            above,
        }
    }

    /// Ends the containers that the line does not continue, before something new is put into the rest.
    fn enter(&mut self, depth: usize, opened: bool) {
        if !opened {
            self.containers.truncate(depth);
        }
        self.leaf = Leaf::None;
    }

    fn see(&mut self, line: Line, number: usize, cursor: Cursor<'_>) {
        self.before = Some(line.start + cursor.at()..line.end);
        if self.item.line != number {
            self.item = Item::default();
        }
    }

    /// Whether the text only is the last entry of a list of files, which ended before this line.
    fn is_listed(&self, text: &str, said: &str) -> bool {
        self.containers.depth() < self.item.depth
            && !said.trim_end().ends_with(':')
            && self
                .item
                .above
                .clone()
                .is_some_and(|above| label(&text[above]).is_some())
    }

    fn open_fence(&mut self, text: &str, line: Line, number: usize, fence: &FenceLine<'_>) {
        let before = self.before.take();
        let before = before.filter(|before| !self.is_listed(text, &text[before.clone()]));
        let info = line.start + fence.info_at;
        self.open = Some(Open {
            marker: fence.marker,
            length: fence.length,
            indent: fence.indent,
            info: info..info + fence.info.len(),
            before,
            line: number,
            first: line.next,
            end: End::Plain,
            depth: self.containers.depth(),
            ambiguous: false,
        });
    }
}
