//! Finds the fenced code blocks of a text, line by line, as CommonMark does.
//!
//! Own code and not pulldown-cmark, for what a tree of events cannot give: every line is looked at once and
//! in order, whatever the text; where a block ends may be decided by more than CommonMark knows (`nesting`,
//! `think`), while pulldown-cmark has settled all block ends before its first event, so that a mended end
//! would need a second parse of the rest; and the line before a fence, byte ranges, and blocks that never
//! close are at hand. Without that mending (`recover`), it is CommonMark: a property test holds it against
//! pulldown-cmark on texts made of all that opens, continues or ends blocks. 100,000 texts of up to 30 lines
//! showed one difference, a quote mark behind a tab, where CommonMark says code and pulldown-cmark 0.13 does
//! not.

use std::ops::Range;

use crate::containers::{Container, Containers, is_heading, is_thematic_break, is_underline};
use crate::cursor::Cursor;
use crate::fence::FenceLine;
use crate::html::HtmlBlock;
use crate::label::label;
use crate::lines::Lines;
use crate::nesting::{End, Lookahead};
use crate::think;

/// One fenced code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fence<'t> {
    pub(crate) opener: FenceLine<'t>,
    /// 1-based: the opener's line, and the closer's or else the last one.
    pub(crate) lines: (usize, usize),
    /// Of the input, between opener and closer.
    pub(crate) body: Range<usize>,
    /// The body without list indent and quote marks, with LF.
    pub(crate) content: String,
    pub(crate) closed: bool,
    /// Fences inside leave more than one reading.
    pub(crate) ambiguous: bool,
    /// The line directly before, when it is text.
    pub(crate) before: Option<&'t str>,
}

/// All blocks of a text.
#[derive(Default)]
pub(crate) struct Scan<'t> {
    pub(crate) fences: Vec<Fence<'t>>,
    /// 1-based line of a think block that never ends.
    pub(crate) endless_thought: Option<usize>,
    /// 1-based lines of fences with an info string that are text of an HTML block, such as `<details>` with
    /// no blank line below it.
    pub(crate) swallowed: Vec<usize>,
}

/// Scans the text. Without `recover`, nothing but CommonMark decides.
pub(crate) fn scan<'t>(lines: &Lines<'t>, recover: bool) -> Scan<'t> {
    let mut scanner = Scanner {
        lines,
        recover,
        containers: Containers::default(),
        leaf: Leaf::None,
        open: None,
        before: None,
        item: Item::default(),
        lookahead: Lookahead::new(lines),
        scan: Scan::default(),
    };
    let mut index = 0;
    while index < lines.len() {
        if recover && scanner.open.is_none() {
            match think::thought(lines, index) {
                think::Thought::None => {}
                think::Thought::Until(next) => {
                    scanner.reset();
                    index = next;
                    continue;
                }
                think::Thought::Endless => {
                    scanner.scan.endless_thought = Some(index + 1);
                    break;
                }
                think::Thought::Before => {
                    // The opening tag was part of the prompt: all of this was thinking.
                    scanner.scan.fences.clear();
                    scanner.reset();
                    index += 1;
                    continue;
                }
            }
        }
        scanner.line(index);
        index += 1;
    }
    let end = lines.len();
    if scanner.open.is_some() {
        scanner.close(end, false);
    }
    scanner.scan
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    None,
    Paragraph,
    Html(HtmlBlock),
}

struct Open<'t> {
    fence: Fence<'t>,
    /// Index of the first body line.
    first: usize,
    end: End,
}

struct Scanner<'a, 't> {
    lines: &'a Lines<'t>,
    recover: bool,
    containers: Containers,
    leaf: Leaf,
    open: Option<Open<'t>>,
    before: Option<&'t str>,
    item: Item<'t>,
    lookahead: Lookahead,
    scan: Scan<'t>,
}

/// What is known of the list item whose first line is the last text that was seen.
#[derive(Default)]
struct Item<'t> {
    /// 1-based; 0 when the last text started no item.
    line: usize,
    /// How deep in containers its text stands.
    depth: usize,
    /// The first line of the item right above.
    above: Option<&'t str>,
}

impl<'t> Scanner<'_, 't> {
    fn reset(&mut self) {
        self.containers.truncate(0);
        self.leaf = Leaf::None;
        self.before = None;
    }

    fn line(&mut self, index: usize) {
        let text = self.lines.text(index);
        let mut cursor = Cursor::new(text);
        let depth = self.containers.matched(&mut cursor);
        let matched = depth == self.containers.depth();
        if self.open.is_some() && self.body_line(index, text, cursor, matched) {
            return;
        }
        if let Leaf::Html(html) = self.leaf {
            if matched && !(html.ends_at_blank() && cursor.is_blank()) {
                if html.ends_at_blank()
                    && FenceLine::read(text, cursor).is_some_and(|fence| !fence.info.is_empty())
                {
                    self.scan.swallowed.push(index + 1);
                }
                if html.ends_with(cursor.rest()) {
                    self.leaf = Leaf::None;
                }
                self.see(index, cursor);
                return;
            }
            self.leaf = Leaf::None;
        }
        self.block_line(index, text, cursor, depth);
    }

    /// Takes a line into the open block or closes the block with it; false when the line is not the block's.
    fn body_line(
        &mut self,
        index: usize,
        text: &'t str,
        cursor: Cursor<'_>,
        matched: bool,
    ) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        if open.end == End::Cut(index) {
            open.fence.ambiguous = true;
            self.close(index, false);
            return false;
        }
        let line = FenceLine::read(text, cursor);
        if !matched {
            // Lists are often ended one line too early: the closer stands below the marker, not below the text.
            let dedented = self.recover && line.is_some_and(|line| line.closes(&open.fence.opener));
            if dedented {
                open.fence.ambiguous = true;
            }
            self.close(index, dedented);
            return dedented;
        }
        let closes = match open.end {
            End::Close(at) => at == index,
            End::Cut(_) => false,
            End::Plain | End::Doubtful => line.is_some_and(|line| line.closes(&open.fence.opener)),
        };
        if closes {
            self.close(index, true);
            return true;
        }
        let mut cursor = cursor;
        cursor.skip_columns(open.fence.opener.indent);
        let (spaces, at) = cursor.split_tab();
        let place = self.lines.line(index);
        open.fence.content.extend(std::iter::repeat_n(' ', spaces));
        open.fence.content.push_str(&text[at..]);
        if place.next > place.end {
            open.fence.content.push('\n');
        }
        true
    }

    /// Closes the open block; line `index` is the closer, or the first line after an unclosed block.
    fn close(&mut self, index: usize, closed: bool) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        open.fence.closed = closed;
        open.fence.body = self.lines.span(open.first, index);
        open.fence.lines.1 = if closed {
            index + 1
        } else {
            index.max(open.first)
        };
        self.scan.fences.push(open.fence);
        self.leaf = Leaf::None;
        self.before = None;
        self.item = Item::default();
    }

    /// A line outside of code: opens containers and blocks.
    fn block_line(&mut self, index: usize, text: &'t str, mut cursor: Cursor<'_>, depth: usize) {
        let lazy = depth < self.containers.depth();
        let paragraph = self.leaf == Leaf::Paragraph;
        let mut opened = false;
        loop {
            if cursor.is_blank() {
                if !opened {
                    self.containers.truncate(depth);
                }
                self.leaf = Leaf::None;
                return;
            }
            let indent = cursor.indent();
            if indent > 3 {
                if paragraph && !opened {
                    self.see(index, cursor);
                    return;
                }
                break;
            }
            let mut start = cursor;
            start.skip_columns(indent);
            let rest = start.rest();
            let interrupts = paragraph && !lazy && !opened;
            if let Some(fence) = FenceLine::read(text, cursor) {
                self.enter(depth, opened);
                self.open(index, fence);
                return;
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
                self.see(index, cursor);
                return;
            }
            if is_heading(rest) {
                self.enter(depth, opened);
                self.see(index, cursor);
                return;
            }
            if interrupts && is_underline(rest) {
                self.leaf = Leaf::None;
                return;
            }
            if is_thematic_break(rest) {
                self.enter(depth, opened);
                self.before = None;
                return;
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
                let above = match self.item.line {
                    line if line == index + 1 => self.item.above,
                    0 => None,
                    _ => self.before,
                };
                self.item = Item {
                    line: index + 1,
                    depth: self.containers.depth(),
                    above,
                };
            }
            cursor = after;
            opened = true;
        }
        if lazy && paragraph && !opened {
            self.see(index, cursor);
            return;
        }
        self.enter(depth, opened);
        if cursor.indent() <= 3 {
            self.leaf = Leaf::Paragraph;
        }
        self.see(index, cursor);
    }

    /// Ends the containers that the line does not continue, before something new is put into the rest.
    fn enter(&mut self, depth: usize, opened: bool) {
        if !opened {
            self.containers.truncate(depth);
        }
        self.leaf = Leaf::None;
    }

    fn see(&mut self, index: usize, cursor: Cursor<'_>) {
        self.before = self.lines.text(index).get(cursor.at()..);
        if self.item.line != index + 1 {
            self.item = Item::default();
        }
    }

    /// Whether the text only is the last entry of a list of files, which ended before this line.
    fn is_listed(&self, text: &str) -> bool {
        self.containers.depth() < self.item.depth
            && !text.trim_end().ends_with(':')
            && self.item.above.is_some_and(|above| label(above).is_some())
    }

    fn open(&mut self, index: usize, opener: FenceLine<'t>) {
        let before = self.before.take().filter(|text| !self.is_listed(text));
        let end = if self.recover {
            self.lookahead.end(self.lines, index, &opener, before)
        } else {
            End::Plain
        };
        self.leaf = Leaf::None;
        self.open = Some(Open {
            fence: Fence {
                opener,
                lines: (index + 1, index + 1),
                body: 0..0,
                content: String::new(),
                closed: false,
                ambiguous: matches!(end, End::Doubtful | End::Close(_)),
                before,
            },
            first: index + 1,
            end,
        });
    }
}

#[cfg(test)]
mod tests;
